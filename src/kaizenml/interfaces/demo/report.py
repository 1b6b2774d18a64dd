"""What the demo shows at its end: who served when and why, what was stopped, what improving was worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from kaizenml.core.event import Event, Kind, causes
from kaizenml.core.metric import Task
from kaizenml.core.ports import Books
from kaizenml.data.clean import replay
from kaizenml.loop import collecting
from kaizenml.loop.outcomes import truth
from kaizenml.loop.reporting import delivery_of, sentence, timeline
from kaizenml.loop.scoring import LoadedScorer, load_release
from kaizenml.loop.wiring import House
from kaizenml.training.metrics import values

ENDPOINT = "flights"


def report(house: House, flights: Path, counted: dict[str, Any]) -> dict[str, Any]:
    """Return everything that the demo shows, as data."""
    with house.records.reading() as books:
        log = {event.id: event for event in books.events.after(0, limit=10_000_000)}
        found = {
            "champions": _champions(books, log),
            "rolled_back": _rolled_back(log),
            **counted,
            "alerts": _alerts(log),
            "delivery": delivery_of(books),
            "timeline": [_line(event, log) for event in timeline(books)],
        }
    return found | _live_quality(house, flights)


def _champions(books: Books, log: dict[int, Event]) -> list[dict[str, Any]]:
    found = []
    for event in (each for each in log.values() if each.kind is Kind.CHAMPION_CHANGED):
        release = books.releases.get(str(event.facts["release"]))
        metrics = books.models.get(release.model_version).metrics
        found.append(
            {
                "release": release.name,
                "metrics": {name: {"value": m.value, "low": m.low, "high": m.high} for name, m in metrics.items()},
                "cause": _cause(event, log),
                "at": _at(event),
            }
        )
    return found


def _rolled_back(log: dict[int, Event]) -> list[dict[str, Any]]:
    return [
        {
            "release": event.facts["release"],
            "cause": event.facts["because"],
            "max_traffic_share": event.facts["max_share"],
            "seconds_to_restore": event.facts["seconds_to_restore"],
            "at": _at(event),
        }
        for event in log.values()
        if event.kind is Kind.ROLLBACK_FINISHED
    ]


def _alerts(log: dict[int, Event]) -> list[dict[str, Any]]:
    return [
        {"monitor": event.facts["monitor"], "about": event.facts["about"], "said": event.facts["said"],
         "severity": event.facts["severity"], "event": event.id, "at": _at(event)}
        for event in log.values()
        if event.kind is Kind.ALERT_OPENED
    ]  # fmt: skip


def _line(event: Event, log: dict[int, Event]) -> dict[str, Any]:
    return {
        "id": event.id,
        "event": event.kind,
        "subject": event.subject,
        "actor": event.actor,
        "said": sentence(event),
        "cause": event.cause,
        "because_of": log[event.cause].kind if event.cause in log else None,
        "at": _at(event),
    }


def _cause(event: Event, log: dict[int, Event]) -> str:
    """Return what in the end made a champion: the alert, or the person, at the root of its chain of causes."""
    chain = causes(event, log)
    for each in chain:
        if each.kind is Kind.ALERT_OPENED:
            return f"alert {each.id}: {sentence(each)}"
    root = chain[-1]
    return f"{root.kind} {root.id} by {root.actor}"


def _at(event: Event) -> str:
    return (event.data_at or event.at).isoformat()


def _live_quality(house: House, flights: Path) -> dict[str, Any]:
    """Compare what callers got with what the frozen first release says of the same flights, by log loss."""
    with house.records.reading() as books:
        bundle = books.models.get(books.releases.get(f"{ENDPOINT}/1").model_version).bundle
    scorer = load_release(house.blobs, f"{ENDPOINT}/1", bundle)
    assert isinstance(scorer, LoadedScorer)
    answered = house.tables.read(collecting.predictions_of(ENDPOINT), columns=["id", "role", "probabilities"])
    once = answered.filter(pl.col("role") == "answer").unique("id", keep="last", maintain_order=True)
    labels = collecting.labels(house.tables, ENDPOINT)
    both = once.join(labels.select("id", "value"), on="id", how="inner")
    rows = pl.read_parquet(flights).filter(pl.col("late").is_not_null())
    asked = rows.with_columns(pl.col("scheduled").dt.strftime("%Y-%m-%d %H:%M")).join(
        both, left_on="flight_id", right_on="id", how="inner", maintain_order="left"
    )
    y = truth(asked["value"], scorer.signature)
    frozen = scorer.predict(replay(scorer.plan, asked.select(scorer.plan.names)).frame)
    improved = np.array(asked["probabilities"].to_list(), dtype=np.float64)
    before, after = (values(Task.BINARY, y, each) for each in (frozen, improved))
    return {
        "live_log_loss": {"frozen": before["log_loss"], "improved": after["log_loss"]},
        "live_roc_auc": {"frozen": before["roc_auc"], "improved": after["roc_auc"]},
        "live_rows": len(y),
        "monthly_log_loss": _monthly(rows, asked, y, frozen, improved),
    }


def _monthly(rows: pl.DataFrame, asked: pl.DataFrame, y: Any, frozen: Any, improved: Any) -> list[dict[str, Any]]:
    months = asked.select("flight_id").join(rows, on="flight_id", how="left", maintain_order="left")["scheduled"]
    month = months.dt.strftime("%Y-%m").to_numpy()
    found = []
    for each in sorted(set(month.tolist())):
        chosen = month == each
        before, after = (values(Task.BINARY, y[chosen], p[chosen])["log_loss"] for p in (frozen, improved))
        found.append({"month": each, "frozen": before, "improved": after, "rows": int(chosen.sum())})
    return found
