"""Requests as MLflow's clients write them: JSON by the rules of protobuf, or query arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from kaizenml.core.mlflow.errors import WireError, invalid

#: A whole number of 64 bits.
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_MORE = " See the API docs for more information about request parameters."


class Message(msgspec.Struct, kw_only=True):
    """A request, or a part of one: fields that are not there are None, unknown ones are ignored.

    Every field is ``str``, `Whole`, ``float``, ``bool``, a `Message`, or a list of them, ``| None = None``. Whole
    numbers and floats may come as text, and ``NaN`` and ``Infinity`` do; a field ``run_id`` may be spelled ``runId``.
    """

    #: The fields that must be there and not be empty.
    needed: ClassVar[tuple[str, ...]] = ()


M = TypeVar("M", bound=Message)


def read_body(kind: type[M], body: bytes, more: Mapping[str, str]) -> M:
    """Return the request in a JSON body; ``more`` are fields that its path has.

    Raises
    ------
    WireError
        Naming the first field that is missing or of a wrong type.
    """
    fields = _told(kind)
    if more or any(name in body for name in fields.camel):
        return _slowly(kind, body, more)
    try:
        found: M = fields.decoder.decode(body or b"{}")
    except msgspec.DecodeError:
        return _slowly(kind, body, more)
    return _checked(found)


def read_query(kind: type[M], query: bytes, more: Mapping[str, str]) -> M:
    """Return the request in query arguments; a list is an argument that is there several times."""
    fields, given = _told(kind), dict[str, Any](more)
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in fields.lists:
            given.setdefault(name, []).append(value)
        elif name in fields.kinds and name not in given:
            given[name] = _boolean(value) if fields.kinds[name] is bool else value
    return _converted(kind, given)


def _boolean(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise invalid(f"Invalid boolean value: {value}, must be 'true' or 'false'.")
    return value.lower() == "true"


def _slowly(kind: type[M], body: bytes, more: Mapping[str, str]) -> M:
    """Return the request where something about it is unusual: told twice in text, in camelCase, or wrong."""
    try:
        given = json.loads(body) if body.strip() else {}
        given = json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError):
        given = {}  # a body that is no JSON is taken as an empty one; whatever is needed is then missing
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise WireError("BAD_REQUEST", f"The request's body must be a JSON object, not a {type(given).__name__}.")
    return _converted(kind, {**_snake(kind, given), **more})


def _snake(kind: type[Message], given: Mapping[str, Any]) -> dict[str, Any]:
    fields, found = _told(kind), {}
    for name, value in given.items():
        snake = fields.snake.get(name, name)
        if snake != name and snake in given:
            raise invalid(f"Request specifies both '{snake}' and '{name}'; provide only one of them.")
        part = fields.parts.get(snake)
        if part is not None and isinstance(value, list):
            value = [_snake(part, each) if isinstance(each, dict) else each for each in value]
        elif part is not None and isinstance(value, dict):
            value = _snake(part, value)
        found[snake] = value
    return found


def _converted(kind: type[M], given: dict[str, Any]) -> M:
    fields = _told(kind)
    known = {name: value for name, value in given.items() if value is not None and name in fields.kinds}
    try:
        found = msgspec.convert(known, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong(fields, known, error) from None
    return _checked(found)


def _checked(found: M) -> M:
    for name in found.needed:
        value = getattr(found, name)
        if name == "run_id" and value is None:
            value = getattr(found, "run_uuid", None)
        if value is None or value == "" or value == []:
            raise missing(name)
    return found


def missing(name: str) -> WireError:
    """Return the error for a field that must be there."""
    return invalid(f"Missing value for required parameter '{name}'.{_MORE}")


def _wrong(fields: _Fields, given: Mapping[str, Any], error: msgspec.ValidationError) -> WireError:
    for name, value in given.items():
        try:
            msgspec.convert(value, fields.hints[name], strict=False)
        except msgspec.ValidationError:
            shown = json.dumps(value, sort_keys=True, separators=(",", ":"))[:1000]
            hint = f" Hint: Value was of type '{type(value).__name__}'."
            return invalid(f"Invalid value {shown} for parameter '{name}' supplied: {hint}{_MORE}")
    return invalid(f"{error}.{_MORE}")


class _Fields:
    """What is known of a kind of message: how it is decoded, and how its fields may be spelled."""

    def __init__(self, kind: type[Message]) -> None:
        self.decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind, strict=False)
        self.hints = {
            name: hint
            for name, hint in get_type_hints(kind, include_extras=True).items()
            if name in kind.__struct_fields__
        }
        self.kinds = {name: _bare(hint) for name, hint in self.hints.items()}
        self.lists = {name for name, bare in self.kinds.items() if get_origin(bare) is list}
        inner = {name: get_args(bare)[0] if name in self.lists else bare for name, bare in self.kinds.items()}
        self.parts: dict[str, type[Message]] = {
            name: bare for name, bare in inner.items() if isinstance(bare, type) and issubclass(bare, Message)
        }
        self.snake = {_camel(name): name for name in self.kinds if _camel(name) != name}
        below = {name for part in self.parts.values() for name in _told(part).camel}
        self.camel: tuple[bytes, ...] = tuple({f'"{name}"'.encode() for name in self.snake} | below)


def prepare(kind: type[Message]) -> None:
    """Learn how a kind of message is read, before threads ask: msgspec crashes when two of them ask it at once."""
    _told(kind)


@cache
def _told(kind: type[Message]) -> _Fields:
    return _Fields(kind)


def _bare(hint: Any) -> Any:
    """Return the type without None."""
    if get_origin(hint) in (Union, UnionType):
        return next(each for each in get_args(hint) if each is not type(None))
    return hint


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
