"""Comma-separated text and its kin: the delimiter is found, every line has as many fields as the first.

A text is read in pieces of whole rows, so that a file of any size passes through a bounded memory.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import polars as pl

from kaizenml.data.textfile import LONGEST_LINE, blank, endless, utf8
from kaizenml.errors import SourceError

_DELIMITERS = (",", ";", "\t", "|")
_LINES = 50
_PEEKED = 10_000
Check = Callable[[list[str]], None]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a text are written."""

    name: str
    delimiter: str
    names: list[str]

    def column_at(self, begun: str) -> str:
        """Return the column in which the begin of a row ends, as far as quotes do not hide it."""
        at = begun.partition('"')[0].count(self.delimiter)
        return self.names[min(at, len(self.names) - 1)]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Whole lines of a text: which line of the file the first is, whether it names the columns, and what follows."""

    text: str
    line: int
    has_header: bool
    is_last: bool


def read_delimited(name: str, content: bytes, check: Check = lambda _: None) -> tuple[list[str], pl.DataFrame]:
    """Return the names of the columns as written, and all cells as text: nothing is guessed, nothing is lost.

    See `delimited_parts`.
    """
    frame = pl.concat(delimited_parts(name, (content,), check))
    return frame.columns, frame


def delimited_parts(name: str, blocks: Iterable[bytes], check: Check = lambda _: None) -> Iterator[pl.DataFrame]:
    """Return the rows of a text piece by piece, all cells as text, empty ones as nulls. Blank lines are skipped.

    Parameters
    ----------
    name
        The file's name, for errors.
    blocks
        UTF-8, cut anywhere.
    check
        Called with the names of the columns before the rows are read; raises when they cannot be.

    Raises
    ------
    SourceError
        When a line has more or fewer fields than the first, is too long, is not UTF-8, or a quote is not closed; names
        the line, and the column where that can be told.
    """
    layout: Layout | None = None
    pending, line, at = b"", 1, 0
    for block, is_last in _with_last(blocks):
        pending += block
        whole, after = (pending, b"") if is_last else _cut(pending)
        if len(after) > LONGEST_LINE:
            raise endless(name, line + whole.count(b"\n"), _column(layout, after))
        text = utf8(name, whole, line, at, partial(_column_of_bad, layout, name, whole))
        if layout is None and not text.strip():
            at, line, pending = at + len(whole), line + text.count("\n"), after
            continue
        if "\x00" in text:
            raise SourceError(f"{name} holds zero bytes: it is no text.", "Export it again.", {"file": name})
        has_header = layout is None
        layout = layout or _layout(name, text, check)
        rows = _quoted_rows if '"' in text else _plain_rows
        frame, rest = rows(layout, _Piece(text, line, has_header, is_last))
        if len(rest) > LONGEST_LINE:
            raise endless(name, line + text.count("\n") - rest.count("\n"), _column(layout, rest.encode()))
        yield frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
        line += text.count("\n") - rest.count("\n")
        at, pending = at + len(whole) - len(rest.encode()), rest.encode() + after
    if layout is None:
        raise blank(name)


def _with_last(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Return each block, and whether it is the last one."""
    before: bytes | None = None
    for block in blocks:
        if before is not None:
            yield before, False
        before = block
    yield before or b"", True


def _cut(content: bytes) -> tuple[bytes, bytes]:
    """Return the whole lines, and what is behind them; a return at the very end may be half of a line's end."""
    at = max(content.rfind(b"\n"), content.rfind(b"\r", 0, len(content) - 1)) + 1
    return content[:at], content[at:]


def _column(layout: Layout | None, begun: bytes) -> str | None:
    return None if layout is None else layout.column_at(begun[:LONGEST_LINE].decode("utf-8", "replace"))


def _column_of_bad(layout: Layout | None, name: str, content: bytes, begun: bytes) -> str | None:
    """Return in which column a text is not UTF-8; its layout may have to be guessed for that."""
    text = content[:200_000].decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    if layout is None and "\x00" not in text and text.strip():
        layout = _layout(name, text, lambda _: None)
    return _column(layout, begun)


def _layout(name: str, text: str, check: Check) -> Layout:
    try:
        delimiter = sniffed(text)
        names = [field.strip() for field in _header(text, delimiter)]
    except csv.Error as error:
        raise SourceError(
            f"{name}: its first lines are no table: {error}.", "Export it again.", {"file": name}
        ) from error
    check(names)
    return Layout(name, delimiter, names)


def sniffed(text: str) -> str:
    """Return the delimiter that splits the first lines into the most fields, and into the same number each."""
    return max(_DELIMITERS, key=lambda delimiter: _fit(text[:200_000], delimiter))


