"""Stage 4: every window of answered rows becomes findings, findings become alerts, alerts become reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import polars as pl

from kaizenml.core.alert import Alert, AlertState
from kaizenml.core.declaration import Declaration
from kaizenml.core.digest import Digest
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Draft, Event, Kind
from kaizenml.core.finding import Finding
from kaizenml.core.model import ModelVersion
from kaizenml.core.monitor import Bias, Drift, Latency, Performance, Resources, Staleness
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.ports import Blobs, Books
from kaizenml.core.profile import Reference
from kaizenml.core.signature import Signature
from kaizenml.data.clean import replay, rows_to_raw
from kaizenml.loop import collecting, improving
from kaizenml.loop.delivering import served
from kaizenml.loop.outcomes import joined, losses_of, scores_of
from kaizenml.loop.processes import used
from kaizenml.loop.windows import floor, span_of
from kaizenml.loop.wiring import House
from kaizenml.monitoring.alerts import Change, changes
from kaizenml.monitoring.drift import DriftWatch, drift_findings
from kaizenml.monitoring.profile import profile
from kaizenml.monitoring.quality import Coverage, bias_finding, coverage, drop_finding, live_quality, prediction_bias
from kaizenml.monitoring.resources import Usage, latencies, latency_finding, resource_findings
from kaizenml.monitoring.staleness import staleness_finding
from kaizenml.monitoring.watch import Watch, watch_finding
from kaizenml.packaging.bundle import unpack
from kaizenml.training.metrics import values

#: How long after a window's end a label may come and still be counted in it.
LABEL_PATIENCE = timedelta(days=7)
#: Windows in a row that must agree before an alert fires, where the monitor has no detector of its own.
HOLD = 2
#: Monitors that have weighed their evidence themselves: one breach is enough.
SURE = ("staleness",)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the monitors of an endpoint stand: what they have seen, and what they remember of it."""

    watched_until: datetime
    release: str
    performance: Watch | None = None
    drift: DriftWatch = field(default_factory=DriftWatch)
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One window: its rows as the champion scored them, joined with what is known to be true."""

    start: datetime
    end: datetime
    rows: pl.DataFrame
    answers: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Known:
    """What a bundle tells the monitors; no model is loaded for it."""

    signature: Signature
    plan: CleaningPlan
    reference: Reference
    watch: Watch | None


def watch(house: House, name: str) -> datetime | None:
    """Bring the monitors of an endpoint up to the time on the data's clock; return how far they have seen."""
    collecting.settle(house)
    collecting.collect(house)
    while (due := _next_window(house, name)) is not None:
        _look(house, name, *due)
    standing = _standing(house, name)
    return standing.watched_until if standing else None


def _next_window(house: House, name: str) -> tuple[datetime, datetime] | None:
    with house.records.reading() as books:
        endpoint = books.endpoints.get(name)
        span = span_of(books.declarations.get(endpoint.project))
        now = house.data_now(books)
    standing = _standing(house, name)
    start = standing.watched_until if standing else floor(endpoint.champion_since_data or now, span)
    return (start, start + span) if start + span <= now else None


def _look(house: House, name: str, start: datetime, end: datetime) -> None:
    """Look at one window: findings, alerts, the rollout, and whether there is a reason to retrain."""
    with house.records.reading() as books:
        endpoint = books.endpoints.get(name)
        version = books.models.get(books.releases.get(endpoint.champion).model_version)
        declared = books.declarations.get(endpoint.project)
    known = _known(house.blobs, version.bundle)  # type: ignore[arg-type]  # every adapter is hashable
    standing = _at(_standing(house, name), endpoint, known, start)
    seen = _seen(house, endpoint, known, start, end)
    findings, after, summary = _findings(house, declared, version, known, standing, seen)
    with house.records.writing() as books:
        books.notes.put("standing", name, msgspec.to_builtins(replace(after, watched_until=end)))
        if len(seen.rows) or any(finding.is_breach for finding in findings):
            event = _tell_window(books, house, endpoint, seen, summary, findings)
            _alert(books, house, endpoint, findings, cause=event.id)
    improving.consider(house, endpoint, known.signature, end)
    with house.records.writing() as books:
        labelled = seen.rows.filter(pl.col("y").is_not_nan()) if len(seen.rows) else seen.rows
        until = labelled["data_at"].max() if len(labelled) else _labelled_until(books, name)
        if until is not None:
            books.notes.put("labelled", name, until.isoformat())  # type: ignore[union-attr]
        improving.decide(books, house, books.endpoints.get(name), labelled_until=until)  # type: ignore[arg-type]


def _labelled_until(books: Books, name: str) -> datetime | None:
    note = books.notes.get("labelled", name)
    return datetime.fromisoformat(str(note)) if note else None


