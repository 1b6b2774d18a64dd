"""One value of each noun, complete enough to show what storing it loses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kaizenml.core.alert import Alert, AlertState, fingerprint
from kaizenml.core.approval import Approval, Hand, Review
from kaizenml.core.declaration import Declaration, Delivery
from kaizenml.core.digest import digest_of
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Draft, Kind
from kaizenml.core.finding import Finding, Severity
from kaizenml.core.gate import AtLeast, Check, Verdict, as_facts
from kaizenml.core.job import Job, Work
from kaizenml.core.metric import Estimate, Task
from kaizenml.core.model import ModelVersion
from kaizenml.core.release import Parts, Release, ReleaseState
from kaizenml.core.rollout import Phase, Rollout
from kaizenml.core.run import Code, Environment, Run, RunState, StepRun
from kaizenml.core.schema import Column, ColumnKind, Role
from kaizenml.core.signature import Signature
from kaizenml.core.snapshot import Snapshot
from kaizenml.core.source import RawFile

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


def later(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def draft(number: int = 0, *, kind: Kind = Kind.RUN_STARTED, project: str = "flights", **facts: object) -> Draft:
    return Draft(project, "person:ada", kind, f"run:{number}", cause=None, data_at=NOW, facts=facts)


def job(number: int = 0, *, work: Work = Work.RUN, key: str = "") -> Job:
    return Job(f"job-{number}", key or f"key-{number}", "flights", work, {"n": number}, later(number))


def run(number: int = 0, *, state: RunState = RunState.RUNNING, project: str = "flights") -> Run:
    return Run(
        id=f"run-{number}",
        project=project,
        state=state,
        started_at=later(number),
        code=Code(digest_of(number), "abc123", "main", is_dirty=True),
        environment=Environment("3.11.7", "linux", {"polars": "2.1.0"}, 2, 2**34),
        seed=7,
        parameters={"estimator.learning_rate": 0.1, "depth": None},
        steps=(StepRun("train", NOW, 1.5, digest_of("out"), "cached"),),
        metrics={"roc_auc": Estimate(0.7, 0.65, 0.75), "r2": Estimate(float("nan"), float("-inf"), float("inf"))},
        baselines={"dummy": {"roc_auc": Estimate(0.5, 0.5, 0.5)}},
        verdict=verdict(),
        artefacts={"roc.svg": digest_of("roc")},
    )


def verdict() -> Verdict:
    return Verdict((Check("at_least roc_auc", True, 0.7, 0.65, "0.70 reaches 0.65"),))


def release(number: int = 1, *, state: ReleaseState = ReleaseState.GATED, project: str = "flights") -> Release:
    parts = Parts(*(digest_of([number, part]) for part in range(5)))
    return Release(
        project,
        number,
        parts,
        parts.digest,
        f"flights:{number}",
        f"run-{number}",
        "ada",
        state,
        verdict(),
        later(number),
        review=Review(2, ("bob",), 14.0, ("beats_champion",)),
        hands=(Hand("Eve <eve@example.org>", "wrote its last commit"),),
        approvals=(Approval("person:bob", NOW, parts.digest, later(9), "as agreed", "seal"),),
    )


def model(number: int = 1, *, name: str = "flights") -> ModelVersion:
    columns = (Column("hour", ColumnKind.INTEGER, Role.FEATURE, is_nullable=False, example=7),)
    signature = Signature(Task.BINARY, "late", columns, ("False", "True"), "boolean", "flight_id", "scheduled")
    metrics = {"roc_auc": Estimate(0.7, 0.65, 0.75)}
    at = later(number)
    return ModelVersion(name, number, name, "run-1", "flights@1", digest_of(number), signature, metrics, at, 1000, NOW)


def endpoint(generation: int = 1, *, name: str = "flights", champion: str = "flights/1") -> Endpoint:
    return Endpoint(name, "flights", champion, generation=generation, changed_at=NOW)


def rollout(number: int = 1, *, state: Phase = Phase.CANARY) -> Rollout:
    return Rollout(f"rollout-{number}", "flights", "flights/1", "flights/2", (5, 25, 100), 0, state, later(number), NOW)


def alert(state: AlertState = AlertState.FIRING, *, subject: str = "hour", hours: float = 0) -> Alert:
    finding = Finding(
        "drift", subject, "psi", 0.31, 0.2, 0.4, 0.1, True, NOW, later(1), Severity.WARNING, "hour moved by 0.31"
    )
    id_ = fingerprint("flights", "drift", subject)
    at = later(hours)
    return Alert(id_, "flights", "drift", subject, Severity.WARNING, state, at, NOW, at, 2, 0, finding)


def declaration(project: str = "flights") -> Declaration:
    gate = (as_facts(AtLeast(metric="roc_auc", limit=0.65)),)
    return Declaration(
        project,
        f"/home/ada/{project}",
        "late",
        "id",
        "at",
        gate,
        Delivery((5, 100), review=Review(2, ("ada", "bob"), 14.0, ("slices",))),
        (),
    )


def snapshot(number: int = 1) -> Snapshot:
    files = (RawFile("data/january.csv", 1234, digest_of("january")),)
    digests = [digest_of([number, part]) for part in range(3)]
    return Snapshot(
        "flights",
        number,
        "flights-raw",
        4,
        digests[0],
        100,
        2,
        files,
        digests[1],
        digests[2],
        NOW,
        None,
        NOW,
        {"log": 3},
    )
