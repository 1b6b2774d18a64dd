"""Errors as JSON, ``{"error": {"code", "message", "hint", "details"}}``, or as a page; without tracebacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from kaizenml.errors import KaizenError, RefusedError

#: How a caller may show a token. Each in a line of its own: Chromium asks nobody for a password when both are in one.
_CHALLENGES = ("Bearer", 'Basic realm="kaizenml"')
#: What is for programs, whoever asks.
_FOR_PROGRAMS = ("/api/", "/health/", "/metrics", "/openapi.json")
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "media_type"}
_HINTS = {
    400: "What each route takes is listed at /docs.",
    404: "The routes are listed at /docs.",
    405: "The routes and their methods are listed at /docs.",
}


class NotAuthenticatedError(RefusedError):
    """The caller has shown no token that opens anything."""

    http_status = 401
    code = "not_authenticated"

    def __init__(self) -> None:
        super().__init__(
            "This needs a token.",
            "Send the header `Authorization: Bearer TOKEN`; `kaizen token create NAME --role viewer` makes one.",
        )


class TooLargeError(RefusedError):
    """A request body that is larger than any that makes sense here."""

    http_status = 413
    code = "too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"The request's body is larger than {most:,} bytes.", "Send less at once.")


class ForeignRequestError(RefusedError):
    """A request that another web site made a browser send."""

    http_status = 403
    code = "foreign_origin"

    def __init__(self, origin: str) -> None:
        super().__init__(f"A page of {origin[:100]!r} may not act here.", "Act from this server's own pages.")


class UnknownHostError(RefusedError):
    """A request to a name that is not this server's."""

    http_status = 421
    code = "unknown_host"

    def __init__(self, host: str) -> None:
        super().__init__(f"This server is not {host[:100]!r}.", "Call it by the address that it listens on.")


class UnexpectedError(KaizenError):
    """Something that nobody thought of."""

    code = "internal"

    def __init__(self) -> None:
        super().__init__("Something went wrong here.", "The server's log says what; please report it.")


def answer(value: object, status: int = 200) -> Response:
    """Return the value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def problem(error: KaizenError) -> Response:
    """Return the error as JSON, with its own status."""
    return _as_json(error.http_status, error.code, error.message, error.hint, error.details)


class Problems:
    """Every error of the application in one form: JSON for programs, a page for a browser that wants one.

    Parameters
    ----------
    shown
        Makes the page of a message and a hint.
    """

    def __init__(self, shown: Callable[[str, str], str]) -> None:
        self._shown = shown

    def told(self, scope: Scope, error: KaizenError) -> Response:
        """Return the error as whoever asked understands it."""
        return self._told(scope, error.http_status, error.code, error.message, error.hint, error.details)

    def add_to(self, app: FastAPI) -> None:
        """Let every error of the application be answered so."""
        app.add_exception_handler(KaizenError, self._of_ours)
        app.add_exception_handler(RequestValidationError, self._of_validation)
        app.add_exception_handler(HTTPException, self._of_http)

    def _told(
        self, scope: Scope, status: int, code: str, message: str, hint: str, details: Mapping[str, object] | None = None
    ) -> Response:
        if not wants_page(scope):
            return _as_json(status, code, message, hint, details)
        return challenged(HTMLResponse(self._shown(message, hint), status))

    def _of_ours(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, KaizenError):
            raise error
        return self.told(request.scope, error)

    def _of_validation(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        found = [{"where": ".".join(str(part) for part in one["loc"]), "problem": one["msg"]} for one in error.errors()]
        said = "; ".join(f"{one['where']}: {one['problem']}" for one in found[:3])
        message, hint = f"The request is not valid: {said}.", "The parameters are listed at /docs."
        return self._told(request.scope, 422, "invalid", message, hint, {"problems": found[:20]})

    def _of_http(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        status, path = error.status_code, request.scope["path"][:200]
        message = f"There is no path {path!r}." if status == 404 else f"{error.detail}."
        return self._told(request.scope, status, _CODES.get(status, "http"), message, _HINTS.get(status, ""))


def wants_page(scope: Scope) -> bool:
    """Say whether a browser asks for something that it will show as a page."""
    return "text/html" in Headers(scope=scope).get("accept", "") and not scope["path"].startswith(_FOR_PROGRAMS)


def challenged(response: Response) -> Response:
    """Return the response; one that asks who calls says how that can be shown."""
    for each in _CHALLENGES if response.status_code == 401 else ():
        response.headers.append("WWW-Authenticate", each)
    return response


def _as_json(status: int, code: str, message: str, hint: str, details: Mapping[str, object] | None) -> Response:
    body = {"error": {"code": code, "message": message, "hint": hint, "details": details or {}}}
    encoded = msgspec.json.encode(body, enc_hook=str)
    return challenged(Response(encoded, status, media_type="application/json"))