def _seen(house: House, endpoint: Endpoint, known: Known, start: datetime, end: datetime) -> Seen:
    answered = collecting.answered(house.tables, endpoint.name, start, end)
    labels = collecting.labels_between(house.tables, endpoint.name, start, end + LABEL_PATIENCE)
    by_champion = answered.filter(pl.col("release") == endpoint.champion)
    rows = joined(by_champion, labels, known.signature)
    return Seen(start, end, rows, answered.filter(pl.col("role") == "answer"))


def _findings(
    house: House, declared: Declaration, version: ModelVersion, known: Known, standing: Standing, seen: Seen
) -> tuple[list[Finding], Standing, dict[str, Any]]:
    """Return what every declared monitor finds in a window, what they remember, and the window in numbers."""
    labelled = seen.rows.filter(pl.col("y").is_not_nan())
    covered = coverage(len(seen.rows), len(labelled))
    standing = _with_losses(standing, labelled, known.signature)
    took = latencies(seen.answers.unique("request")["seconds"].to_numpy())
    usage = _usage(house, standing, seen)
    found: list[Finding] = []
    for monitor in declared.watched:
        match monitor:
            case Drift() if len(seen.rows):
                drifted, remembered = _drift(known, standing, seen, monitor)
                found += drifted
                standing = replace(standing, drift=remembered)
            case Performance():
                found += _performance(version, known, standing, seen, labelled, covered, monitor)
            case Bias():
                found.append(_bias(known, labelled, monitor, seen))
            case Staleness():
                found.append(staleness_finding(version.tested_until or version.trained_until, seen.end, monitor))
            case Latency():
                found.append(latency_finding(took, monitor, start=seen.start, end=seen.end))
            case Resources() if usage is not None:
                found += resource_findings(usage, monitor, start=seen.start, end=seen.end)
    summary = _summary(known, standing, seen, labelled, covered)
    summary |= {"p50_seconds": took.p50, "p99_seconds": took.p99, "requests": took.n}
    if usage is not None:
        summary |= {"memory_bytes": usage.memory_bytes, "cpu_share": round(usage.cpu_share, 4)}
        standing = replace(standing, cpu_seconds=standing.cpu_seconds + usage.cpu_seconds)
    return found, standing, summary


def _with_losses(standing: Standing, labelled: pl.DataFrame, signature: Signature) -> Standing:
    if standing.performance is None or labelled.is_empty():
        return standing
    y = labelled["y"].to_numpy()
    losses = losses_of(y, scores_of(labelled["value"], labelled["probabilities"], signature), signature.task)
    return replace(standing, performance=standing.performance.updated(float(losses.mean()), len(losses)))


def _drift(known: Known, standing: Standing, seen: Seen, rules: Drift) -> tuple[Iterable[Finding], DriftWatch]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    raw = rows_to_raw([decode(row) for row in seen.rows["row"].to_list()], known.plan)
    window = profile(known.reference, replay(known.plan, raw).frame)
    return drift_findings(known.reference, window, standing.drift, rules=rules, start=seen.start, end=seen.end)


def _performance(
    version: ModelVersion,
    known: Known,
    standing: Standing,
    seen: Seen,
    labelled: pl.DataFrame,
    covered: Coverage,
    rules: Performance,
) -> list[Finding]:
    found = []
    if standing.performance is not None:
        found.append(watch_finding(standing.performance, start=seen.start, end=seen.end))
    promised = version.metrics.get(rules.metric)
    if len(labelled) and promised is not None:
        y, task = labelled["y"].to_numpy(), known.signature.task
        predicted = scores_of(labelled["value"], labelled["probabilities"], known.signature)
        hours = labelled["data_at"].dt.epoch("s").to_numpy() // 3600
        quality = live_quality(
            y,
            predicted,
            hours,
            lambda a, b: values(task, np.asarray(a, np.float64), np.asarray(b, np.float64)),
            np.random.default_rng(int(seen.start.timestamp())),
        )
        start, end = seen.start, seen.end
        found.append(drop_finding(quality, promised.value, rules, covered=covered, start=start, end=end))
    return found


def _bias(known: Known, labelled: pl.DataFrame, rules: Bias, seen: Seen) -> Finding:
    y = labelled["y"].to_numpy()
    predicted = scores_of(labelled["value"], labelled["probabilities"], known.signature)
    if predicted.ndim == 2:
        last = predicted.shape[1] - 1
        predicted, y = predicted[:, last], (y == last).astype(np.float64)
    hours = labelled["data_at"].dt.epoch("s").to_numpy() // 3600
    measured = prediction_bias(predicted, y, hours)
    return bias_finding(measured, rules, rows=len(y), start=seen.start, end=seen.end)


