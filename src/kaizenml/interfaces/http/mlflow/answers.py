"""Answers as MLflow's clients read them."""

from __future__ import annotations

import logging

import msgspec
from starlette.exceptions import HTTPException

from kaizenml.core.mlflow.errors import CLASSES, STATUSES, WireError, in_their_words
from kaizenml.errors import KaizenError

_LOG = logging.getLogger(__name__)
_ENCODER = msgspec.json.Encoder()

#: Status and body.
Answer = tuple[int, bytes]


def encoded(value: object) -> bytes:
    """Return an answer's JSON; None is the empty object."""
    return b"{}" if value is None else value if isinstance(value, bytes) else _ENCODER.encode(value)


def refused(error: Exception) -> Answer:
    """Return the answer for an error."""
    if isinstance(error, HTTPException):
        error = WireError("INVALID_PARAMETER_VALUE" if error.status_code == 413 else "BAD_REQUEST", str(error.detail))
    if not isinstance(error, KaizenError):
        _LOG.error("A request of an MLflow client failed.", exc_info=error)
        error = WireError("INTERNAL_ERROR", "Something went wrong here. The server's log says what; please report it.")
    said = in_their_words(error)
    body = {"error_code": said.error_code, "message": said.message}
    if (known := CLASSES.get(said.error_code)) is not None:
        body |= {"sqlstate": known[0], "error_class": known[1]}
    return STATUSES[said.error_code], _ENCODER.encode(body)
