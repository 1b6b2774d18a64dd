"""Comma-separated text and its kin: the delimiter is found, every line has as many fields as the first."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import polars as pl

from kaizenml.errors import SourceError

_DELIMITERS = (",", ";", "\t", "|")
_LINES = 50


def read_delimited(
    name: str, content: bytes, check: Callable[[list[str]], None] = lambda _: None
) -> tuple[list[str], pl.DataFrame]:
    """Return the names of the columns as written, and all cells as text: nothing is guessed, nothing is lost.

    Blank lines are skipped. Empty cells are nulls.

    Parameters
    ----------
    name
        The file's name, for errors.
    content
        UTF-8.
    check
        Called with the names of the columns before the rows are read; raises when they cannot be.

    Raises
    ------
    SourceError
        When a line has more or fewer fields than the first, or a quote is not closed; names the line.
    """
    text = content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        raise SourceError(f"{name} holds zero bytes: it is no text.", "Export it again.", {"file": name})
    delimiter = sniffed(text)
    names = [field.strip() for field in _header(text, delimiter)]
    check(names)
    rows = _quoted_rows if '"' in text else _plain_rows
    frame = rows(name, text, delimiter, names)
    return names, frame.with_columns(pl.when(pl.all() != "").then(pl.all()))


def sniffed(text: str) -> str:
    """Return the delimiter that splits the first lines into the most fields, and into the same number each."""
    return max(_DELIMITERS, key=lambda delimiter: _fit(text[:200_000], delimiter))


def _fit(text: str, delimiter: str) -> tuple[bool, float, int]:
    lines = [row for row, _ in zip(csv.reader(io.StringIO(text), delimiter=delimiter), range(_LINES), strict=False)]
    counts = [len(row) for row in lines if row]
    header = counts[0] if counts else 1
    return header > 1, sum(count == header for count in counts) / max(len(counts), 1), header


def _header(text: str, delimiter: str) -> list[str]:
    return next(row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if "".join(row).strip())


def _plain_rows(name: str, text: str, delimiter: str, names: list[str]) -> pl.DataFrame:
    """Return the rows of a text without quotes, where a line is a row."""
    lines = pl.Series(text.split("\n"))
    is_row = lines.str.strip_chars(" " if delimiter == "\t" else " \t") != ""
    fields = lines.str.count_matches(delimiter, literal=True) + 1
    ragged = (is_row & (fields != len(names))).arg_true()
    if len(ragged):
        raise _ragged(name, ragged[0] + 1, fields[ragged[0]], len(names))
    kept = text if is_row[:-1].all() else "\n".join(lines.filter(is_row).to_list())
    return _parsed(name, kept, delimiter, names)


def _quoted_rows(name: str, text: str, delimiter: str, names: list[str]) -> pl.DataFrame:
    """Return the rows of a text with quotes, where a row may go over many lines."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    rows, has_blank, line = 0, False, 1
    try:
        for row in reader:
            is_blank = not row or (len(row) == 1 and not row[0].strip())
            if not is_blank and len(row) != len(names):
                raise _ragged(name, line, len(row), len(names))
            rows, has_blank, line = rows + (not is_blank), has_blank or is_blank, reader.line_num + 1
    except csv.Error as error:
        raise SourceError(
            f"{name}, line {line}: {error}.",
            'A quote is not closed, or stands inside a field; a quote inside a quoted field is written "".',
            {"file": name, "line": line},
        ) from error
    is_plain = not has_blank and not any('"' in each for each in names)  # polars leaves quotes in names doubled
    frame = _parsed(name, text, delimiter, names) if is_plain else None
    return frame if frame is not None and frame.height == rows - 1 else _from_records(text, delimiter, names)


def _from_records(text: str, delimiter: str, names: list[str]) -> pl.DataFrame:
    records = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    rows = [[cell or None for cell in row] for row in records if "".join(row).strip() or len(row) > 1]
    return pl.DataFrame(rows[1:], schema=dict.fromkeys(names, pl.String), orient="row")


def _parsed(name: str, text: str, delimiter: str, names: list[str]) -> pl.DataFrame:
    schema = dict.fromkeys(names, pl.String)
    try:
        return pl.read_csv(text.encode(), separator=delimiter, schema=schema)
    except pl.exceptions.NoDataError:
        return pl.DataFrame(schema=schema)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise SourceError(f"{name} cannot be read: {reason}.", "Export it again.", {"file": name}) from error


def _ragged(name: str, line: int, fields: int, expected: int) -> SourceError:
    return SourceError(
        f"{name}, line {line}: {fields} fields, and the first line has {expected}.",
        "A delimiter inside a value must be quoted; a line may be cut off.",
        {"file": name, "line": line, "fields": fields, "expected": expected},
    )
