"""For machines that watch this one: is it alive, is it ready, how much is there of everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from fastapi import Response

from kaizenml.core.account import Permission
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.ports import Books
from kaizenml.errors import KaizenError, NotFoundError
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import Routes
from kaizenml.interfaces.http.service import Service

Sample = tuple[Mapping[str, str], float]


def add_health(routes: Routes, service: Service) -> None:
    """Add the routes."""
    health = Health(service)
    routes.get("/health/live", health.live, permission=Permission.PUBLIC)
    routes.get("/health/ready", health.ready, permission=Permission.PUBLIC)
    routes.get("/metrics", health.metrics, permission=Permission.VIEW)


class Health:
    """One method for each route."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def live(self) -> Response:
        """The process answers."""
        return answer({"status": "ok"})

    def ready(self) -> Response:
        """The books can be read."""
        try:
            with self._service.records.reading() as books:
                books.events.newest(limit=1)
        except KaizenError as error:
            return answer({"status": "not ready", "because": error.message}, 503)
        return answer({"status": "ok"})

    def metrics(self) -> Response:
        """Counts and ages in Prometheus' text format."""
        with self._service.records.reading() as books:
            text = "".join(_families(books, self._service.now()))
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _families(books: Books, now: datetime) -> Iterable[str]:
    newest = books.events.newest(limit=1)
    events = float(newest[0].id if newest else 0)
    yield _family("kaizen_events_total", "counter", "Events in the log.", [({}, events)])
    jobs = [({"state": str(state)}, float(count)) for state, count in books.jobs.counts().items()]
    yield _family("kaizen_jobs", "gauge", "Jobs by state.", jobs)
    endpoints = books.endpoints.all()
    yield _family("kaizen_alerts_firing", "gauge", "Alerts that are open.", [_alerts(books, one) for one in endpoints])
    champions = [({"endpoint": one.name, "release": one.champion}, 1.0) for one in endpoints]
    yield _family("kaizen_champion_info", "gauge", "The release that serves.", champions)
    ages = [sample for one in endpoints for sample in _ages(books, one, now)]
    yield _family("kaizen_model_age_seconds", "gauge", "Since the serving model was made.", ages)


def _alerts(books: Books, endpoint: Endpoint) -> Sample:
    return {"endpoint": endpoint.name}, float(sum(alert.is_open for alert in books.alerts.unresolved(endpoint.name)))


def _ages(books: Books, endpoint: Endpoint, now: datetime) -> list[Sample]:
    try:
        model = books.models.get(books.releases.get(endpoint.champion).model_version)
    except NotFoundError:
        return []
    return [({"endpoint": endpoint.name}, (now - model.created_at).total_seconds())]


def _family(name: str, kind: str, said: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP {name} {said}", f"# TYPE {name} {kind}"]
    lines += [
        f"{name}{_labels(labels)} {value:g}" if value < 1e6 else f"{name}{_labels(labels)} {value:.0f}"
        for labels, value in samples
    ]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
