"""The same requests to two servers, and where their answers differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

#: Fields that name things: what one server calls so, the other calls otherwise.
NAMES = frozenset({"run_id", "run_uuid", "experiment_id", "model_id"})
#: Fields that say when the server did something.
TIMES = frozenset({
    "creation_time", "last_update_time", "creation_timestamp_ms", "last_updated_timestamp_ms", "creation_timestamp",
    "last_updated_timestamp",
})  # fmt: skip
#: Fields that are lists in no particular order.
SETS = frozenset({
    "params", "tags", "metrics", "dataset_summaries", "aliases", "latest_versions", "model_outputs", "events",
})  # fmt: skip


@dataclass
class Case:
    """One request; ``keep`` remembers a value of the answer under a word, for later requests to say ``$word``."""

    name: str
    method: str
    path: str
    body: Any = None
    query: Any = None
    keep: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Side:
    """A server, and what it calls things."""

    url: str
    words: dict[str, str] = field(default_factory=dict)

    def ask(self, client: httpx.Client, case: Case) -> tuple[int, Any]:
        """Return status and answer."""
        body = self.said(case.body)
        content = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {} if body is None else {"content-type": "application/json"}
        path = str(self.said(case.path))
        found = client.request(
            case.method, f"{self.url}{path if path.startswith('/') else '/api/2.0/mlflow/' + path}",
            params=self.said(case.query), content=content, headers=headers,
        )  # fmt: skip
        is_json = found.headers.get("content-type", "").startswith("application/json")
        answer = found.json() if is_json and found.content else found.text
        for word, where in case.keep.items():
            self.words[word] = _at(answer, where)
        return found.status_code, answer

    def said(self, value: Any) -> Any:
        """Return a value with this server's words in it."""
        if isinstance(value, str):
            return re.sub(r"\$(\w+)", lambda found: self.words.get(found[1], found[0]), value)
        if isinstance(value, dict):
            return {key: self.said(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.said(each) for each in value]
        return value


def differences(cases: Iterable[Case], real: Side, ours: Side) -> list[tuple[str, str, Any, Any]]:
    """Return where the answers differ: case, field, the real server's and our value."""
    found = []
    with httpx.Client(timeout=60) as client:
        for case in cases:
            (one, left), (other, right) = real.ask(client, case), ours.ask(client, case)
            if one != other:
                found.append((case.name, "status", one, other))
            left, right = plain(left, real), plain(right, ours)
            found += [(case.name, where, a, b) for where, a, b in differing("", left, right)]
    return found


def plain(value: Any, side: Side, name: str = "") -> Any:
    """Return an answer without what differs from server to server by nature."""
    if isinstance(value, dict):
        return {key: plain(each, side, key) for key, each in value.items()}
    if isinstance(value, list):
        listed = [plain(each, side) for each in value]
        if name in SETS:
            return sorted(listed, key=lambda each: json.dumps(each, sort_keys=True))
        return listed
    if name in TIMES:
        return "<time>"
    if isinstance(value, str):
        for word, own in side.words.items():
            if len(own) > 8:
                value = value.replace(own, f"<{word}>")
        return value
    return value


def plain_of(value: Any) -> Any:
    """Return an answer without times and orders."""
    return plain(value, Side(""))


def differing(where: str, left: Any, right: Any) -> list[tuple[str, Any, Any]]:
    """Return where two answers differ: field, left and right value."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys = [*left, *(key for key in right if key not in left)]
        missing = "<missing>"
        return [
            each
            for key in keys
            for each in differing(f"{where}.{key}", left.get(key, missing), right.get(key, missing))
        ]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [
            each for index, pair in enumerate(zip(left, right, strict=True))
            for each in differing(f"{where}[{index}]", *pair)
        ]  # fmt: skip
    return [] if left == right and type(left) is type(right) else [(where, left, right)]


def _at(answer: Any, where: str) -> str:
    for part in where.split("."):
        answer = answer[int(part)] if part.isdigit() else answer[part]
    return str(answer)
