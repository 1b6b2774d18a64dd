"""One request in, one response out, over the three callables of ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kaizenml.errors import KaizenError, UnavailableError
from kaizenml.serving.limits import Limits
from kaizenml.serving.refusals import (
    BodyTooLargeError,
    MethodError,
    SlowBodyError,
    UnauthorizedError,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = b"application/json"
HTML = b"text/html; charset=utf-8"
_encode = msgspec.json.Encoder().encode


class ClientGoneError(Exception):
    """The caller hung up before the request was whole."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request: its ASGI scope, the endpoint that its path names, and where its body comes from."""

    scope: Scope
    receive: Receive
    endpoint: str = ""

    def header(self, name: bytes) -> str:
        """Return a header's value, or nothing; the name in small letters."""
        for found, value in self.scope["headers"]:
            if found == name:
                return str(value.decode("latin-1"))
        return ""

    async def body(self, limits: Limits) -> bytes:
        """Return the whole body, or refuse it as soon as it is known to be too large or too slow."""
        most_bytes = limits.body_bytes
        announced = self.header(b"content-length")
        if announced.isdecimal() and int(announced[:18]) > most_bytes:
            raise BodyTooLargeError(int(announced[:18]), most_bytes)
        try:
            async with asyncio.timeout(limits.body_seconds):
                return await self._whole(most_bytes)
        except TimeoutError:
            raise SlowBodyError(limits.body_seconds) from None

    async def _whole(self, most_bytes: int) -> bytes:
        message = await self._next()
        if not message.get("more_body", False):
            return _bounded(message.get("body", b""), most_bytes)
        body = bytearray(message.get("body", b""))
        while message.get("more_body", False):
            message = await self._next()
            body += message.get("body", b"")
            _bounded(body, most_bytes)
        return bytes(body)

    async def _next(self) -> Message:
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        return message


def _bounded(body: Any, most_bytes: int) -> bytes:
    if len(body) > most_bytes:
        raise BodyTooLargeError(len(body), most_bytes)
    return body  # type: ignore[no-any-return]


@dataclass(slots=True)
class Response:
    """What goes back; ``after`` is called once it has left."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    after: Callable[[], None] | None = None


def json_response(value: object, status: int = 200) -> Response:
    """Return the value as JSON."""
    return Response(_encode(value), status)


def error_response(error: KaizenError) -> Response:
    """Return the error as every client finds it: code, message, hint and details."""
    content = {"code": error.code, "message": error.message, "hint": error.hint, "details": error.details}
    response = Response(msgspec.json.encode({"error": content}, enc_hook=str), error.http_status)
    if isinstance(error, MethodError):
        response.headers.append((b"allow", error.allowed.encode("latin-1")))
    if isinstance(error, UnauthorizedError):
        response.headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(error, UnavailableError):
        response.headers.append((b"retry-after", b"1"))
    return response


async def send_response(send: Send, response: Response, is_closing: bool) -> None:
    """Send the response; when closing, tell the client to bring its next request to another connection."""
    headers = [
        (b"content-type", response.content_type),
        (b"content-length", str(len(response.body)).encode("ascii")),
        (b"x-content-type-options", b"nosniff"),
        *response.headers,
    ]
    if is_closing:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
