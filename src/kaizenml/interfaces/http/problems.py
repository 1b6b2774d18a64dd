"""Errors as JSON: ``{"error": {"code", "message", "hint", "details"}}``, without paths and tracebacks."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from kaizenml.errors import KaizenError, RefusedError

#: How a caller may show a token.
CHALLENGE = 'Basic realm="kaizenml", Bearer'
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "media_type"}
_HINTS = {404: "The routes are listed at /docs.", 405: "The routes and their methods are listed at /docs."}


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
    return _problem(error.http_status, error.code, error.message, error.hint, error.details)


def add_problems(app: FastAPI) -> None:
    """Let every error of the application be answered in the one form."""
    app.add_exception_handler(KaizenError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)


def _problem(
    status: int, code: str, message: str, hint: str = "", details: Mapping[str, object] | None = None
) -> Response:
    body = {"error": {"code": code, "message": message, "hint": hint, "details": details or {}}}
    encoded = msgspec.json.encode(body, enc_hook=str)
    headers = {"WWW-Authenticate": CHALLENGE} if status == 401 else None
    return Response(encoded, status, headers, media_type="application/json")


def _of_ours(_request: Request, error: Exception) -> Response:
    if not isinstance(error, KaizenError):
        raise error
    return problem(error)


def _of_validation(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    problems = [{"where": ".".join(str(part) for part in one["loc"]), "problem": one["msg"]} for one in error.errors()]
    said = "; ".join(f"{one['where']}: {one['problem']}" for one in problems[:3])
    hint = "The parameters are listed at /docs."
    return _problem(422, "invalid", f"The request is not valid: {said}.", hint, {"problems": problems[:20]})


def _of_http(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    return _problem(status, _CODES.get(status, "http"), str(error.detail), _HINTS.get(status, ""))
