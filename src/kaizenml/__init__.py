"""KaizenML: take a machine-learning project through its whole life, again and again.

The names that a project uses. Everything else is behind the `kaizen` command.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from kaizenml._version import __version__

if TYPE_CHECKING:
    from kaizenml.core.monitor import every
    from kaizenml.core.webhook import verify_webhook
    from kaizenml.data.join import join
    from kaizenml.data.lags import lags
    from kaizenml.interfaces.python.pipelines import accept, ci, execute, tune
    from kaizenml.interfaces.python.runs import cancel, compare, rerun, runs
    from kaizenml.loop.autologging import autolog
    from kaizenml.loop.explaining import why
    from kaizenml.loop.model_registry import models
    from kaizenml.loop.tracing import lineage
    from kaizenml.loop.tracking import current_run, run
    from kaizenml.project import (
        Project,
        at_least,
        baseline,
        beats_baselines,
        beats_champion,
        between,
        bias,
        calibrated,
        choice,
        direction,
        drift,
        each,
        files,
        frame,
        invariant,
        kafka,
        latency,
        minimum,
        not_worse,
        people,
        performance,
        policy,
        push,
        resources,
        size,
        slices,
        sql,
        staleness,
    )
    from kaizenml.training.network import torch

__all__ = [
    "Project",
    "__version__",
    "accept",
    "at_least",
    "autolog",
    "baseline",
    "beats_baselines",
    "beats_champion",
    "between",
    "bias",
    "calibrated",
    "cancel",
    "choice",
    "ci",
    "compare",
    "current_run",
    "direction",
    "drift",
    "each",
    "every",
    "execute",
    "files",
    "frame",
    "invariant",
    "join",
    "kafka",
    "lags",
    "latency",
    "lineage",
    "minimum",
    "models",
    "not_worse",
    "people",
    "performance",
    "policy",
    "push",
    "rerun",
    "resources",
    "run",
    "runs",
    "size",
    "slices",
    "sql",
    "staleness",
    "torch",
    "tune",
    "verify_webhook",
    "why",
]


#: Where a name is, if not in `kaizenml.project`; each is loaded when it is asked for, so that no command waits for all.
_HOMES = {
    "accept": "kaizenml.interfaces.python.pipelines",
    "autolog": "kaizenml.loop.autologging",
    "cancel": "kaizenml.interfaces.python.runs",
    "ci": "kaizenml.interfaces.python.pipelines",
    "compare": "kaizenml.interfaces.python.runs",
    "current_run": "kaizenml.loop.tracking",
    "every": "kaizenml.core.monitor",
    "execute": "kaizenml.interfaces.python.pipelines",
    "join": "kaizenml.data.join",
    "lags": "kaizenml.data.lags",
    "lineage": "kaizenml.loop.tracing",
    "models": "kaizenml.loop.model_registry",
    "rerun": "kaizenml.interfaces.python.runs",
    "run": "kaizenml.loop.tracking",
    "runs": "kaizenml.interfaces.python.runs",
    "torch": "kaizenml.training.network",
    "tune": "kaizenml.interfaces.python.pipelines",
    "verify_webhook": "kaizenml.core.webhook",
    "why": "kaizenml.loop.explaining",
}


def __getattr__(name: str) -> object:
    """Load a name when it is asked for."""
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "kaizenml.project")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the names, loaded or not."""
    return list(__all__)
