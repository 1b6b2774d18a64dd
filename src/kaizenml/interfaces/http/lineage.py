"""The routes of lineage."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from kaizenml.core.account import Permission
from kaizenml.core.lineage import Way
from kaizenml.interfaces.http.access import seen_projects
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import Belongs, Routes
from kaizenml.interfaces.http.service import Service, house_behind
from kaizenml.loop.belonging import of_thing
from kaizenml.loop.tracing import touched, traced

Thing = Annotated[str, Query(min_length=1, max_length=600, description="KIND:NAME, or the name where one thing has it")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="at most so many links each way")]
Most = Annotated[int, Query(ge=1, le=10_000, description="at most so many")]
After = Annotated[int, Query(ge=0, le=10_000_000, description="leave out so many first")]
_THING = Belongs("lineage", "node", of_thing)


def add_lineage(routes: Routes, service: Service) -> None:
    """Add the routes."""

    def lineage(node: Thing, way: Way = Way.BOTH, limit: Limit = 1000) -> Response:
        """What a thing came of (`up`), what came of it (`down`), or both; and how many rows were answered by that."""
        found = traced(house_behind(service), node, way, limit=limit, projects=seen_projects())
        return answer(found.document)

    def predictions(node: Thing, limit: Most = 100, after: After = 0) -> Response:
        """The newest predictions in which a thing had a part; `value` is JSON."""
        rows = touched(house_behind(service), node, limit=limit, after=after, projects=seen_projects())
        return answer({"predictions": rows.to_dicts()})

    routes.get("/api/v1/lineage", lineage, permission=Permission.VIEW, of=_THING)
    routes.get("/api/v1/lineage/predictions", predictions, permission=Permission.VIEW, of=_THING)
