"""A control plane that really runs, over books in memory, for tests that call it over HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
import uvicorn

from kaizenml.adapters.sql import SqlRecords, open_records
from kaizenml.core.alert import Alert, AlertState, fingerprint
from kaizenml.core.approval import approval
from kaizenml.core.declaration import Declaration, Delivery
from kaizenml.core.digest import digest_of
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Draft, Kind
from kaizenml.core.finding import Finding, Severity
from kaizenml.core.gate import Check, Verdict
from kaizenml.core.inbox import inbox
from kaizenml.core.job import Job, Work
from kaizenml.core.metric import Estimate, Task
from kaizenml.core.model import ModelVersion
from kaizenml.core.release import Parts, Release, ReleaseState, approved
from kaizenml.core.rollout import Rollout, started
from kaizenml.core.run import Code, Environment, Run, RunState
from kaizenml.core.signature import Signature
from kaizenml.core.snapshot import Snapshot
from kaizenml.errors import NotFoundError
from kaizenml.interfaces.http.access import Access
from kaizenml.interfaces.http.app import create_app

KEY = b"the key of a house in memory"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = "correct-horse-battery-staple"


#: One client for all calls: making one for each reads certificates, and keeping connections would outlive servers.
CLIENT = httpx.Client(verify=False, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0), timeout=10)


@dataclass
class House:
    """A service whose acts touch the books only as far as tests look."""

    records: SqlRecords
    name: str = "flights home"
    version: str = "0.0.0"
    acts: list[tuple[object, ...]] = field(default_factory=list)

    def now(self) -> datetime:
        return NOW

    def waiting(self, project: str | None) -> object:
        with self.records.reading() as books:
            found = inbox(books.releases.newest(), books.endpoints.all(), books.alerts.unresolved(), NOW, KEY)
            return [item for item in found if project in (None, item.project)]

    def approve(self, name: str, *, by: str, override: bool, because: str, digest: str) -> object:  # noqa: ARG002
        with self.records.writing() as books:
            release = books.releases.get(name)
            given = approval(by, release.digest, release.review, NOW, KEY)
            books.releases.move(approved(release, given, KEY), seen=release.state)
            return books.releases.get(name)

    def decline(self, name: str, *, by: str, because: str) -> object:
        return self._noted("decline", name, by, because)

    def ship(self, release: str, *, canary: tuple[int, ...] | None, shadow: bool, by: str) -> object:
        return self._noted("ship", release, canary, shadow, by)

    def rollback(self, endpoint: str, *, by: str) -> object:
        if endpoint != "flights":
            raise NotFoundError("endpoint", endpoint, ["flights"])
        return self._noted("rollback", endpoint, by)

    def trigger(self, project: str, *, by: str, reason: str, facts: Mapping[str, object]) -> object:
        assert set(facts) == {"parameters", "way"}
        return self._noted("trigger", project, by, reason)

    def tune(self, project: str, *, by: str, trials: int, seconds: float | None) -> object:
        return self._noted("tune", project, by, trials, seconds)

    def compare(self, runs: Sequence[str], *, by: str) -> object:
        return {"compare": list(runs), "by": by}

    def rerun(self, run: str, *, by: str, anyway: bool) -> object:
        return {"rerun": run, "by": by, "anyway": anyway}

    def found(self, job: str) -> bytes:
        return json.dumps({"job": job}).encode()

    def cancel(self, run: str, *, by: str) -> object:
        return self._noted("cancel", run, by)

    def acknowledge(self, alert: str, *, by: str) -> object:
        return self._noted("acknowledge", alert, by)

    def advance_clock(self, to: datetime, *, by: str) -> object:
        return self._noted("clock", to, by)

    def loop_state(self) -> dict[str, object]:
        return {"controller": "running", "workers": 1}

    def _noted(self, *act: object) -> object:
        self.acts.append(act)
        return list(act)


def filled_house(*, said: str = "dep_delay moved: psi 0.31 [0.24, 0.38]") -> House:
    """Return a house with a project that is in the middle of everything; ``said`` is text that came from outside."""
    house = House(open_records("sqlite:///:memory:"))
    with house.records.writing() as books:
        gate: tuple[dict[str, object], ...] = ({"requirement": "at_least", "metric": "roc_auc", "limit": 0.65},)
        books.declarations.save(Declaration("flights", "/home/ada/secret", "late", "id", "at", gate, Delivery(), ()))
        books.snapshots.add(_snapshot())
        books.runs.save(_run(said))
        books.models.add(_model())
        for number, state in ((1, ReleaseState.RETIRED), (2, ReleaseState.LIVE), (3, ReleaseState.GATED)):
            books.releases.add(_release(number, state))
        books.endpoints.save_rollout(_rollout(said))
        books.endpoints.save(_endpoint(), seen=0)
        books.alerts.save(_alert(said))
        books.jobs.enqueue(Job("job-1", "key-1", "flights", Work.WATCH, {"folder": "/home/ada/secret"}, NOW, cause=1))
        for day in range(20):
            name = f"flights/2026-02-{day + 1:02d}T00:00:00"
            metrics = {"roc_auc": 0.72 - 0.002 * day - 0.01 * (day % 3), "log_loss": 0.4}
            end = f"2026-02-{day + 2:02d}T00:00:00+00:00"
            books.notes.put("window", name, {"end": end, "rows": 900, "metrics": metrics})
        for draft, hours in _drafts(said):
            books.events.append(draft, NOW - timedelta(hours=hours))
    return house


@contextmanager
def serving(house: House, access: Access | None = None, **more: object) -> Iterator[str]:
    """Serve the house's control plane on a free port of this machine; give its address."""
    app = create_app(house, access, **more)  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", ws="none", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def _snapshot() -> Snapshot:
    digests = [digest_of(part) for part in range(3)]
    at = NOW - timedelta(hours=5)
    return Snapshot("flights", 3, "flights-raw", 4, digests[0], 27_004, 312, (), digests[1], digests[2], at, None, NOW)


