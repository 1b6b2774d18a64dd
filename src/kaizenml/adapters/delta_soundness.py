"""Whether the files of a table are those that its log tells of, and can be read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import polars as pl

from kaizenml.adapters.delta_backup import files_of, tables_in
from kaizenml.adapters.delta_history import History, history_of
from kaizenml.adapters.delta_sums import sums_in
from kaizenml.errors import IntegrityError


def unsound_tables(root: Path, keep: Mapping[str, Collection[int]], *, is_quick: bool) -> Iterator[tuple[str, str]]:
    """Return the tables below a root in which something is wrong, each with the first thing that is.

    Parameters
    ----------
    keep
        The versions of each table that must be readable.
    is_quick
        Whether only names and sizes are looked at; else every file is read as well.
    """
    for folder in tables_in(root):
        try:
            paths = files_of(folder)
            commits = (path for path in paths if path.suffix == ".json")
            history = history_of((number, path.read_text()) for number, path in enumerate(commits))
        except IntegrityError as error:
            yield folder.name, error.message
            continue
        except (ValueError, KeyError, TypeError) as error:
            yield folder.name, f"Its log cannot be read: {error}."
            continue
        wanted = {name: version for version in sorted(keep.get(folder.name, ())) for name in history.files_at(version)}
        cleared = wanted.keys() - {path.name for path in paths}
        if cleared:
            name = min(cleared)
            yield folder.name, f"{name} was cleared away, and version {wanted[name]} needs it."
        sums = {} if is_quick else sums_in(folder)
        for path in (path for path in paths if path.suffix == ".parquet"):
            if wrong := _wrong_in(path, history, sums.get(path.name), is_quick=is_quick):
                yield folder.name, f"{path.name} {wrong}"
                break


def _wrong_in(path: Path, history: History, digest: str | None, *, is_quick: bool) -> str:
    added = history.added[path.name]
    if path.stat().st_size != added["size"]:
        return f"has {path.stat().st_size:,} bytes, where {added['size']:,} were written."
    if is_quick:
        return ""
    if digest is not None:
        with path.open("rb") as file:
            is_whole = hashlib.file_digest(file, "sha256").hexdigest() == digest
        return "" if is_whole else "is damaged: its bytes are not those that were written."
    wanted = json.loads(added.get("stats") or "{}").get("numRecords")
    try:
        rows = len(pl.read_parquet(path, glob=False))
    except (pl.exceptions.PolarsError, OSError) as error:
        return f"cannot be read: {str(error).splitlines()[0][:200]}."
    return "" if wanted in (None, rows) else f"has {rows:,} rows, where {wanted:,} were written."