def _summary(known: Known, standing: Standing, seen: Seen, labelled: pl.DataFrame, covered: Coverage) -> dict[str, Any]:
    metrics: dict[str, float] = {}
    if len(labelled):
        predicted = scores_of(labelled["value"], labelled["probabilities"], known.signature)
        found = values(known.signature.task, labelled["y"].to_numpy(), predicted)
        metrics = {name: value for name, value in found.items() if np.isfinite(value)}
    evidence = standing.performance.detector.statistic if standing.performance else None
    return {
        "release": standing.release,
        "rows": len(seen.rows),
        "labelled": len(labelled),
        "coverage": round(covered.share, 4),
        "metrics": metrics,
        "evidence": evidence,
    }


def _usage(house: House, standing: Standing, seen: Seen) -> Usage | None:
    """Return what the data plane used since the monitors last looked."""
    status = served(house)
    measured = used(status.pid) if status else None
    if measured is None:
        return None
    cpu_seconds = max(0.0, measured.cpu_seconds - standing.cpu_seconds)
    return Usage(cpu_seconds, (seen.end - seen.start).total_seconds(), measured.memory_bytes)


def _tell_window(
    books: Books,
    house: House,
    endpoint: Endpoint,
    seen: Seen,
    summary: dict[str, Any],
    findings: list[Finding],
) -> Event:
    breaches = [finding.sentence for finding in findings if finding.is_breach]
    window = {"start": seen.start.isoformat(), "end": seen.end.isoformat(), **summary}
    books.notes.put(
        "window",
        f"{endpoint.name}/{seen.start:%Y-%m-%dT%H:%M:%S}",
        window | {"findings": msgspec.to_builtins(findings)},
    )
    draft = Draft(
        endpoint.project, "system:monitoring", Kind.WINDOW_WATCHED, f"endpoint:{endpoint.name}", None, seen.end,
        window | {"breaches": breaches},
    )  # fmt: skip
    return books.events.append(draft, house.clock.now())


def _alert(books: Books, house: House, endpoint: Endpoint, findings: list[Finding], *, cause: int) -> None:
    now = house.clock.now()
    alerts = books.alerts.unresolved(endpoint.name)
    sure = [finding for finding in findings if _is_sure(finding)]
    rest = [finding for finding in findings if not _is_sure(finding)]
    changed = (
        *changes(sure, alerts, now, endpoint=endpoint.name, hold=1),
        *changes(rest, alerts, now, endpoint=endpoint.name, hold=HOLD),
    )
    for change in changed:
        _write(books, house, endpoint, change, cause=cause)


def _is_sure(finding: Finding) -> bool:
    return finding.monitor in SURE or (finding.monitor == "performance" and finding.subject == "loss")


def _write(books: Books, house: House, endpoint: Endpoint, change: Change, *, cause: int) -> None:
    after = change.after
    if after is None:
        if change.before is not None:
            books.alerts.save(replace(change.before, state=AlertState.RESOLVED, resolved_at=house.clock.now()))
        return
    if change.has_opened:
        event = _tell_alert(books, house, endpoint, after, Kind.ALERT_OPENED, cause)
        after = replace(after, event=event.id)
    elif change.has_resolved:
        _tell_alert(books, house, endpoint, after, Kind.ALERT_RESOLVED, after.event)
    books.alerts.save(after)


def _tell_alert(books: Books, house: House, endpoint: Endpoint, alert: Alert, kind: Kind, cause: int | None) -> Event:
    facts = {"alert": alert.id, "monitor": alert.monitor, "about": alert.subject, "severity": alert.severity,
             "said": alert.finding.sentence}  # fmt: skip
    draft = Draft(
        endpoint.project, f"monitor:{alert.monitor}", kind, f"endpoint:{endpoint.name}", cause,
        alert.finding.window_end, facts,
    )  # fmt: skip
    return books.events.append(draft, house.clock.now())


def _standing(house: House, name: str) -> Standing | None:
    with house.records.reading() as books:
        note = books.notes.get("standing", name)
    return None if note is None else msgspec.convert(note, Standing)


def _at(standing: Standing | None, endpoint: Endpoint, known: Known, start: datetime) -> Standing:
    """Return where the monitors stand: anew, when another release has become champion."""
    if standing is not None and standing.release == endpoint.champion:
        return standing
    used_before = standing.cpu_seconds if standing else 0.0
    return Standing(start, endpoint.champion, performance=known.watch, cpu_seconds=used_before)


@lru_cache(maxsize=8)
def _known(blobs: Blobs, digest: Digest) -> Known:
    bundle = unpack(blobs.get(digest))
    decode = msgspec.json.decode
    return Known(
        signature=bundle.signature,
        plan=decode(bundle.parts["plan.json"], type=CleaningPlan),
        reference=decode(bundle.parts["reference.json"], type=Reference),
        watch=decode(bundle.parts["watch.json"], type=Watch | None),
    )