def _run(said: str) -> Run:
    return Run(
        id="run-3",
        project="flights",
        state=RunState.FINISHED,
        started_at=NOW - timedelta(hours=4),
        code=Code(digest_of("code"), "abc123"),
        environment=Environment("3.11.7", "linux", {"polars": "2.1.0"}, 2, 2**34),
        seed=7,
        parameters={"note": said},
        finished_at=NOW - timedelta(hours=4) + timedelta(seconds=48),
        metrics={"roc_auc": Estimate(0.712, 0.70, 0.724), "nan": Estimate(float("nan"), 0.0, 0.0)},
        model_version="flights:3",
        release="flights/3",
    )


def _model() -> ModelVersion:
    signature = Signature(Task.BINARY, "late", (), ("False", "True"))
    metrics = {"roc_auc": Estimate(0.7, 0.65, 0.75)}
    at = NOW - timedelta(days=3)
    return ModelVersion("flights", 2, "flights", "run-2", "flights@2", digest_of(2), signature, metrics, at, 1000)


def _release(number: int, state: ReleaseState) -> Release:
    parts = Parts(*(digest_of([number, part]) for part in range(5)))
    checks = (
        Check("at_least roc_auc", True, 0.71, 0.65, "0.71 reaches 0.65"),
        Check("slices origin", True, 0.66, 0.6, "the worst slice is LGA: 0.66"),
    )
    at = NOW - timedelta(hours=10 - number)
    release = Release(
        "flights", number, parts, parts.digest, f"flights:{number}", "run-3", "person:ada", state, Verdict(checks), at
    )
    is_new = state is ReleaseState.GATED
    return release if is_new else replace(release, approved_by="policy:approval", approved_at=at)


def _endpoint() -> Endpoint:
    since = NOW - timedelta(days=2)
    return Endpoint("flights", "flights", "flights/2", "flights/1", "rollout-1", 4, NOW, since, since)


def _rollout(said: str) -> Rollout:
    at = NOW - timedelta(minutes=12)
    moved = started(
        "rollout-1", "flights", champion="flights/2", challenger="flights/3", steps=(5, 25, 100), at=at, reason=said
    )
    return moved.advanced(at + timedelta(minutes=5))


def _alert(said: str) -> Alert:
    finding = Finding("drift", "dep_delay", "psi", 0.31, 0.24, 0.38, 0.1, True, NOW, NOW, Severity.WARNING, said)
    at = NOW - timedelta(hours=3)
    id_ = fingerprint("flights", "drift", "dep_delay")
    return Alert(
        id_, "flights", "drift", "dep_delay", Severity.WARNING, AlertState.FIRING, at, at, NOW, 3, 0, finding, event=4
    )


def _drafts(said: str) -> list[tuple[Draft, float]]:
    def draft(actor: str, kind: Kind, subject: str, cause: int | None = None, **facts: object) -> Draft:
        return Draft("flights", actor, kind, subject, cause, None, facts)

    return [
        (draft("person:ada", Kind.PROJECT_CREATED, "project:flights"), 60),
        (draft("system:ingest", Kind.SNAPSHOT_CREATED, "snapshot:flights@3", 1, rows=27_004), 5),
        (draft("system:monitoring", Kind.WINDOW_WATCHED, "endpoint:flights", rows=912), 3.1),
        (draft("monitor:drift", Kind.ALERT_OPENED, "endpoint:flights", 3, said=said), 3),
        (draft("policy:retraining", Kind.TRIGGER_FIRED, "project:flights", 4, because=said), 2.9),
        (draft("system:worker", Kind.RUN_STARTED, "run:run-3", 5), 2.8),
        (draft("system:worker", Kind.GATE_PASSED, "release:flights/3", 6, release="flights/3"), 2.7),
        (draft("policy:approval", Kind.APPROVAL_GRANTED, "release:flights/3", 7), 2.6),
        (draft("system:controller", Kind.ROLLOUT_STARTED, "endpoint:flights", 8, release="flights/3"), 0.2),
        (draft("system:controller", Kind.ROLLOUT_STEP, "endpoint:flights", 9, reason="no harm at 5 %"), 0.1),
    ]
