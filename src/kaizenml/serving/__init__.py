"""Stage 3, the data plane: answers predictions, follows routes, and logs every answer before it leaves."""

from kaizenml.serving.app import DataPlane
from kaizenml.serving.limits import Limits
from kaizenml.serving.segments import closed_segments, read_segment

__all__ = ["DataPlane", "Limits", "closed_segments", "read_segment"]
