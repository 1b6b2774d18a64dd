"""What every request must pass before any route sees it: host, origin, token, size. And the headers of every answer."""

from __future__ import annotations

import logging
from typing import Protocol
from urllib.parse import quote, urlsplit

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kaizenml.core.account import Permission
from kaizenml.errors import KaizenError
from kaizenml.interfaces.http.access import CALLER, Access, Known
from kaizenml.interfaces.http.cookies import SIGN_IN, cookie_in
from kaizenml.interfaces.http.problems import (
    ForeignRequestError,
    NotAuthenticatedError,
    Problems,
    TooLargeError,
    UnexpectedError,
    UnknownHostError,
    challenged,
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


class Dialect(Protocol):
    """Another wire protocol, whose paths are its own: an application that says no in the words of its clients."""

    def owns(self, path: str) -> bool:
        """Say whether a path is the protocol's."""
        ...

    def has_any_size(self, path: str) -> bool:
        """Say whether what is sent to a path may be of any size."""
        ...

    def most_bytes(self) -> int:
        """Return how large the other requests may be."""
        ...

    def refusal(self, error: Exception) -> tuple[int, bytes]:
        """Return the status and JSON that say an error."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; each route checks that the scope's `GRANTED` has what it asks for."""
        ...


class Guard:
    """The outermost layer of the control plane.

    Parameters
    ----------
    public
        The paths that need no token; every other one does, whether it exists or not.
    dialect
        Who answers the requests that belong to it, once they have passed.
    problems
        How errors are told.
    """

    def __init__(
        self, app: ASGIApp, access: Access, public: frozenset[str], dialect: Dialect, problems: Problems
    ) -> None:
        self._app = app
        self._access = access
        self._public = public
        self._dialect = dialect
        self._problems = problems

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
        has_answered, owner = False, self._dialect if self._dialect.owns(scope["path"]) else None

        async def noted(message: Message) -> None:
            nonlocal has_answered
            has_answered = True
            await send(message)

        try:
            await self._check(scope, owner)
            await (owner or self._app)(scope, receive, noted)
        except Exception as error:
            if has_answered:
                raise
            response = self._way_in(scope, error) or self._problem_of(scope, error, owner)
            await response(scope, receive, send)

    def _way_in(self, scope: Scope, error: Exception) -> Response | None:
        """Return where a browser is sent that wants a page and is not signed in."""
        headers = Headers(scope=scope)
        is_page = scope["method"] == "GET" and "text/html" in headers.get("accept", "")
        if self._access.sessions is None or not is_page or not isinstance(error, NotAuthenticatedError):
            return None
        query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        return RedirectResponse(f"{SIGN_IN}?next={quote(scope['path'] + query, safe='')}", 303)

    def _problem_of(self, scope: Scope, error: Exception, owner: Dialect | None) -> Response:
        if owner is not None:
            status, content = owner.refusal(error)
            return challenged(Response(content, status, media_type="application/json"))
        if isinstance(error, KaizenError):
            return self._problems.told(scope, error)
        _LOG.error("A request failed.", exc_info=error)
        return self._problems.told(scope, UnexpectedError())

    async def _check(self, scope: Scope, owner: Dialect | None) -> None:
        headers = Headers(scope=scope)
        self._check_host(headers.getlist("host"))
        if scope["method"] not in _SAFE:
            _check_origin(headers, scope["scheme"])
        is_public = scope["path"] in self._public
        try:
            caller = await self._caller(scope, headers)
        except KaizenError:
            if not is_public:
                raise
            caller = None  # the books are out of reach, and who asks whether this process lives need not be known
        if caller is None and not is_public:
            raise NotAuthenticatedError
        length = headers.get("content-length", "0")
        most = MOST_BYTES if owner is None else owner.most_bytes()
        if not length.isdigit() or (int(length) > most and not (owner and owner.has_any_size(scope["path"]))):
            raise TooLargeError(most)
        CALLER.set(caller)
        scope[GRANTED] = caller.granted() if caller else frozenset({Permission.PUBLIC})

    async def _caller(self, scope: Scope, headers: Headers) -> Known | None:
        """Return who calls: by a token if one was sent, else by the cookie of a session."""
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        session = cookie_in(scope["headers"], self._access.cookie) if self._access.cookie and not sent else ""
        if not session:
            return await self._known(sent[0] if len(sent) == 1 else None)
        caller = await self._signed_in(session)
        if caller is not None and scope["method"] not in _SAFE:
            _check_own_page(headers)
        return caller

    async def _known(self, authorization: bytes | None) -> Known | None:
        """Return who calls; where that must be looked up, no other request waits for it."""
        if self._access.is_ready(authorization):
            return self._access.known(authorization)
        return await to_thread.run_sync(self._access.known, authorization)

    async def _signed_in(self, secret: str) -> Known | None:
        """Return who has signed in; where that must be looked up, no other request waits for it."""
        if self._access.sessions is not None and self._access.sessions.is_ready(secret):
            return self._access.signed_in(secret)
        return await to_thread.run_sync(self._access.signed_in, secret)

    def _check_host(self, hosts: list[str]) -> None:
        host = ",".join(hosts)
        if len(hosts) != 1 or not self._access.knows_host(_name_of(host)):
            raise UnknownHostError(host)


def _check_origin(headers: Headers, scheme: str) -> None:
    """Refuse what another site's page made a browser send; programs send neither header."""
    site = headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none"):
        raise ForeignRequestError(headers.get("origin", site))
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in {f"{s}://{headers['host'].lower()}" for s in (scheme, "https")}:
        raise ForeignRequestError(origin)


def _check_own_page(headers: Headers) -> None:
    """Refuse what a cookie came with by itself, unless the browser says that a page of this server sent it.

    `_check_origin` has refused whatever names another origin; here one of the two headers has to be there.
    """
    if headers.get("sec-fetch-site") != "same-origin" and "origin" not in headers:
        raise ForeignRequestError(headers.get("sec-fetch-site", "nowhere"))


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
