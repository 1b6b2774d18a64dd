"""What every request must pass before any route sees it: host, origin, token, size. And the headers of every answer."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kaizenml.errors import KaizenError
from kaizenml.interfaces.http.access import Access, Permission
from kaizenml.interfaces.http.problems import (
    ForeignRequestError,
    NotAuthenticatedError,
    TooLargeError,
    UnexpectedError,
    UnknownHostError,
    problem,
)

MOST_BYTES = 1_000_000
#: Where the guard leaves for the routes what the caller may do.
GRANTED = "kaizen.granted"

_LOG = logging.getLogger(__name__)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY = "Content-Security-Policy"
#: What every answer carries; only a page that is whole in itself brings a policy of its own, which allows no script.
_HEADERS = {
    _POLICY: "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """The outermost layer of the control plane.

    Parameters
    ----------
    public
        The paths that need no token; every other one does, whether it exists or not.
    """

    def __init__(self, app: ASGIApp, access: Access, public: frozenset[str]) -> None:
        self._app = app
        self._access = access
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there is no WebSocket here; closing it is all that can be said
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._answer(scope, receive, _with_headers(send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_answered = False

        async def noted(message: Message) -> None:
            nonlocal has_answered
            has_answered = True
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, noted)
        except Exception as error:
            if has_answered:
                raise
            await _problem_of(error)(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        self._check_host(headers.getlist("host"))
        if scope["method"] not in _SAFE:
            _check_origin(headers, scope["scheme"])
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        granted = self._access.granted(sent[0] if len(sent) == 1 else None)
        if Permission.VIEW not in granted and scope["path"] not in self._public:
            raise NotAuthenticatedError
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            raise TooLargeError(MOST_BYTES)
        scope[GRANTED] = granted

    def _check_host(self, hosts: list[str]) -> None:
        host = ",".join(hosts)
        if len(hosts) != 1 or not self._access.knows_host(_name_of(host)):
            raise UnknownHostError(host)


def _problem_of(error: Exception) -> Response:
    if isinstance(error, KaizenError):
        return problem(error)
    _LOG.error("A request failed.", exc_info=error)
    return problem(UnexpectedError())


def _check_origin(headers: Headers, scheme: str) -> None:
    """Refuse what another site's page made a browser send; programs send neither header."""
    site = headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none"):
        raise ForeignRequestError(headers.get("origin", site))
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in {f"{s}://{headers['host'].lower()}" for s in (scheme, "https")}:
        raise ForeignRequestError(origin)


def _name_of(host: str) -> str:
    """Return ``localhost`` of ``localhost:8400``, ``::1`` of ``[::1]:8400``; nothing of what is no host."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    is_plain = parts.netloc == host and not parts.path and "@" not in host
    return (parts.hostname or "") if is_plain else ""


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update({name: value for name, value in _HEADERS.items() if name != _POLICY or name not in headers})
        await send(message)

    return sending
