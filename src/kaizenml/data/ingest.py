"""Read one file, whatever its format, or say exactly where it is broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from kaizenml.data.delimited import delimited_parts
from kaizenml.data.documents import read_json, read_ndjson
from kaizenml.data.textfile import COMPRESSIONS, blocks_of, lines_of, text_of
from kaizenml.errors import SourceError, bounded

#: More columns than this is a table that was exported wrongly, or turned on its side.
MOST_COLUMNS = 2_000
#: So many rows of Parquet are read at once.
ROWS_AT_ONCE = 200_000
#: What tables of rows keep beside the columns of a file; so are all names that begin with two underscores.
OWN_NAMES = frozenset({"_file", "_label"})


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a file, and how many bytes of it have been read by then."""

    rows: pl.DataFrame
    read_bytes: int


def read_file(path: Path) -> pl.DataFrame:
    """Return the rows of a file: text of CSV, TSV and Excel as it stands, values of Parquet and JSON in their types.

    Raises
    ------
    SourceError
        Naming the file, and line and column where it is known: a file that is missing, empty, damaged, ragged, not
        UTF-8, of an unknown kind, or whose columns have no names, twice the same, or are more than 2,000.
    """
    return pl.concat([part.rows for part in read_parts(path)])


def read_parts(path: Path) -> Iterator[Part]:
    """Return the rows of a file in parts, as `read_file` does.

    Text of lines and Parquet of any size pass through a bounded memory; JSON and Excel come whole.

    Raises
    ------
    SourceError
        As `read_file`; for a line that has no end within 32 MB too. Parts may have come before.
    """
    if path.is_dir():
        raise SourceError(f"{path} is a folder.", "Name a file in it.", {"file": str(path)})
    if not path.is_file():
        raise SourceError(f"There is no file {path}.", "Check the path.", {"file": str(path)})
    if path.stat().st_size == 0:
        raise SourceError(f"{path.name} is empty: 0 bytes.", "Export it again.", {"file": path.name})
    rows = 0
    for part in _reader(path)(path):
        rows += part.rows.height
        yield part
    if not rows:
        raise SourceError(f"{path.name} has columns but no rows.", "Export it again, with rows.", {"file": path.name})


def _reader(path: Path) -> Callable[[Path], Iterator[Part]]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    kind = suffixes[-1] if suffixes else ""
    reader = _TEXT.get(kind) if path.suffix.lower() in COMPRESSIONS else _TEXT.get(kind) or _BINARY.get(kind)
    if reader is None:
        known = ", ".join([*_TEXT, *_BINARY])
        raise SourceError(
            f"{path.name} is of no kind that can be read.",
            f"Known endings: {known}; the text ones also with .gz or .zst.",
            {"file": path.name},
        )
    return reader


def _delimited(path: Path) -> Iterator[Part]:
    with path.open("rb") as file:
        for frame in delimited_parts(path.name, blocks_of(path, file), lambda names: check_names(path, names)):
            yield Part(frame, file.tell())


def _ndjson(path: Path) -> Iterator[Part]:
    yield _whole(path, read_ndjson(path.name, lines_of(path)))


def _json(path: Path) -> Iterator[Part]:
    yield _whole(path, read_json(path.name, text_of(path)))


def _parquet(path: Path) -> Iterator[Part]:
    try:
        whole = pl.scan_parquet(path, glob=False)
        names, rows = whole.collect_schema().names(), whole.select(pl.len()).collect().item()
        check_names(path, names)
        if rows <= ROWS_AT_ONCE:
            yield _whole(path, whole.collect())
            return
        read, size = 0, path.stat().st_size
        for part in whole.collect_batches(chunk_size=ROWS_AT_ONCE, maintain_order=True):
            read += part.height
            yield Part(part, size * read // rows)
    except pl.exceptions.PolarsError as error:
        raise _unreadable(path, "Parquet", error) from error


def _whole(path: Path, frame: pl.DataFrame) -> Part:
    check_names(path, frame.columns)
    return Part(frame, path.stat().st_size)


def _excel(path: Path) -> Iterator[Part]:
    import fastexcel

    try:
        sheet = fastexcel.read_excel(path).load_sheet(0, header_row=None, dtypes="string").to_polars()
    except fastexcel.FastExcelError as error:
        raise _unreadable(path, "Excel", error) from error
    if sheet.is_empty():
        raise SourceError(f"The first sheet of {path.name} is empty.", "Put the table there.", {"file": path.name})
    names = [(name or "").strip() for name in sheet.row(0)]
    check_names(path, names)
    yield _whole(path, sheet[1:].rename(dict(zip(sheet.columns, names, strict=True))))


def _unreadable(path: Path, kind: str, error: Exception) -> SourceError:
    reason = str(error).splitlines()[0]
    return SourceError(
        f"{path.name} is no {kind} file that can be read: {reason}.",
        "It may be cut off, or have the wrong ending; export it again.",
        {"file": path.name},
    )


def check_names(path: Path, names: list[str]) -> None:
    """Refuse columns without a name, names given twice, patterns, names of our own, and more than 2,000 columns."""
    details = {"file": path.name}
    if len(names) > MOST_COLUMNS:
        hint = "Check that it is not turned on its side, or choose columns."
        raise SourceError(f"{path.name} has {len(names):,} columns; {MOST_COLUMNS:,} are the most.", hint, details)
    blank = [str(at) for at, name in enumerate(names, start=1) if not name.strip()]
    if blank:
        hint = "Name it in the first line, or delete it."
        raise SourceError(f"{path.name}: column number {bounded(blank)} has no name.", hint, details)
    odd = [name for name in names if name.startswith("^") and name.endswith("$")]
    if odd:
        hint = "Names between ^ and $ mean patterns; rename it in the first line."
        raise SourceError(f"{path.name}: a column cannot be called {bounded(odd)}.", hint, details)
    taken = [name for name in names if name in OWN_NAMES or name.startswith("__")]
    if taken:
        hint = "kaizenml keeps its own notes under that name; rename it in the first line."
        raise SourceError(f"{path.name}: a column cannot be called {bounded(taken)}.", hint, details)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        hint = "Rename one of them in the first line."
        raise SourceError(f"{path.name}: more than one column is called {bounded(twice)}.", hint, details)


_TEXT: dict[str, Callable[[Path], Iterator[Part]]] = {
    ".csv": _delimited,
    ".tsv": _delimited,
    ".txt": _delimited,
    ".jsonl": _ndjson,
    ".ndjson": _ndjson,
    ".json": _json,
}
_BINARY: dict[str, Callable[[Path], Iterator[Part]]] = {
    ".parquet": _parquet,
    ".pq": _parquet,
    ".xlsx": _excel,
    ".xls": _excel,
}
