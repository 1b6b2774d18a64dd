"""The routes of the wire protocol: one look into a dict for most, and an answer in the protocol's words for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

from starlette.types import Receive, Scope, Send

from kaizenml.core.account import Permission
from kaizenml.core.mlflow.errors import WireError, invalid
from kaizenml.core.ports import Records
from kaizenml.errors import KaizenError
from kaizenml.interfaces.http.access import CALLER, Known, denied
from kaizenml.interfaces.http.guard import GRANTED
from kaizenml.interfaces.http.mlflow.answers import Answer, encoded, refused
from kaizenml.interfaces.http.mlflow.owners import Owners
from kaizenml.interfaces.http.mlflow.reading import Message, prepare, read_body, read_query
from kaizenml.interfaces.http.problems import TooLargeError

#: A body of JSON may be so large: the profile of one data set may have 16 MB.
MOST_BYTES = 24_000_000
_JSON = [(b"content-type", b"application/json")]
_TEXT = [(b"content-type", b"text/plain; charset=utf-8")]

#: Takes the request, and gives what is answered: JSON by msgspec, bytes that are JSON, or None for ``{}``.
Handler = Callable[[Any], object]
#: Takes the request as it comes over the wire, and the parts of its path.
Streamer = Callable[[Scope, Receive, Send, Mapping[str, str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, for the few handlers that ask: a field ``caller`` of the message is filled with it.

    Parameters
    ----------
    authorization
        What the caller showed.
    base
        How the caller calls this server, such as ``http://127.0.0.1:8400``.
    """

    granted: frozenset[Permission]
    authorization: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True)
class _Call:
    handler: Handler
    kind: type[Message]
    permission: Permission
    of: Owners | None


@dataclass(frozen=True, slots=True)
class _Stream:
    handler: Streamer
    permission: Permission
    of: Owners | None


_Route = _Call | _Stream


