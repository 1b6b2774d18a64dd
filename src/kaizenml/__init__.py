"""KaizenML: take a machine-learning project through its whole life, again and again.

The names that a project uses. Everything else is behind the `kaizen` command.
"""

from typing import TYPE_CHECKING

from kaizenml._version import __version__
from kaizenml.core.monitor import every
from kaizenml.project import (
    Project,
    at_least,
    beats_baselines,
    beats_champion,
    bias,
    drift,
    each,
    files,
    frame,
    kafka,
    latency,
    not_worse,
    performance,
    push,
    resources,
    slices,
    sql,
    staleness,
)

if TYPE_CHECKING:
    from kaizenml.data.join import join

__all__ = [
    "Project",
    "__version__",
    "at_least",
    "beats_baselines",
    "beats_champion",
    "bias",
    "drift",
    "each",
    "every",
    "files",
    "frame",
    "join",
    "kafka",
    "latency",
    "not_worse",
    "performance",
    "push",
    "resources",
    "slices",
    "sql",
    "staleness",
]


def __getattr__(name: str) -> object:
    """Load `join` when it is asked for: it needs Polars, which `kaizen --help` does not."""
    if name == "join":
        from kaizenml.data.join import join

        return join
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
