"""Every run of an MLflow client is a run of ours: listed, found, compared and shown like any other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from kaizenml.core.digest import Digest
from kaizenml.core.event import Draft, Kind
from kaizenml.core.mlflow.rows import DELETED
from kaizenml.core.ports import Books
from kaizenml.core.run import Code, Environment, Run, RunKind, RunState
from kaizenml.loop import mlflow_experiments as experiments
from kaizenml.loop.mlflow_messages import Told, value_of

_STATES = {
    "RUNNING": RunState.RUNNING, "SCHEDULED": RunState.RUNNING, "FINISHED": RunState.FINISHED,
    "FAILED": RunState.FAILED, "KILLED": RunState.CANCELLED,
}  # fmt: skip
_KINDS = {
    RunState.FINISHED: Kind.RUN_FINISHED, RunState.FAILED: Kind.RUN_FAILED, RunState.CANCELLED: Kind.RUN_CANCELLED,
}  # fmt: skip
_NOWHERE = Environment("", "", {}, 0, 0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799_000
#: The tag of a run that its client has deleted; ours are never lost.
STAGE = "mlflow.lifecycleStage"
#: The tag of a run that was imported: where it was found.
ORIGIN = "mlflow.origin"


def mirrored(books: Books, now: datetime, told: Told, *, is_new: bool = False, was: str = "") -> Run:
    """Write the run among ours, and the events of its beginning and end."""
    run = as_run(books, now, told)
    books.runs.save(run)
    before = RunState.RUNNING if is_new else _STATES[was] if was else run.state
    if is_new or before is not run.state:
        kind = Kind.RUN_STARTED if run.state is RunState.RUNNING else _KINDS[run.state]
        draft = Draft(run.project, run.author, kind, f"run:{run.id}", None, now, {"kind": str(run.kind)})
        books.events.append(draft, now)
    return run


def as_run(books: Books, now: datetime, told: Told) -> Run:
    """Return what a client told of as a run of ours."""
    where = root_of(told.info.artifact_uri)
    files = {each.path[len(where) + 1 :]: each.digest for each in books.clients.files(where)}
    return run_of(told, experiments.project_of(books, told.info.experiment_id), files, now)


def run_of(told: Told, project: str, files: Mapping[str, Digest], now: datetime) -> Run:
    """Return a run of ours in a project, with these files by path; ``now`` is when it ended where nobody says so."""
    of, tags = told.info, {each.key: each.value for each in told.data.tags}
    if of.lifecycle_stage == DELETED:
        tags[STAGE] = DELETED
    if of.origin:
        tags[ORIGIN] = of.origin
    state = _STATES[of.status]
    unknown = at(of.start_time) if of.origin else now  # nobody knows how long it lasted elsewhere
    ended = at(of.end_time) if of.end_time else unknown
    return Run(
        id=of.run_id,
        project=project,
        state=state,
        started_at=at(of.start_time),
        code=Code(Digest(""), commit=tags.get("mlflow.source.git.commit", "")),
        environment=_NOWHERE,
        parameters={each.key: each.value for each in told.data.params},
        finished_at=None if state is RunState.RUNNING and not of.end_time else ended,
        kind=RunKind.MLFLOW,
        name=of.run_name,
        author=f"person:{of.user_id or tags.get('mlflow.user') or 'unknown'}",
        parent=tags.get("mlflow.parentRunId", ""),
        tags=tags,
        latest={each.key: value_of(each) for each in told.data.metrics},
        data={each.dataset.name: each.dataset.digest for each in told.inputs.dataset_inputs},
        artefacts=files,
    )


def root_of(uri: str) -> str:
    """Return the folder of a URI among the files that clients sent."""
    return uri.partition(":")[2].strip("/")


def at(milliseconds: int) -> datetime:
    """Return a time; one that no calendar has is the nearest that is in one."""
    return _EPOCH + timedelta(milliseconds=min(max(milliseconds, 0), _LATEST))
