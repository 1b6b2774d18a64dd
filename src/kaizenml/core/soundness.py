"""What is wrong with what a home remembers: faults, and the laws by which records must agree."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kaizenml.core.approval import is_genuine
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.job import Job, JobState
from kaizenml.core.model import ModelVersion
from kaizenml.core.release import Release, ReleaseState
from kaizenml.core.rollout import Rollout
from kaizenml.core.run import Run, RunState
from kaizenml.core.snapshot import Snapshot

#: A lease that ran out so long ago is nobody's any more.
LAPSED = timedelta(minutes=10)
#: Clocks of machines may differ by so much.
SKEW = timedelta(minutes=5)
_AGAIN = "Run the project anew: `kaizen run`."
_BACKUP = "Restore the home from a backup: `kaizen restore`."


class Area(StrEnum):
    """What is looked at."""

    DATABASE = "database"
    EVENTS = "events"
    RECORDS = "records"
    LINEAGE = "lineage"
    BLOBS = "blobs"
    TABLES = "tables"
    HOME = "home"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Parameters
    ----------
    subject
        What it is about, as lineage names things: ``release:flights/3``, ``run:…``; or a file, or a digest.
    said
        What is wrong, in a sentence.
    hint
        What to do.
    is_grave
        Whether something is lost, false or unusable; else it is only untidy, or mends itself.
    """

    area: Area
    subject: str
    said: str
    hint: str
    is_grave: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """All records that refer to each other."""

    runs: Mapping[str, Run]
    snapshots: Mapping[str, Snapshot]
    models: Mapping[str, ModelVersion]
    releases: Mapping[str, Release]
    endpoints: Mapping[str, Endpoint]
    rollouts: Mapping[str, Rollout]
    jobs: Mapping[str, Job]


def disagreements(held: Held, now: datetime, key: bytes | None) -> Iterator[Fault]:
    """Return where records name what is not there, or say what cannot be true together.

    Parameters
    ----------
    key
        What approvals are sealed with; None where the home has lost it.
    """
    for run in held.runs.values():
        yield from _of_run(run, held)
    for model in held.models.values():
        yield from _missing(f"model:{model.name}", "run", model.run, held.runs)
        yield from _missing(f"model:{model.name}", "snapshot", model.snapshot, held.snapshots)
    champions = {each.champion for each in held.endpoints.values()}
    for release in held.releases.values():
        yield from _of_release(release, held, champions, key)
    for endpoint in held.endpoints.values():
        yield from _of_endpoint(endpoint, held)
    for job in held.jobs.values():
        if job.state is JobState.LEASED and job.lease_until is not None and job.lease_until + LAPSED < now:
            yield Fault(
                Area.RECORDS,
                f"job:{job.id}",
                f"Its worker {job.worker} has not been heard of since {job.lease_until:%Y-%m-%d %H:%M}.",
                "Start `kaizen up`: it queues the job again.",
                is_grave=False,
            )


def _of_run(run: Run, held: Held) -> Iterator[Fault]:
    by = f"run:{run.id}"
    yield from _missing(by, "snapshot", run.snapshot, held.snapshots)
    job = held.jobs.get(run.id)
    if run.state is RunState.RUNNING and job is not None and job.is_over:
        yield Fault(
            Area.RECORDS,
            by,
            f"It is running, and its job is {job.state}.",
            f"End it: `kaizen cancel {run.id}`.",
            is_grave=False,
        )


def _of_release(release: Release, held: Held, champions: Collection[str], key: bytes | None) -> Iterator[Fault]:
    by = f"release:{release.name}"
    yield from _missing(by, "model", release.model_version, held.models)
    yield from _missing(by, "run", release.run, held.runs)
    if release.parts.digest != release.digest:
        yield Fault(
            Area.RECORDS,
            by,
            f"Its parts make {release.parts.digest[:12]}, and it says {release.digest[:12]}.",
            f"Somebody changed it in the database. {_BACKUP}",
        )
    if release.state is ReleaseState.LIVE and release.name not in champions:
        yield Fault(Area.RECORDS, by, "It is live, and no endpoint has it as its champion.", _BACKUP)
    for given in release.approvals:
        if key is not None and not is_genuine(given, key):
            yield Fault(
                Area.RECORDS,
                by,
                f"The approval by {given.by} is not sealed with this home's key, so it does not count.",
                "Bring back the key that was in use then (`key` in the home), or approve the release anew.",
            )


def _of_endpoint(endpoint: Endpoint, held: Held) -> Iterator[Fault]:
    by = f"endpoint:{endpoint.name}"
    yield from _missing(by, "champion", endpoint.champion, held.releases)
    yield from _missing(by, "previous champion", endpoint.previous, held.releases)
    yield from _missing(by, "rollout", endpoint.rollout, held.rollouts)
    champion = held.releases.get(endpoint.champion)
    if champion is not None and champion.state is not ReleaseState.LIVE:
        yield Fault(Area.RECORDS, by, f"Its champion {champion.name} is {champion.state}, not live.", _BACKUP)
    rollout = held.rollouts.get(endpoint.rollout)
    if rollout is not None and rollout.is_over:
        yield Fault(Area.RECORDS, by, f"Its rollout {rollout.id} is {rollout.state}.", _BACKUP)


def _missing(by: str, what: str, name: str, there: Collection[str]) -> Iterator[Fault]:
    if name and name not in there:
        yield Fault(Area.RECORDS, by, f"It names the {what} {name}, which is not there.", _BACKUP)


def from_the_future(at: datetime, now: datetime) -> Fault | None:
    """Return the fault of a clock that was set back, or was ahead, given when the newest event was written."""
    if at <= now + SKEW:
        return None
    return Fault(
        Area.EVENTS,
        "clock",
        f"The newest event is of {at:%Y-%m-%d %H:%M:%S}, and the clock says {now:%Y-%m-%d %H:%M:%S}.",
        "Set the clock of this machine; leases and approvals last by it.",
        is_grave=False,
    )


def gravest_first(faults: Iterable[Fault]) -> list[Fault]:
    """Return the faults in the order in which they should be read."""
    areas = list(Area)
    return sorted(faults, key=lambda each: (not each.is_grave, areas.index(each.area), each.subject))