def _fit(text: str, delimiter: str) -> tuple[bool, float, int]:
    lines: list[list[str]] = []
    with suppress(csv.Error):  # whoever reads the rows will say where
        lines.extend(row for row, _ in zip(csv.reader(io.StringIO(text), delimiter=delimiter), range(_LINES)))  # noqa: B905
    counts = [len(row) for row in lines if row]
    header = counts[0] if counts else 1
    return header > 1, sum(count == header for count in counts) / max(len(counts), 1), header


def _header(text: str, delimiter: str) -> list[str]:
    return next(row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if "".join(row).strip())


def _plain_rows(layout: Layout, piece: _Piece) -> tuple[pl.DataFrame, str]:
    """Return the rows of a text without quotes, where a line is a row."""
    lines = pl.Series(piece.text.split("\n"))
    is_row = lines.str.strip_chars(" " if layout.delimiter == "\t" else " \t") != ""
    fields = lines.str.count_matches(layout.delimiter, literal=True) + 1
    ragged = (is_row & (fields != len(layout.names))).arg_true()
    if len(ragged):
        raise _ragged(layout, piece.line + ragged[0], fields[ragged[0]])
    kept = piece.text if is_row[:-1].all() else "\n".join(lines.filter(is_row).to_list())
    return _parsed(layout, kept, piece.has_header), ""


def _quoted_rows(layout: Layout, piece: _Piece) -> tuple[pl.DataFrame, str]:
    """Return the rows of a text with quotes, where a row may go over many lines, and the begin of one that goes on."""
    reader = csv.reader(io.StringIO(piece.text), delimiter=layout.delimiter, strict=True)
    rows, has_blank, line, text, rest = 0, False, 1, piece.text, ""
    try:
        for row in reader:
            is_blank = not row or (len(row) == 1 and not row[0].strip())
            if not is_blank and len(row) != len(layout.names):
                raise _ragged(layout, piece.line + line - 1, len(row))
            rows, has_blank, line = rows + (not is_blank), has_blank or is_blank, reader.line_num + 1
    except csv.Error as error:
        if piece.is_last or "unexpected end" not in str(error):
            begun = _before_line(piece.text, line)[1][:_PEEKED]
            raise _misquoted(layout, piece.line + line - 1, layout.column_at(begun), error) from error
        text, rest = _before_line(text, line)
    is_plain = not has_blank and not any('"' in each for each in layout.names)  # polars leaves quotes in names doubled
    frame = _parsed(layout, text, piece.has_header) if is_plain else None
    if frame is not None and frame.height == rows - piece.has_header:
        return frame, rest
    return _from_records(layout, text, piece.has_header), rest


def _before_line(text: str, line: int) -> tuple[str, str]:
    """Return the text before a line, the first being 1, and from it on."""
    rest = text.split("\n", line - 1)[-1] if line > 1 else text
    return text[: len(text) - len(rest)], rest


def _from_records(layout: Layout, text: str, has_header: bool) -> pl.DataFrame:
    records = csv.reader(io.StringIO(text), delimiter=layout.delimiter, strict=True)
    rows = [[cell or None for cell in row] for row in records if "".join(row).strip() or len(row) > 1]
    return pl.DataFrame(rows[has_header:], schema=dict.fromkeys(layout.names, pl.String), orient="row")


def _parsed(layout: Layout, text: str, has_header: bool) -> pl.DataFrame:
    schema = dict.fromkeys(layout.names, pl.String)
    try:
        return pl.read_csv(text.encode(), separator=layout.delimiter, schema=schema, has_header=has_header)
    except pl.exceptions.NoDataError:
        return pl.DataFrame(schema=schema)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        name = layout.name
        raise SourceError(f"{name} cannot be read: {reason}.", "Export it again.", {"file": name}) from error


def _misquoted(layout: Layout, line: int, column: str, error: csv.Error) -> SourceError:
    return SourceError(
        f"{layout.name}, line {line}: {error}; the first quote of that line is in column {column}.",
        'A quote is not closed, or stands inside a field; a quote inside a quoted field is written "".',
        {"file": layout.name, "line": line, "column": column},
    )


def _ragged(layout: Layout, line: int, fields: int) -> SourceError:
    expected = len(layout.names)
    return SourceError(
        f"{layout.name}, line {line}: {fields} fields, and the first line has {expected}.",
        "A delimiter inside a value must be quoted; a line may be cut off.",
        {"file": layout.name, "line": line, "fields": fields, "expected": expected},
    )
