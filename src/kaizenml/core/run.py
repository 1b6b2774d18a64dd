"""One execution of a pipeline, and all that is needed to do it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kaizenml.core.digest import Digest
from kaizenml.core.gate import Verdict
from kaizenml.core.metric import Estimate


class RunState(StrEnum):
    """Where a run is. Finished, failed and refused are final."""

    RUNNING = "running"
    FINISHED = "finished"  # it made a release that its gate lets through
    REFUSED = "refused"  # it made a model version that its gate does not let through
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Code:
    """Which code ran: the digest of the project's own files, and where git has it."""

    digest: Digest
    commit: str = ""
    branch: str = ""
    is_dirty: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """On what it ran: interpreter, every installed distribution, machine."""

    python: str
    platform: str
    packages: Mapping[str, str]
    cpus: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step of a run: how long it took and what it gave."""

    name: str
    started_at: datetime
    seconds: float
    output: Digest | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a project's pipeline.

    ``artefacts`` are what it made besides the model, such as plots and the evaluation as JSON: the name of each and the
    digest of its bytes among the blobs.
    """

    id: str
    project: str
    state: RunState
    started_at: datetime
    code: Code
    environment: Environment
    seed: int
    parameters: Mapping[str, object] = field(default_factory=dict)
    cause: int | None = None
    finished_at: datetime | None = None
    snapshot: str = ""
    steps: tuple[StepRun, ...] = ()
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)
    verdict: Verdict | None = None
    model_version: str = ""
    release: str = ""
    error: str = ""
    hint: str = ""
    artefacts: Mapping[str, Digest] = field(default_factory=dict)
