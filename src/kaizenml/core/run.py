"""One execution of a pipeline, and all that is needed to do it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from kaizenml.core.digest import Digest
from kaizenml.core.gate import Verdict
from kaizenml.core.metric import Estimate
from kaizenml.core.step import StepState


class RunKind(StrEnum):
    """What ran. All of them are runs, listed, compared and executed again alike."""

    PIPELINE = "pipeline"  # a project's steps
    SCRIPT = "script"  # a program that calls `kz.run()`
    NOTEBOOK = "notebook"  # cells that call `kz.run()`
    TUNING = "tuning"  # a search for better parameters of a project's steps
    RERUN = "rerun"  # an old run, executed again from its record
    MLFLOW = "mlflow"  # what an MLflow client told of


class RunState(StrEnum):
    """Where a run is. Only running is not final."""

    RUNNING = "running"
    FINISHED = "finished"  # it came to its end; a pipeline made a release that its gate lets through
    REFUSED = "refused"  # it made a model version that its gate does not let through
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Code:
    """Which code ran: the digest of the project's own files, and where git has it.

    ``diff`` is the blob with what git had not committed, recognisable secrets blotted out, and ``diff_left_out`` how
    many bytes of it were too many to keep. ``files`` is the blob with the files themselves, from which a run is
    executed again.
    """

    digest: Digest
    commit: str = ""
    branch: str = ""
    is_dirty: bool = False
    diff: Digest | None = None
    diff_left_out: int = 0
    files: Digest | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """How a program was called: what follows the interpreter, and where; ``entry`` is its file within the code."""

    arguments: tuple[str, ...]
    folder: str
    entry: str = ""


@dataclass(frozen=True, slots=True)
class Console:
    """What a run wrote to standard output and error: the blob with its beginning and its end.

    Parameters
    ----------
    written, left_out
        Bytes written in all, and bytes from the middle that were not kept.
    """

    content: Digest
    written: int
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Environment:
    """On what it ran: interpreter, every installed distribution, machine.

    Parameters
    ----------
    processor, gpus
        Their models as the machine names them; empty where it does not.
    """

    python: str
    platform: str
    packages: Mapping[str, str]
    cpus: int
    memory_bytes: int
    processor: str = ""
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step of a run: what it was handed, what it gave, how long it took, and why it ran or did not.

    Parameters
    ----------
    output
        The identity of its value.
    note
        What a person should know, such as why the result cannot be used again.
    inputs
        The identity of each value that it was handed.
    key
        The identity of the work; empty where it has none.
    why
        Why it ran, in sentences; nothing where a kept result was used.
    diffs
        What changed in the code that it reaches, by name, as a diff.
    made_by
        The run that made the value, where it is not this one.
    attempts
        How often it was tried.
    items, items_cached
        Into how many items it was fanned out, and how many of their results were there already.
    """

    name: str
    started_at: datetime
    seconds: float
    output: str | None = None
    note: str = ""
    state: StepState = StepState.DONE
    inputs: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    why: tuple[str, ...] = ()
    diffs: Mapping[str, str] = field(default_factory=dict)
    made_by: str = ""
    attempts: int = 1
    items: int | None = None
    items_cached: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One execution: of a project's pipeline, or of any program that asked to be tracked.

    Parameters
    ----------
    seed
        What random numbers were drawn from; None when the program did not say.
    metrics
        Estimates with their intervals. ``latest`` holds the last value of each series (the points are in `Series`).
    data
        The digest of every data set that was read, by name.
    artefacts
        What it made besides the model, such as plots and the evaluation as JSON: the blob of every file, by path.
    parent
        The run within which this one was started.
    again
        The run that this one executes again.
    """

    id: str
    project: str
    state: RunState
    started_at: datetime
    code: Code
    environment: Environment
    seed: int | None = None
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
    kind: RunKind = RunKind.PIPELINE
    name: str = ""
    author: str = ""
    parent: str = ""
    again: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    latest: Mapping[str, float] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    artefacts: Mapping[str, Digest] = field(default_factory=dict)
    command: Command | None = None
    console: Console | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, however."""
        return self.state is not RunState.RUNNING

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs, and 0 where a clock that was set back says less than nothing."""
        return max(0.0, (self.finished_at - self.started_at).total_seconds()) if self.finished_at else None

    def values(self) -> dict[str, float]:
        """Return one number for every metric: the estimate, or else the last point of its series."""
        estimates = {name: each.value for name, each in self.metrics.items()}
        return {**estimates, **{name: value for name, value in self.latest.items() if name not in estimates}}


def may_become(known: Run, wanted: Run) -> bool:
    """Say whether a stored run may be replaced so: one that has ended keeps everything but its name and tags.

    What MLflow's clients told of is theirs: they go on with runs that have ended.
    """
    if known.kind is wanted.kind is RunKind.MLFLOW:
        return True
    same = replace(known, name=wanted.name, tags=wanted.tags)
    return not known.is_over or same == wanted or repr(same) == repr(wanted)  # NaN equals itself here


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as lists show it, a twentieth of its size."""

    id: str
    project: str
    kind: RunKind
    state: RunState
    started_at: datetime
    finished_at: datetime | None
    name: str
    author: str
    parent: str
    snapshot: str
    model_version: str
    release: str
    commit: str
    branch: str
    error: str
    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs, and 0 where a clock that was set back says less than nothing."""
        return max(0.0, (self.finished_at - self.started_at).total_seconds()) if self.finished_at else None


def line_of(run: Run) -> RunLine:
    """Return a run as lists show it."""
    return RunLine(
        id=run.id,
        project=run.project,
        kind=run.kind,
        state=run.state,
        started_at=run.started_at,
        finished_at=run.finished_at,
        name=run.name,
        author=run.author,
        parent=run.parent,
        snapshot=run.snapshot,
        model_version=run.model_version,
        release=run.release,
        commit=run.code.commit,
        branch=run.code.branch,
        error=run.error,
        parameters=run.parameters,
        metrics=run.values(),
        tags=run.tags,
    )
