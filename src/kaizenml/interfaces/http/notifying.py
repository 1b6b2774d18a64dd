"""The routes of subscriptions and letters: who is told of what happens, and what was delivered."""

from __future__ import annotations

from typing import Annotated, Protocol, runtime_checkable

from fastapi import Query, Response
from pydantic import Field

from kaizenml.core.account import Permission
from kaizenml.core.letter import LetterState
from kaizenml.core.subscription import Channel
from kaizenml.errors import StateError
from kaizenml.interfaces.http.acting import Body, Name, Reason
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import Routes
from kaizenml.interfaces.http.service import Service
from kaizenml.loop.notify_service import LoopNotify

Patterns = Annotated[tuple[Name, ...], Field(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=1000)]
_PATH = "/api/v1/subscriptions"


class Subscribing(Body):
    """Who is told, of what."""

    name: Name
    address: Annotated[str, Field(min_length=1, max_length=2000, description="of a webhook, or one of Apprise")]
    channel: Annotated[Channel | None, Field(description="by the address, unless told otherwise")] = None
    kinds: Annotated[Patterns, Field(description="such as `alert.*`; none: the usual")] = ()
    projects: Annotated[Patterns, Field(description="none: all")] = ()
    endpoints: Annotated[Patterns, Field(description="none: all, and what is about none")] = ()


class Pausing(Body):
    """Why nothing is sent."""

    because: Reason = ""


class Rotating(Body):
    """For how long the old secret signs too."""

    keep: Annotated[str, Field(max_length=20, description="such as 24h")] = "24h"


@runtime_checkable
class HasNotify(Protocol):
    """A service with an outbox behind it."""

    @property
    def notify(self) -> LoopNotify:
        """Subscriptions and letters."""
        ...


def add_notifying(routes: Routes, service: Service) -> None:
    """Add the routes."""
    told = NotifyRoutes(service)
    routes.get(_PATH, told.listed, permission=Permission.OPERATE)
    routes.post(_PATH, told.add, permission=Permission.ADMIN)
    routes.delete(f"{_PATH}/{{name}}", told.remove, permission=Permission.ADMIN)
    routes.post(f"{_PATH}/{{name}}/test", told.test, permission=Permission.ADMIN)
    routes.post(f"{_PATH}/{{name}}/rotate", told.rotate, permission=Permission.ADMIN)
    routes.post(f"{_PATH}/{{name}}/pause", told.pause, permission=Permission.OPERATE)
    routes.post(f"{_PATH}/{{name}}/resume", told.resume, permission=Permission.OPERATE)
    routes.post(f"{_PATH}/{{name}}/redeliver", told.send_all_again, permission=Permission.OPERATE)
    routes.get("/api/v1/letters", told.letters, permission=Permission.OPERATE)
    routes.post("/api/v1/letters/{id}/redeliver", told.send_again, permission=Permission.OPERATE)


class NotifyRoutes:
    """One method for each route."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def _desk(self) -> LoopNotify:
        if not isinstance(self._service, HasNotify):
            raise StateError("Nobody can be told by this server.", "Ask the one that `kaizen up` starts.")
        return self._service.notify

    def listed(self) -> Response:
        """Who is told, and how many letters wait, were delivered, are dead."""
        return answer({"subscriptions": self._desk.listed()})

    def add(self, body: Subscribing) -> Response:
        """Tell an address what happens from now on; the secret of a webhook is in this answer, and never again."""
        made, secret = self._desk.add(
            body.name,
            body.address,
            by=body.actor,
            channel=body.channel,
            kinds=body.kinds,
            projects=body.projects,
            endpoints=body.endpoints,
        )
        return answer({"subscription": made, "secret": secret or None}, 201)

    def remove(self, name: str) -> Response:
        """Tell a subscription nothing more; its letters are deleted."""
        return answer({"subscription": self._desk.remove(name, by=Body().actor)})

    def test(self, name: str, body: Body | None = None) -> Response:
        """Send a test now, and say whether it arrived."""
        came = self._desk.test(name, by=(body or Body()).actor)
        return answer({"has_arrived": came.is_received, "status": came.status, "said": came.said})

    def rotate(self, name: str, body: Rotating | None = None) -> Response:
        """Give a webhook another secret, which is in this answer and never again; the old one signs too for a while."""
        told = body or Rotating()
        return answer({"secret": self._desk.rotate(name, by=told.actor, keep=told.keep)})

    def pause(self, name: str, body: Pausing | None = None) -> Response:
        """Send a subscription nothing until it is resumed; what happens meanwhile waits."""
        told = body or Pausing()
        return answer({"subscription": self._desk.pause(name, by=told.actor, because=told.because)})

    def resume(self, name: str, body: Body | None = None) -> Response:
        """Go on with a subscription where it was paused."""
        return answer({"subscription": self._desk.resume(name, by=(body or Body()).actor)})

    def send_all_again(self, name: str, body: Body | None = None) -> Response:
        """Let all dead letters to a subscription go again."""
        return answer({"letters": self._desk.send_again(subscription=name, by=(body or Body()).actor)})

    def letters(self, to: str | None = None, state: LetterState | None = None, limit: Limit = 100) -> Response:
        """What was, is to be, or could not be delivered, the newest first."""
        return answer({"letters": self._desk.letters(to, state, limit=limit)})

    def send_again(self, id: str, body: Body | None = None) -> Response:  # noqa: A002  it is the path's word
        """Let one dead letter go again; receivers see the same id."""
        return answer({"letters": self._desk.send_again(letter=id, by=(body or Body()).actor)})
