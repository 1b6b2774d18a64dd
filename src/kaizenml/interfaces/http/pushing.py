"""The route by which programs send rows."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Response
from pydantic import Field, StrictBool

from kaizenml.core.account import Permission
from kaizenml.errors import StateError, UsageError
from kaizenml.interfaces.http.acting import Body
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import Routes
from kaizenml.interfaces.http.service import Service
from kaizenml.loop.pushing import MOST_ROWS, push
from kaizenml.loop.wiring import House

Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]


class Rows(Body):
    """Rows, each an object of its columns; `run` queues a run, `new_columns` lets columns be new or left out."""

    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_ROWS)]
    run: StrictBool = False
    new_columns: StrictBool = False


def add_pushing(routes: Routes, service: Service) -> None:
    """Add the route."""
    routes.post("/api/v1/projects/{name}/rows", Pushing(service).push, permission=Permission.RUN)


class Pushing:
    """The route; the loop decides."""

    def __init__(self, service: Service) -> None:
        self._house: House | None = getattr(service, "house", None)

    def push(self, name: str, body: Rows, idempotency_key: Key = None) -> Response:
        """Append rows to a project whose source is `kz.push()`, once for each Idempotency-Key."""
        if self._house is None:
            raise StateError("This server takes no rows.", "Send them to the one that `kaizen up` starts.")
        if not idempotency_key:
            raise UsageError(
                "The header Idempotency-Key is missing.",
                "Name these rows, with a UUID for one, so that a retry is safe.",
            )
        done = push(
            self._house,
            name,
            body.rows,
            key=idempotency_key,
            by=body.actor,
            wants_run=body.run,
            has_new_columns=body.new_columns,
        )
        said = {"rows": done.rows, "version": done.version, "digest": done.digest, "repeated": done.is_repeated}
        return answer({"done": said | ({"job": done.job} if done.job else {})}, 200 if done.is_repeated else 201)
