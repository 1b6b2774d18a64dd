"""Whether the files of a table are those that its log tells of, and can be read."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Collection, Iterator, Mapping

import polars as pl

from kaizenml.adapters.delta_history import History, history_of
from kaizenml.adapters.delta_place import Place
from kaizenml.adapters.store_copy import Places, commits_of
from kaizenml.errors import IntegrityError


def unsound_tables(tables: Places, keep: Mapping[str, Collection[int]], *, is_quick: bool) -> Iterator[tuple[str, str]]:
    """Return the tables in which something is wrong, each with the first thing that is.

    Parameters
    ----------
    keep
        The versions of each table that must be readable.
    is_quick
        Whether only names and sizes are looked at; else every file is read as well.
    """
    for name in tables.names():
        wrong = _wrong_with(tables(name), keep.get(name, ()), is_quick=is_quick)
        if wrong:
            yield name, wrong


def _wrong_with(table: Place, keep: Collection[int], *, is_quick: bool) -> str:
    try:
        commits = commits_of(table)
        texts = zip(commits, table.read_all(commits), strict=True)
        history = history_of((number, text.decode()) for number, (_, text) in enumerate(texts))
    except IntegrityError as error:
        return error.message
    except (ValueError, KeyError, TypeError) as error:
        return f"Its log cannot be read: {error}."
    sizes, gone = {file.name: file.size for file in table.listed()}, table.guard.gone()
    pinned = {name: version for version in sorted(keep) for name in history.files_at(version)}
    sums = {} if is_quick else table.sums()
    for name in history.spans:
        if name not in sizes:
            if name not in gone:
                return f"It has lost its file {name}."
            if name in pinned:
                return f"{name} was cleared away, and version {pinned[name]} needs it."
        elif wrong := _wrong_in(table, name, sizes[name], history, sums.get(name), is_quick=is_quick):
            return f"{name} {wrong}"
    return ""


def _wrong_in(table: Place, name: str, size: int, history: History, digest: str | None, *, is_quick: bool) -> str:
    added = history.added[name]
    if size != added["size"]:
        return f"has {size:,} bytes, where {added['size']:,} were written."
    if is_quick:
        return ""
    content = table.read(name)
    if digest is not None:
        is_whole = hashlib.sha256(content).hexdigest() == digest
        return "" if is_whole else "is damaged: its bytes are not those that were written."
    wanted = json.loads(added.get("stats") or "{}").get("numRecords")
    try:
        rows = len(pl.read_parquet(io.BytesIO(content)))
    except (pl.exceptions.PolarsError, OSError) as error:
        return f"cannot be read: {str(error).splitlines()[0][:200]}."
    return "" if wanted in (None, rows) else f"has {rows:,} rows, where {wanted:,} were written."
