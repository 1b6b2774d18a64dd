"""New versions made of old files: rows taken out, and an old version made the newest again."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import uuid4

import polars as pl

from kaizenml.adapters.delta_files import file_actions
from kaizenml.adapters.delta_history import History, removal
from kaizenml.adapters.delta_place import Place

#: Says of each row whether it is to go.
IsGone = Callable[[pl.DataFrame], pl.Series]


def without(place: Place, history: History, schema: pl.Schema, is_gone: IsGone) -> tuple[list[dict[str, object]], int]:
    """Return the actions that leave rows out, and how many those are; files without such rows stay as they are."""
    actions: list[dict[str, object]] = []
    gone = 0
    for path in history.files_at(history.newest):
        rows = place.scan([path], schema).collect()
        is_out = is_gone(rows)
        if not is_out.any():
            continue
        gone += int(is_out.sum())
        actions.append(removal(history.added[path], _now_ms()))
        actions += _in_place_of(place, history, path, rows.filter(~is_out))
    return actions, gone


def brought_back(history: History, version: int) -> list[dict[str, object]]:
    """Return the actions that make the newest version have the rows of an old one."""
    now, then = history.files_at(history.newest), history.files_at(version)
    out = [removal(history.added[path], _now_ms()) for path in now if path not in set(then)]
    return out + [{"add": history.added[path] | {"dataChange": True}} for path in then if path not in set(now)]


def _in_place_of(place: Place, history: History, path: str, rows: pl.DataFrame) -> list[dict[str, object]]:
    """Write the rows; the new file takes the place of the old one in the order of rows, which goes by this time."""
    actions = file_actions(place, f"part-{uuid4().hex}.parquet", rows)
    for action in actions:
        added = action["add"]
        if isinstance(added, dict):
            added["modificationTime"] = history.added[path]["modificationTime"]
    return actions


def _now_ms() -> int:
    return int(time.time() * 1000)
