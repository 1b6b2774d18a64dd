"""Which version of a table needs which file, from all of its log; the law of what may be deleted."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote


@dataclass(slots=True)
class Span:
    """The versions, from ``added`` to just before ``removed``, that a file is part of; None: to the newest."""

    added: int
    removed: int | None = None
    removed_at_ms: int = 0


@dataclass(slots=True)
class History:
    """Every file that a table ever had, by its path: when it was part of the table, and the action that added it."""

    newest: int = -1
    spans: dict[str, list[Span]] = field(default_factory=dict)
    added: dict[str, dict[str, Any]] = field(default_factory=dict)

    def files_at(self, version: int) -> list[str]:
        """Return the files that a version is made of, in the order they were added."""
        return [path for path, spans in self.spans.items() if any(_holds(span, version) for span in spans)]


def history_of(commits: Iterable[tuple[int, str]]) -> History:
    """Return the history that the commits tell, given from version 0 on, each as its lines of JSON."""
    found = History()
    for version, text in commits:
        actions = [json.loads(line) for line in text.splitlines() if '"remove":' in line or '"add":' in line]
        for removed in (action["remove"] for action in actions if "remove" in action):
            _remove(found, version, removed)
        for added in (action["add"] for action in actions if "add" in action):
            path = unquote(added["path"])
            found.spans.setdefault(path, []).append(Span(version))
            found.added[path] = added
        found.newest = version
    return found


def needed(history: History, keep: Collection[int], *, since_ms: int) -> set[str]:
    """Return the files that the newest version needs, or one in ``keep``, or any that was the newest since a time.

    Parameters
    ----------
    since_ms
        Milliseconds since 1970: who opened the newest version at that time, or later, may be reading it still.
    """
    kept = sorted(keep)
    return {
        path
        for path, spans in history.spans.items()
        if any(span.removed is None or span.removed_at_ms >= since_ms or _has_one(kept, span) for span in spans)
    }


def removal(added: Mapping[str, Any], now_ms: int) -> dict[str, object]:
    """Return the action that takes a file out of the table; it stays on disk for older versions."""
    facts = {"path": added["path"], "deletionTimestamp": now_ms, "dataChange": True, "extendedFileMetadata": True}
    return {"remove": facts | {"partitionValues": added.get("partitionValues", {}), "size": added["size"]}}


def _remove(found: History, version: int, removed: Mapping[str, Any]) -> None:
    for span in found.spans.get(unquote(removed["path"]), ()):
        if span.removed is None:
            span.removed, span.removed_at_ms = version, int(removed.get("deletionTimestamp") or 0)


def _holds(span: Span, version: int) -> bool:
    return span.added <= version and (span.removed is None or version < span.removed)


def _has_one(kept: list[int], span: Span) -> bool:
    at = bisect_left(kept, span.added)
    return at < len(kept) and _holds(span, kept[at])
