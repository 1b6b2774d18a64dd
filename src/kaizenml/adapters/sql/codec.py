"""Values of the core as JSON text, and back, exactly."""

from __future__ import annotations

import json
import math
import threading
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import msgspec

from kaizenml.core.digest import canonical
from kaizenml.errors import IntegrityError, UsageError

T = TypeVar("T")

#: msgspec crashes when two threads ask it at once, for the first time, how a class is read.
_MAKING = threading.Lock()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encoded(value: object) -> str:
    """Return the value as JSON text that `decoded` turns back into it, NaN and infinities included."""
    text = msgspec.json.encode(value)
    try:
        _decoder(type(value), True).decode(text)
    except msgspec.ValidationError:  # a number that is not finite became null where null cannot be
        text = msgspec.json.encode(_spelled_out(msgspec.to_builtins(value)))
    return text.decode()


def decoded(text: str, kind: type[T]) -> T:
    """Return the value that was written.

    Raises
    ------
    IntegrityError
        When the text is not that of such a value.
    """
    try:
        found: T = _decoder(kind, True).decode(text)
        return found
    except msgspec.ValidationError:
        return _decoded_leniently(text, kind)
    except msgspec.DecodeError as error:
        raise _unreadable(kind, error) from error


def plain(value: object) -> object:
    """Return what is left of a value once it has been JSON: the form in which it is hashed, stored and read.

    Raises
    ------
    UsageError
        When JSON cannot say it.
    """
    try:
        return json.loads(canonical(value))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"This cannot be stored as JSON: {error}.", "Use text, finite numbers, booleans, None, lists and dicts."
        ) from error


def microseconds(at: datetime) -> int:
    """Return the time as whole microseconds since 1970 (UTC; a time without zone is taken as UTC)."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _decoder(kind: Any, is_strict: bool) -> msgspec.json.Decoder[Any]:
    with _MAKING:
        return _made_decoder(kind, is_strict)


@cache
def _made_decoder(kind: Any, is_strict: bool) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=is_strict)


def _decoded_leniently(text: str, kind: type[T]) -> T:
    try:
        found: T = _decoder(kind, False).decode(text)
        return found
    except msgspec.DecodeError as error:
        raise _unreadable(kind, error) from error


def _spelled_out(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _spelled_out(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelled_out(item) for item in value]
    return value


def _unreadable(kind: type, error: Exception) -> IntegrityError:
    return IntegrityError(
        f"A stored {kind.__name__} cannot be read: {error}.", "Restore the metadata from a backup, or report this."
    )
