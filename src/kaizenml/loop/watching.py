"""Stage 4: every window of answered rows becomes findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import polars as pl

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
from kaizenml.loop import collecting
from kaizenml.loop.delivering import served
from kaizenml.loop.outcomes import joined, losses_of, scores_of
from kaizenml.loop.processes import used
from kaizenml.loop.windows import floor, span_of
from kaizenml.loop.wiring import House
from kaizenml.monitoring.drift import DriftWatch, drift_findings
from kaizenml.monitoring.profile import profile
from kaizenml.monitoring.quality import Coverage, bias_finding, coverage, drop_finding, live_quality, prediction_bias
from kaizenml.monitoring.resources import Usage, latencies, latency_finding, resource_findings
from kaizenml.monitoring.staleness import staleness_finding
from kaizenml.monitoring.usual import Usual
from kaizenml.monitoring.watch import Watch, watch_finding
from kaizenml.packaging.bundle import unpack
from kaizenml.training.metrics import value_of, values

#: How long after a window's end a label may come and still be counted in it.
LABEL_PATIENCE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the monitors of an endpoint stand: what they have seen, and what they remember of it."""

    watched_until: datetime
    release: str
    performance: Watch | None = None
    drift: DriftWatch = field(default_factory=DriftWatch)
    cpu_seconds: float = 0.0


#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(Standing),)


@dataclass(frozen=True, slots=True)
class Seen:
    """One window: its rows as the champion scored them, joined with what is known to be true."""

    start: datetime
    end: datetime
    rows: pl.DataFrame
    answers: pl.DataFrame

    @property
    def labelled_until(self) -> datetime | None:
        """When the newest row of which the truth is known was answered."""
        return self.rows.filter(pl.col("y").is_not_nan())["data_at"].max()  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Known:
    """What a bundle tells the monitors; no model is loaded for it."""

    signature: Signature
    plan: CleaningPlan
    reference: Reference
    usual: Usual
    watch: Watch | None


@dataclass(frozen=True, slots=True)
class Situation:
    """An endpoint as the monitors find it: its champion, what was declared, where they stand, what time it is."""

    endpoint: Endpoint
    version: ModelVersion
    declared: Declaration
    known: Known
    standing: Standing
    data_now: datetime


def situation(house: House, name: str) -> Situation:
    """Return an endpoint with its champion, what its project declares, and where its monitors stand."""
    with house.records.reading() as books:
        endpoint = books.endpoints.get(name)
        version = books.models.get(books.releases.get(endpoint.champion).model_version)
        declared = books.declarations.get(endpoint.project)
        note = books.notes.get("standing", name)
        now = house.data_now(books)
    known = _known(house.blobs, version.bundle)  # type: ignore[arg-type]  # every adapter is hashable
    before = None if note is None else msgspec.convert(note, Standing)
    return Situation(endpoint, version, declared, known, _standing(before, endpoint, declared, known, now), now)


def next_window(now: Situation) -> tuple[datetime, datetime] | None:
    """Return the next window that has wholly passed and nobody has looked at; None when there is none."""
    start, span = now.standing.watched_until, span_of(now.declared)
    return (start, start + span) if start + span <= now.data_now else None


def seen(house: House, now: Situation, start: datetime, end: datetime) -> Seen:
    """Return the rows of a window as the champion scored them, beside the truth as far as it is known."""
    endpoint, known = now.endpoint, now.known
    answered = collecting.answered(house.tables, endpoint.name, start, end)
    labels = collecting.labels_between(house.tables, endpoint.name, start, end + LABEL_PATIENCE)
    by_champion = answered.filter(pl.col("release") == endpoint.champion)
    rows = joined(by_champion, labels, known.signature)
    return Seen(start, end, rows, answered.filter(pl.col("role") == "answer"))


def findings(house: House, now: Situation, seen: Seen) -> tuple[list[Finding], Standing, dict[str, Any]]:
    """Return what every declared monitor finds in a window, what they remember, and the window in numbers."""
    version, known, standing = now.version, now.known, now.standing
    labelled = seen.rows.filter(pl.col("y").is_not_nan())
    covered = coverage(len(seen.rows), len(labelled))
    standing = _with_losses(standing, labelled, known.signature)
    took = latencies(seen.answers.unique("request")["seconds"].to_numpy())
    usage = _usage(house, standing, seen)
    found: list[Finding] = []
    for monitor in now.declared.watched:
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
                found.append(staleness_finding(version.trained_until, seen.end, monitor))
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
    chosen = [column for column in known.reference.columns if not rules.columns or column.name in rules.columns]
    reference = replace(known.reference, columns=tuple(chosen))
    plan = known.plan.only([column.name for column in chosen])
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    raw = rows_to_raw([decode(row) for row in seen.rows["row"].to_list()], plan)
    window = profile(reference, replay(plan, raw).frame)
    return drift_findings(
        reference, window, standing.drift, rules=rules, start=seen.start, end=seen.end, usual=known.usual
    )


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
            lambda a, b: {rules.metric: value_of(rules.metric, task, a, b)},
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


def tell(
    books: Books,
    house: House,
    endpoint: Endpoint,
    seen: Seen,
    summary: dict[str, Any],
    findings: list[Finding],
) -> Event:
    """Write what a window was found to be, for the pages and for whoever asks what an alert came from."""
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


def _standing(
    before: Standing | None, endpoint: Endpoint, declared: Declaration, known: Known, now: datetime
) -> Standing:
    """Return where the monitors stand: anew, when another release has become champion."""
    if before is not None and before.release == endpoint.champion:
        return before
    start = before.watched_until if before else floor(endpoint.champion_since_data or now, span_of(declared))
    return Standing(start, endpoint.champion, known.watch, cpu_seconds=before.cpu_seconds if before else 0.0)


@lru_cache(maxsize=8)
def _known(blobs: Blobs, digest: Digest) -> Known:
    bundle = unpack(blobs.get(digest))
    decode = msgspec.json.decode
    return Known(
        signature=bundle.signature,
        plan=decode(bundle.parts["plan.json"], type=CleaningPlan),
        reference=decode(bundle.parts["reference.json"], type=Reference),
        usual=decode(bundle.parts["usual.json"], type=Usual),
        watch=decode(bundle.parts["watch.json"], type=Watch | None),
    )
