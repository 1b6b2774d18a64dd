"""All that the first page shows, read from the books in one consistent state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from kaizenml.core.alert import Alert
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Event
from kaizenml.core.ports import Books
from kaizenml.core.rollout import Rollout
from kaizenml.interfaces.web import stages
from kaizenml.interfaces.web.stages import Stage
from kaizenml.loop.reporting import ROUTINE

#: How many of a project's newest events are looked at, and how many of all are shown.
EVENTS_READ = 300
EVENTS_SHOWN = 30
WINDOWS = 60


@dataclass(frozen=True, slots=True)
class Quality:
    """A live metric, window by window, oldest first; as the data's clock has it."""

    metric: str
    values: tuple[float, ...]
    until: str


@dataclass(frozen=True, slots=True)
class Project:
    """One project."""

    name: str
    stages: tuple[Stage, ...]
    endpoint: Endpoint | None
    rollout: Rollout | None
    alerts: tuple[Alert, ...]
    quality: Quality | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything."""

    projects: tuple[Project, ...]
    events: tuple[Event, ...]
    now: datetime


def overview(books: Books, now: datetime, seen: frozenset[str] | None = None) -> Overview:
    """Return what the first page shows: of these projects, or of all."""
    names = [each.project for each in books.declarations.all() if seen is None or each.project in seen]
    projects = tuple(_project(name, books) for name in names)
    telling = [event for event in _newest(books, seen) if event.kind not in ROUTINE]
    return Overview(projects, tuple(telling[:EVENTS_SHOWN]), now)


def _newest(books: Books, seen: frozenset[str] | None) -> list[Event]:
    if seen is None:
        return books.events.newest(limit=EVENTS_READ)
    found = [each for name in sorted(seen) for each in books.events.newest(limit=EVENTS_READ, project=name)]
    return sorted(found, key=lambda each: -each.id)


def _project(name: str, books: Books) -> Project:
    endpoint = books.endpoints.find(name)
    rollout = books.endpoints.rollout(endpoint.rollout) if endpoint and endpoint.rollout else None
    alerts = books.alerts.unresolved(name)
    shown = tuple(alert for alert in alerts if alert.is_open)
    return Project(
        name, _stages(name, books, endpoint, rollout, alerts), endpoint, rollout, shown, _quality(name, books)
    )


def _stages(
    name: str, books: Books, endpoint: Endpoint | None, rollout: Rollout | None, alerts: list[Alert]
) -> tuple[Stage, ...]:
    jobs, releases = books.jobs.unfinished(name), books.releases.newest(name, limit=1)
    events = books.events.newest(limit=EVENTS_READ, project=name)
    return (
        stages.data(books.snapshots.newest(name, limit=1)),
        stages.train(books.runs.newest(name, limit=1), jobs),
        stages.gate(releases),
        stages.approve(releases),
        stages.serve(endpoint, rollout),
        stages.watch(alerts, events),
        stages.improve(events, jobs),
    )


def _quality(endpoint: str, books: Books) -> Quality | None:
    windows = [
        one for one in books.notes.last("window", f"{endpoint}/", limit=WINDOWS).values() if isinstance(one, dict)
    ]
    measured = [(one, one["metrics"]) for one in windows if isinstance(one.get("metrics"), dict) and one["metrics"]]
    if not measured:
        return None
    last, metrics = measured[-1]
    metric = _shown_metric(metrics)
    values = tuple(float(found[metric]) for _, found in measured if isinstance(found.get(metric), (int, float)))
    return Quality(metric, values, str(last.get("end", ""))) if values else None


def _shown_metric(metrics: Mapping[str, object]) -> str:
    preferred = [metric for metric in ("roc_auc", "accuracy", "r2") if metric in metrics]
    return preferred[0] if preferred else sorted(metrics)[0]