class Table:
    """The routes of MLflow's protocol as an application of their own, which the guard hands requests to.

    A route needs its permission in the projects that the thing belongs to that it is about (``of``); where this is not
    said, in every project.

    Parameters
    ----------
    threads
        How many requests may be worked on at once.
    """

    def __init__(self, records: Records, threads: int = 32) -> None:
        self._records = records
        self._exact: dict[tuple[str, str], _Route] = {}
        self._patterns: list[tuple[str, list[str], _Route]] = []
        self._paths: dict[str, set[str]] = {}
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="mlflow")

    def call(
        self, method: str, path: str, handler: Handler, kind: type[Message], *, permission: Permission,
        of: Owners | None = None,
    ) -> None:  # fmt: skip
        """Answer requests with JSON.

        Parameters
        ----------
        path
            Such as ``/api/2.0/mlflow/runs/get``; a part ``{model_id}`` becomes that field of the message, and
            ``{path:rest}`` takes all that follows. ``/ajax-api/…`` is answered alike.
        """
        prepare(kind)
        self._add(method, path, _Call(handler, kind, permission, of))

    def stream(
        self, method: str, path: str, handler: Streamer, *, permission: Permission, of: Owners | None = None
    ) -> None:
        """Hand requests over as they come, of whatever size."""
        self._add(method, path, _Stream(handler, permission, of))

    def declared(self) -> Iterator[tuple[str, str, Permission]]:
        """Return method, path and permission of every route."""
        return ((method, path, permission) for method, path, permission, _ in self.described())

    def described(self) -> Iterator[tuple[str, str, Permission, str]]:
        """Return method, path, permission and what it does, in a line, of every route."""
        exact = ((method, path, route) for (method, path), route in self._exact.items())
        patterns = ((method, "/".join(parts), route) for method, parts, route in self._patterns)
        for method, path, route in (*exact, *patterns):
            yield method, path, route.permission, (route.handler.__doc__ or "").partition("\n")[0]

    def public(self) -> frozenset[str]:
        """Return the paths that everybody may read."""
        return frozenset(path for _, path, permission in self.declared() if permission is Permission.PUBLIC)

    def owns(self, path: str) -> bool:
        """Say whether a path is the protocol's, whether there is such a route or not."""
        return path.startswith(("/api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/")) or path in ("/health", "/version")

    def has_any_size(self, path: str) -> bool:
        """Say whether what is sent to a path may be of any size."""
        return path.startswith(("/api/2.0/mlflow-artifacts/", "/ajax-api/2.0/mlflow-artifacts/"))

    def most_bytes(self) -> int:
        """Return how large the other requests may be."""
        return MOST_BYTES

    def refusal(self, error: Exception) -> Answer:
        """Return how an error is answered."""
        return refused(error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        try:
            route, parts = self._found(scope["method"], scope["path"].replace("/ajax-api/", "/api/", 1))
            limited = _limited(route, scope)
            loop = asyncio.get_running_loop()
            if isinstance(route, _Stream):
                if limited is not None:
                    await loop.run_in_executor(self._threads, self._check, route, SimpleNamespace(**parts), limited)
                await route.handler(scope, receive, send, parts)
                return
            body = await _body(receive)
            work = partial(self._answered, route, scope, body, parts, limited)
            answer = await loop.run_in_executor(self._threads, copy_context().run, work)
        except KaizenError as error:
            answer = refused(error)
        status, content = answer
        headers = [*(_TEXT if scope["path"] in ("/health", "/version") else _JSON)]
        headers.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _answered(
        self, route: _Call, scope: Scope, body: bytes, parts: Mapping[str, str], limited: Known | None
    ) -> Answer:
        try:
            if scope["method"] == "GET" and (scope["query_string"] or not body):
                told = read_query(route.kind, scope["query_string"], parts)
            else:
                _check_type(scope)
                told = read_body(route.kind, body, parts)
            if limited is not None:
                self._check(route, told, limited)
            if "caller" in told.__struct_fields__:
                told.caller = _caller(scope)  # type: ignore[attr-defined]
            return 200, encoded(route.handler(told))
        except Exception as error:
            return refused(error)

    def _check(self, route: _Route, told: object, caller: Known) -> None:
        """Check that a caller who has not the permission in every project has it for what a request is about."""
        if route.of is not None:
            with self._records.reading() as books:
                for project, absent in route.of(books, told, caller):
                    caller.check(route.permission, [project], absent)

    def _add(self, method: str, path: str, route: _Route) -> None:
        if "{" in path:
            self._patterns.append((method, path.split("/"), route))
        else:
            self._exact[method, path] = route
            self._paths.setdefault(path, set()).add(method)

    def _found(self, method: str, path: str) -> tuple[_Route, Mapping[str, str]]:
        found = self._exact.get((method, path))
        if found is not None:
            return found, {}
        given = path.split("/")
        for wanted, parts, route in self._patterns:
            if wanted == method and (values := _matched(parts, given)) is not None:
                return route, values
        raise WireError("ENDPOINT_NOT_FOUND", f"There is no {method} {path[:200]} here.")


def _matched(parts: list[str], given: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for index, part in enumerate(parts):
        if part.endswith(":rest}"):
            values[part[1:-6]] = "/".join(given[index:])
            return values if len(given) > index else None
        if index >= len(given):
            return None
        if part.startswith("{"):
            values[part[1:-1]] = given[index]
        elif part != given[index]:
            return None
    return values if len(parts) == len(given) else None


def _limited(route: _Route, scope: Scope) -> Known | None:
    """Return who calls if it depends on what a request is about whether they may make it; None: they may."""
    if route.permission in scope[GRANTED]:
        return None
    caller = CALLER.get()
    if caller is None or route.of is None or not caller.may_somewhere(route.permission):
        raise denied(route.permission, None)
    return caller


def _caller(scope: Scope) -> Caller:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    base = f"{scope.get('scheme', 'http')}://{headers.get(b'host', '')}"
    return Caller(scope[GRANTED], headers.get(b"authorization", ""), base)


def _check_type(scope: Scope) -> None:
    if scope["method"] not in ("POST", "PUT"):
        return
    given = next((value for name, value in scope["headers"] if name == b"content-type"), None)
    if given is None:
        raise invalid("Bad Request. Content-Type header is missing.")
    if given.split(b";")[0] != b"application/json":
        raise invalid("Bad Request. Content-Type must be one of ['application/json'].")


async def _body(receive: Receive) -> bytes:
    message = await receive()
    content: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return content
    parts, size = [content], len(content)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise WireError("CANCELLED", "The client went away.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            raise TooLargeError(MOST_BYTES)
    return b"".join(parts)
