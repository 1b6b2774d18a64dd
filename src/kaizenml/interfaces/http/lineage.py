"""The route of lineage."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from kaizenml.core.account import Permission
from kaizenml.core.lineage import Way
from kaizenml.interfaces.http.access import seen_projects
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import Belongs, Routes
from kaizenml.interfaces.http.service import Service
from kaizenml.loop.belonging import narrowed, of_thing
from kaizenml.loop.tracing import told, traced

Thing = Annotated[str, Query(min_length=1, max_length=600, description="KIND:NAME, or the name where one thing has it")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="at most so many links each way")]
_THING = Belongs("lineage", "node", of_thing)


def add_lineage(routes: Routes, service: Service) -> None:
    """Add the route."""

    def lineage(node: Thing, way: Way = Way.BOTH, limit: Limit = 1000) -> Response:
        """What a thing came of (`up`), what came of it (`down`), or both."""
        with service.records.reading() as books:
            graph = narrowed(books, traced(books, node, way, limit=limit), seen_projects())
            return answer(told(books, graph).document)

    routes.get("/api/v1/lineage", lineage, permission=Permission.VIEW, of=_THING)
