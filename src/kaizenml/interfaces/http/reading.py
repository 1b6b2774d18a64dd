"""The routes that show what is."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from kaizenml.core.account import Permission
from kaizenml.core.trail import Trail, actor_of, kinds_of, moment
from kaizenml.interfaces.http import views
from kaizenml.interfaces.http.access import seen_projects, sees
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import ANYWHERE, ENDPOINT, Handler, Routes
from kaizenml.interfaces.http.seen import latest
from kaizenml.interfaces.http.service import Service
from kaizenml.loop import model_views
from kaizenml.loop.auditing import verified
from kaizenml.loop.belonging import owners_of_job
from kaizenml.loop.log_heads import check_remembered
from kaizenml.loop.wiring import House

Limit = Annotated[int, Query(ge=1, le=1000, description="at most so many")]
Project = Annotated[str | None, Query(max_length=100, description="of this project only")]


Id = Annotated[int, Query(ge=0, le=2**53)]


def add_reading(routes: Routes, service: Service) -> None:
    """Add the routes."""
    read = Reading(service)
    lists: dict[str, Handler] = {
        "projects": read.projects,
        "models": read.models,
        "releases": read.releases,
        "endpoints": read.endpoints,
        "alerts": read.alerts,
        "events": read.events,
        "jobs": read.jobs,
        "inbox": read.inbox,
    }
    for path, handler in lists.items():
        routes.get(f"/api/v1/{path}", handler, permission=Permission.VIEW, of=ANYWHERE)
    routes.get("/api/v1/snapshots", read.snapshots, permission=Permission.VIEW)
    routes.get("/api/v1/releases/{project}/{number}", read.release, permission=Permission.VIEW)
    routes.get("/api/v1/endpoints/{name}", read.endpoint, permission=Permission.VIEW, of=ENDPOINT)
    routes.get("/api/v1/loop", read.loop, permission=Permission.VIEW)
    routes.post("/api/v1/events/verify", read.verified, permission=Permission.OPERATE)


class Reading:
    """One method for each route; each reads one consistent state."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def projects(self) -> Response:
        """Every project: what it declares, its newest run and release, its champion."""
        with self._service.records.reading() as books:
            mine = [one for one in books.declarations.all() if sees(one.project)]
            return answer({"projects": [views.project(one, books) for one in mine]})

    def inbox(self, project: Project = None) -> Response:
        """What waits for a person: what is wanted, since when, and the command that deals with it."""
        return answer({"inbox": [item for item in self._service.waiting(project) if sees(item.project)]})

    def models(self, model: Project = None, limit: Limit = 100) -> Response:
        """The newest model versions, newest first."""
        with self._service.records.reading() as books:
            found = latest(
                lambda most: model_views.newest(books, model, limit=most), lambda one: [one["project"]], limit
            )
            return answer({"models": found})

    def snapshots(self, project: Annotated[str, Query(max_length=100)], limit: Limit = 100) -> Response:
        """The newest snapshots of a project's data, newest first."""
        with self._service.records.reading() as books:
            return answer({"snapshots": [views.named(one) for one in books.snapshots.newest(project, limit=limit)]})

    def releases(self, project: Project = None, limit: Limit = 100) -> Response:
        """The newest releases, newest first."""
        with self._service.records.reading() as books:
            found = latest(lambda most: books.releases.newest(project, limit=most), lambda one: [one.project], limit)
            return answer({"releases": [views.named(one) for one in found]})

    def release(self, project: str, number: int) -> Response:
        """One release, with its verdict."""
        with self._service.records.reading() as books:
            return answer(views.named(books.releases.get(f"{project}/{number}")))

    def endpoints(self) -> Response:
        """Every endpoint, with the release that serves."""
        with self._service.records.reading() as books:
            return answer({"endpoints": [one for one in books.endpoints.all() if sees(one.project)]})

    def endpoint(self, name: str) -> Response:
        """One endpoint, with its rollouts, its newest windows and its open alerts."""
        with self._service.records.reading() as books:
            return answer(views.endpoint(name, books))

    def alerts(self, limit: Limit = 100) -> Response:
        """The newest alerts, newest first."""
        with self._service.records.reading() as books:
            of = {one.name: one.project for one in books.endpoints.all()}
            found = latest(
                lambda most: books.alerts.newest(limit=most), lambda one: [of.get(one.endpoint, one.endpoint)], limit
            )
            return answer({"alerts": [views.alert(one) for one in found]})

    def events(
        self,
        after: Id = 0,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
        actor: Annotated[str, Query(max_length=200, description="person:ada, or policy: for all of a sort")] = "",
        kind: Annotated[list[str] | None, Query(max_length=50, description="gate.passed, or gate")] = None,
        subject: Annotated[str, Query(max_length=600, description="release:flights/3; release:flights/ for all")] = "",
        project: Project = None,
        since: Annotated[str, Query(max_length=40, description="2026-03-01T12:00:00Z, or 24h")] = "",
        until: Annotated[str, Query(max_length=40)] = "",
        newest: Annotated[bool, Query(description="the newest first")] = False,
        limit: Limit = 1000,
    ) -> Response:
        """Events, oldest first; `next` is what `after`, or with `newest` `before`, is for those that follow."""
        now, seen = self._service.now(), seen_projects()
        trail = Trail(
            actor_of(actor), kinds_of(kind or ()), subject, seen if project is None else frozenset([project]),
            moment(since, now) if since else None, moment(until, now) if until else None, after, before,
        )  # fmt: skip
        with self._service.records.reading() as books:
            found = books.events.search(trail, limit=limit + 1, is_newest_first=newest)
        more = found[limit - 1].id if len(found) > limit else None
        return answer({"events": found[:limit], "next": more})

    def jobs(self, limit: Limit = 100) -> Response:
        """The newest jobs, newest first."""
        with self._service.records.reading() as books:
            found = latest(lambda most: books.jobs.newest(limit=most), lambda job: owners_of_job(books, job), limit)
            return answer({"jobs": [views.without_folder(views.plain(job)) for job in found]})

    def loop(self) -> Response:
        """What the controller and the workers are doing."""
        return answer(self._service.loop_state())

    def verified(self) -> Response:
        """Check the whole chain of events; an error when one was changed, removed or put in."""
        house: House | None = getattr(self._service, "house", None)
        with self._service.records.reading() as books:
            count = verified(books)
            if house is not None:
                check_remembered(books, house)
        return answer({"events": count, "is_intact": True})
