"""The routes of tokens: who may do what."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from kaizenml.core.account import Permission, SetUp, Token
from kaizenml.errors import StateError
from kaizenml.interfaces.http.access import CALLER
from kaizenml.interfaces.http.acting import Body, By, Name
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import ANYWHERE, Routes
from kaizenml.interfaces.http.service import Service
from kaizenml.loop import accounts, setting_up, signing_in


class Issuing(Body):
    """Whose token it is, what it opens, for how long."""

    name: Name
    roles: Annotated[list[Name], Field(min_length=1, max_length=200, description="`viewer`, or `PROJECT:approver`")]
    expires: Annotated[str, Field(max_length=20, description="such as 90d or 12h; `never`")] = "90d"
    service: Annotated[bool, Field(description="of a program rather than a person")] = False
    scopes: Annotated[list[Name], Field(default_factory=list, max_length=20, description="such as `predict` alone")]


class First(BaseModel):
    """Who is the first admin."""

    model_config = ConfigDict(extra="forbid")

    name: By


def add_accounts(routes: Routes, service: Service) -> None:
    """Add the routes."""
    told = AccountRoutes(service)
    routes.get("/api/v1/me", told.me, permission=Permission.VIEW, of=ANYWHERE)
    routes.post("/api/v1/setup", told.setup, permission=Permission.SET_UP)
    routes.get("/api/v1/users", told.users, permission=Permission.ADMIN)
    acts = {"shut-out": told.shut_out, "let-in": told.let_in, "sign-out": told.sign_out, "forget": told.forget}
    for act, does in acts.items():
        routes.post(f"/api/v1/users/{{user}}/{act}", does, permission=Permission.ADMIN)
    routes.get("/api/v1/tokens", told.listed, permission=Permission.ADMIN)
    routes.post("/api/v1/tokens", told.issue, permission=Permission.ADMIN)
    routes.post("/api/v1/tokens/{id}/revoke", told.revoke, permission=Permission.ADMIN)


class AccountRoutes:
    """One method for each route."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def me(self) -> Response:
        """Who calls, and what they may do: `permissions` in every project, `projects` in one each."""
        caller = CALLER.get()
        holder = caller.holder if caller else None
        if caller is None or holder is None:
            return answer({"actor": None, "roles": {}, "permissions": sorted(Permission), "projects": {}})
        told = {"actor": holder.actor, "token": holder.id if isinstance(holder, Token) else None,
                "roles": holder.roles, "expires_at": holder.expires_at}  # fmt: skip
        projects = {project: sorted(holder.granted(project)) for project in caller.projects}
        return answer({**told, "permissions": sorted(holder.granted()), "projects": projects})

    def setup(self, body: First) -> Response:
        """Make the first account of this server, an admin, with the token that it printed at its start."""
        caller = CALLER.get()
        if caller is None or not isinstance(caller.holder, SetUp):
            raise StateError("There is nothing to set up.", "`POST /api/v1/tokens` makes further accounts.")
        with self._service.records.writing() as books:
            text, token = setting_up.finish(books, caller.holder, body.name, now=self._service.now())
        return answer({"text": text, "token": shown(token)}, 201)

    def listed(self) -> Response:
        """Every token, the newest first; what opens with them is kept nowhere."""
        with self._service.records.reading() as books:
            return answer({"tokens": [shown(each) for each in accounts.tokens(books)]})

    def issue(self, body: Issuing) -> Response:
        """Make a token; its text is in this answer, and never again anywhere."""
        with self._service.records.writing() as books:
            text, token = accounts.issue(
                books,
                body.name,
                body.roles,
                by=body.actor,
                now=self._service.now(),
                expires=body.expires,
                service=body.service,
                scopes=body.scopes,
            )
        return answer({"text": text, "token": shown(token)}, 201)

    def revoke(self, id: str, body: Body | None = None) -> Response:  # noqa: A002  it is the path's word
        """Let a token open nothing any more."""
        by = (body or Body()).actor
        with self._service.records.writing() as books:
            return answer({"token": shown(accounts.revoke(books, id, by=by, now=self._service.now()))})

    def users(self) -> Response:
        """Everybody who has signed in, by name."""
        with self._service.records.reading() as books:
            return answer({"users": signing_in.users(books)})

    def shut_out(self, user: str, body: Body | None = None) -> Response:
        """Let somebody in no more, and end their sessions."""
        return self._done(signing_in.shut_out, user, body)

    def let_in(self, user: str, body: Body | None = None) -> Response:
        """Let somebody in again."""
        return self._done(signing_in.let_in, user, body)

    def sign_out(self, user: str, body: Body | None = None) -> Response:
        """End every session of somebody."""
        return self._done(signing_in.sign_out, user, body)

    def forget(self, user: str, body: Body | None = None) -> Response:
        """Make a name free, for whoever signs in next under it."""
        return self._done(signing_in.forget, user, body)

    def _done(self, act: signing_in.Act, user: str, body: Body | None) -> Response:
        with self._service.records.writing() as books:
            return answer({"user": act(books, user, by=(body or Body()).actor, now=self._service.now())})


def shown(token: Token) -> dict[str, object]:
    """Return a token as JSON has it."""
    facts: dict[str, object] = msgspec.to_builtins(token)
    return {**facts, "actor": token.actor}
