"""The routes that show what is."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from kaizenml.core.account import Permission
from kaizenml.interfaces.http import views
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import Handler, Routes
from kaizenml.interfaces.http.service import Service
from kaizenml.loop.auditing import verified

Limit = Annotated[int, Query(ge=1, le=1000, description="at most so many")]
Project = Annotated[str | None, Query(max_length=100, description="of this project only")]


def add_reading(routes: Routes, service: Service) -> None:
    """Add the routes."""
    read = Reading(service)
    handlers: dict[str, Handler] = {
        "projects": read.projects,
        "models": read.models,
        "snapshots": read.snapshots,
        "releases": read.releases,
        "releases/{project}/{number}": read.release,
        "endpoints": read.endpoints,
        "endpoints/{name}": read.endpoint,
        "alerts": read.alerts,
        "events": read.events,
        "jobs": read.jobs,
        "inbox": read.inbox,
        "loop": read.loop,
    }
    for path, handler in handlers.items():
        routes.get(f"/api/v1/{path}", handler, permission=Permission.VIEW)
    routes.post("/api/v1/events/verify", read.verified, permission=Permission.OPERATE)


class Reading:
    """One method for each route; each reads one consistent state."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def projects(self) -> Response:
        """Every project: what it declares, its newest run and release, its champion."""
        with self._service.records.reading() as books:
            return answer({"projects": [views.project(one, books) for one in books.declarations.all()]})

    def inbox(self, project: Project = None) -> Response:
        """What waits for a person: what is wanted, since when, and the command that deals with it."""
        return answer({"inbox": self._service.waiting(project)})

    def models(self, model: Project = None, limit: Limit = 100) -> Response:
        """The newest model versions, newest first."""
        with self._service.records.reading() as books:
            return answer({"models": [views.named(one) for one in books.models.newest(model, limit=limit)]})

    def snapshots(self, project: Annotated[str, Query(max_length=100)], limit: Limit = 100) -> Response:
        """The newest snapshots of a project's data, newest first."""
        with self._service.records.reading() as books:
            return answer({"snapshots": [views.named(one) for one in books.snapshots.newest(project, limit=limit)]})

    def releases(self, project: Project = None, limit: Limit = 100) -> Response:
        """The newest releases, newest first."""
        with self._service.records.reading() as books:
            return answer({"releases": [views.named(one) for one in books.releases.newest(project, limit=limit)]})

    def release(self, project: str, number: int) -> Response:
        """One release, with its verdict."""
        with self._service.records.reading() as books:
            return answer(views.named(books.releases.get(f"{project}/{number}")))

    def endpoints(self) -> Response:
        """Every endpoint, with the release that serves."""
        with self._service.records.reading() as books:
            return answer({"endpoints": books.endpoints.all()})

    def endpoint(self, name: str) -> Response:
        """One endpoint, with its rollouts, its newest windows and its open alerts."""
        with self._service.records.reading() as books:
            return answer(views.endpoint(name, books))

    def alerts(self, limit: Limit = 100) -> Response:
        """The newest alerts, newest first."""
        with self._service.records.reading() as books:
            return answer({"alerts": [views.alert(one) for one in books.alerts.newest(limit=limit)]})

    def events(self, after: Annotated[int, Query(ge=0, le=2**53)] = 0, limit: Limit = 1000) -> Response:
        """The events behind this one, oldest first."""
        with self._service.records.reading() as books:
            return answer({"events": books.events.after(after, limit=limit)})

    def jobs(self, limit: Limit = 100) -> Response:
        """The newest jobs, newest first."""
        with self._service.records.reading() as books:
            return answer({"jobs": [views.without_folder(views.plain(job)) for job in books.jobs.newest(limit=limit)]})

    def loop(self) -> Response:
        """What the controller and the workers are doing."""
        return answer(self._service.loop_state())

    def verified(self) -> Response:
        """Check the whole chain of events; an error when one was changed, removed or put in."""
        with self._service.records.reading() as books:
            return answer({"events": verified(books), "is_intact": True})
