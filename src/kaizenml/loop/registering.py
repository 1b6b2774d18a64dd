"""The end of a run: model version, release and the run's last state, written in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from kaizenml.core.digest import Digest, digest_of
from kaizenml.core.event import Draft, Kind
from kaizenml.core.gate import Verdict
from kaizenml.core.job import renewed
from kaizenml.core.model import ModelVersion
from kaizenml.core.ports import Books
from kaizenml.core.release import Parts, Release, ReleaseState
from kaizenml.core.run import Run, RunState
from kaizenml.loop.gating import Champion, Tested
from kaizenml.loop.hands import hands_of
from kaizenml.loop.loading import Loaded
from kaizenml.loop.order import Order
from kaizenml.loop.releasing import decide_by_policy, propose
from kaizenml.loop.snapshotting import Prepared
from kaizenml.loop.wiring import House
from kaizenml.packaging.bundle import Bundle, pack
from kaizenml.project import Project
from kaizenml.training.provenance import committers


def registered(
    loaded: Loaded,
    house: House,
    order: Order,
    done: Run,
    prepared: Prepared,
    values: Mapping[str, Any],
    judged: Tested,
    found: Verdict,
    bundle: Bundle,
    *,
    cause: int,
) -> Run:
    """Write model version, release (where one is to be proposed) and the run's end in one transaction."""
    project, now = loaded.project, house.clock.now()
    content = house.blobs.put(pack(bundle))
    committed = committers(loaded.folder) if order.way.proposes and done.code.commit else ()
    with house.records.writing() as books:
        if order.job is not None:
            books.jobs.save(renewed(order.job, order.job.fence, now), fence=order.job.fence)
        version = _version(books, project, house, done, prepared, values, bundle, content)
        books.models.add(version)
        data_at = house.data_at(books)
        facts: dict[str, object] = {
            "run": done.id,
            "bundle": content,
            "rows": version.rows,
            "snapshot": prepared.snapshot.name,
        }
        registered = books.events.append(
            Draft(project.name, "system:loop", Kind.VERSION_REGISTERED, f"model:{version.name}", cause, data_at, facts),
            now,
        )
        last = registered.id
        if judged.comparison is not None and isinstance(judged.rival, Champion):
            facts = {
                "champion": judged.rival.name,
                "outcome": judged.comparison.outcome,
                "evidence": judged.comparison.sentence,
                "mean": judged.comparison.mean,
                "blocks": judged.comparison.blocks,
            }
            subject = f"model:{version.name}"
            last = books.events.append(
                Draft(project.name, "system:backtest", Kind.BACKTEST_FINISHED, subject, last, data_at, facts), now
            ).id
        state, release = RunState.FINISHED if found.has_passed else RunState.REFUSED, ""
        if order.way.proposes:
            made = _release(books, loaded, order, done, prepared, found, version, committed)
            proposed = propose(books, house, made, cause=last)
            decide_by_policy(books, house, made, cause=proposed.id)
            release = made.name
        ended = replace(done, state=state, finished_at=now, model_version=version.name, release=release)
        books.runs.save(ended)
        facts = {"state": state, "release": release}
        books.events.append(
            Draft(project.name, "system:loop", Kind.RUN_FINISHED, f"run:{done.id}", cause, data_at, facts), now
        )
    return ended


def _version(
    books: Books,
    project: Project,
    house: House,
    done: Run,
    prepared: Prepared,
    values: Mapping[str, Any],
    bundle: Bundle,
    content: Digest,
) -> ModelVersion:
    last = books.models.newest(project.name, limit=1)
    registered = books.registry.find(project.name)  # others may have registered versions under the name
    number = max(last[0].number if last else 0, registered.last_number if registered else 0) + 1
    train, holdout = values["split"].train, values["split"].holdout
    return ModelVersion(
        model=project.name,
        number=number,
        project=project.name,
        run=done.id,
        snapshot=prepared.snapshot.name,
        bundle=content,
        signature=bundle.signature,
        metrics=done.metrics,
        created_at=house.clock.now(),
        rows=len(train),
        trained_until=_newest(train, project.time),
        tested_until=_newest(holdout, project.time),
    )


def _newest(rows: pl.DataFrame, time_column: str | None) -> datetime | None:
    if time_column is None or time_column not in rows.columns:
        return None
    return rows[time_column].max()  # type: ignore[return-value]


def _release(
    books: Books,
    loaded: Loaded,
    order: Order,
    done: Run,
    prepared: Prepared,
    found: Verdict,
    version: ModelVersion,
    committed: tuple[str, ...],
) -> Release:
    last = books.releases.newest(loaded.project.name, limit=1)
    declared = msgspec.to_builtins(books.declarations.get(loaded.project.name))
    declared.pop("folder")
    parts = Parts(
        code=done.code.digest,
        data=prepared.snapshot.digest,
        model=version.bundle,
        environment=digest_of({"python": done.environment.python, "packages": dict(done.environment.packages)}),
        configuration=digest_of({"declared": declared, "parameters": dict(done.parameters), "seed": done.seed}),
    )
    return Release(
        project=loaded.project.name,
        number=last[0].number + 1 if last else 1,
        parts=parts,
        digest=parts.digest,
        model_version=version.name,
        run=done.id,
        author=order.author,
        state=ReleaseState.GATED if found.lets_through else ReleaseState.PROPOSED,
        verdict=found,
        created_at=done.started_at,
        cause=order.cause,
        review=loaded.project.delivery.review,
        hands=hands_of(books, loaded.project.name, committed, order.author),
    )
