"""What a run is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kaizenml.core.assessment import Study
from kaizenml.core.job import Job
from kaizenml.core.pipeline import TRAINING


@dataclass(frozen=True, slots=True)
class Way:
    """How the steps of a run are executed.

    Parameters
    ----------
    pipeline
        Which part of the steps; the training pipeline ends with a gated release.
    start
        A step that runs although its result is kept, with all that depend on it.
    only
        The one step that runs; what it needs must be kept.
    uses_cache
        Whether kept results are used.
    resumes
        A run that was interrupted: what it made and may not be kept for others is used again.
    runner
        Where steps run; empty: where the settings say.
    also
        What the evaluation looks at beside the studies that the project asks for.
    proposes
        Whether a trained model becomes a release that is proposed; without, the gate speaks and nothing follows.
    """

    pipeline: str = TRAINING
    start: str = ""
    only: str = ""
    uses_cache: bool = True
    runner: str = ""
    also: tuple[Study, ...] = ()
    resumes: str = ""
    proposes: bool = True


def named(way: Way) -> dict[str, object]:
    """Return which part of the steps a run is for, as the log of events keeps it."""
    return {"pipeline": way.pipeline, "only": way.only}


@dataclass(frozen=True, slots=True)
class Order:
    """What a run was asked to do, and by whom. ``job`` is the queue's, which a worker must still hold at the end."""

    id: str
    author: str
    parameters: Mapping[str, object]
    cause: int | None = None
    job: Job | None = None
    way: Way = field(default_factory=Way)
