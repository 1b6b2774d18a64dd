"""The route that says what made a prediction."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from kaizenml.core.account import Permission
from kaizenml.interfaces.http.access import acting
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import ENDPOINT, Routes
from kaizenml.interfaces.http.service import Service, house_behind
from kaizenml.loop.why_ordering import answered, queue_why, waited_for

Id = Annotated[str, Path(max_length=600, description="the id that was answered with the prediction")]
Release = Annotated[str, Query(max_length=200, description="whose answer, where several releases scored the row")]
Wait = Annotated[float, Query(ge=0, le=30, description="seconds to wait for the worker that asks the model")]


def add_why(routes: Routes, service: Service) -> None:
    """Add the route."""

    def why(name: str, id: Id, release: Release = "", wait: Wait = 10.0) -> Response:  # noqa: A002  it is the path's word
        """What made a prediction; 202 with the job while a worker asks the model: then ask again."""
        house = house_behind(service)
        asked = queue_why(house, name, id, release=release, by=acting("local", is_said=False))
        job = waited_for(house, asked, seconds=wait)
        if not job.is_over:
            return answer({"job": {"id": job.id, "state": job.state}}, 202)
        return answer(answered(house, job))

    routes.get("/api/v1/endpoints/{name}/predictions/{id:path}/why", why, permission=Permission.RUN, of=ENDPOINT)
