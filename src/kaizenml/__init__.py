"""KaizenML: take a machine-learning project through its whole life, again and again.

The names that a project uses. Everything else is behind the `kaizen` command.
"""

from kaizenml._version import __version__
from kaizenml.core.monitor import every
from kaizenml.project import (
    Project,
    at_least,
    beats_baselines,
    beats_champion,
    bias,
    drift,
    files,
    latency,
    not_worse,
    performance,
    resources,
    slices,
    staleness,
)

__all__ = [
    "Project",
    "__version__",
    "at_least",
    "beats_baselines",
    "beats_champion",
    "bias",
    "drift",
    "every",
    "files",
    "latency",
    "not_worse",
    "performance",
    "resources",
    "slices",
    "staleness",
]
