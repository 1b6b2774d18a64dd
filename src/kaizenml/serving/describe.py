"""What an endpoint takes and gives, for people and programs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from kaizenml.core.schema import Column, ColumnKind
from kaizenml.core.signature import Cell, Signature
from kaizenml.serving.table import Lane

_STAND_INS: Mapping[ColumnKind, Cell] = {
    ColumnKind.NUMBER: 1.0,
    ColumnKind.INTEGER: 1,
    ColumnKind.BOOLEAN: True,
    ColumnKind.CATEGORY: "a",
    ColumnKind.TEXT: "a",
    ColumnKind.TIME: "2013-01-01T00:00:00Z",
}


def schema(lane: Lane, base_url: str, *, is_guarded: bool) -> dict[str, object]:
    """Return the endpoint's schema as JSON says it, with a request that runs as it stands.

    Parameters
    ----------
    lane
        The endpoint; its champion's signature is described.
    base_url
        Where the server was reached, such as ``http://127.0.0.1:8401``.
    is_guarded
        Whether requests need a token.
    """
    signature = lane.champion.scorer.signature
    example = {"rows": [example_row(signature)]}
    return {
        "endpoint": lane.route.endpoint,
        "release": lane.champion.release,
        "task": signature.task,
        "inputs": [_input(column) for column in signature.inputs],
        "id": signature.id,
        "time": signature.time,
        "output": {"target": signature.target, "type": signature.target_type, "classes": list(signature.classes)},
        "example": example,
        "curl": curl(f"{base_url}/endpoints/{lane.route.endpoint}/predict", example, is_guarded=is_guarded),
    }


def example_row(signature: Signature) -> dict[str, Cell]:
    """Return a row that the endpoint takes."""
    return {column.name: example_of(column) for column in signature.inputs}


def example_of(column: Column) -> Cell:
    """Return a value that the column takes: one that was seen in training, if that is known."""
    if column.example is not None:
        return column.example
    return None if column.is_nullable else _STAND_INS[column.kind]


def curl(url: str, body: object, *, is_guarded: bool) -> str:
    """Return a command that sends the body, quoted for a shell."""
    token = ' -H "Authorization: Bearer $KAIZEN_TOKEN"' if is_guarded else ""
    content = shlex.quote(json.dumps(body, ensure_ascii=False, default=str))
    return f"curl -sS {shlex.quote(url)} -H 'Content-Type: application/json'{token} -d {content}"


def _input(column: Column) -> dict[str, object]:
    return {
        "name": column.name,
        "kind": column.kind,
        "nullable": column.is_nullable,
        "example": example_of(column),
    }
