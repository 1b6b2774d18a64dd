"""What every source gives, and the law by which only new rows are loaded: none lost, none twice.

A cursor alone (a high-water mark) loses every row that is written late: its time is behind the mark. So each load
begins a little behind the greatest value seen (the *overlap*), and what comes back a second time is told by its key or,
without one, by the whole row. A row is then lost only when it comes later than the overlap allows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import polars as pl

from kaizenml.core.digest import Digest
from kaizenml.core.source import Increment
from kaizenml.data.ingest import Part
from kaizenml.errors import SourceError, bounded, close_match

Cursor = int | float | str | date | datetime | None
#: Says how far a long load has come: rows and bytes so far.
Told = Callable[[int, int], None]
_COPY = "__copy"


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that are loaded together or not at all.

    ``key`` is what the ledger and the table's commit know it by; it never changes for the same rows. ``read`` gives the
    rows in parts, and is called only when the key is new. Of the ``facts``, ``seen`` counts rows that were there
    already, and ``late`` those that are new although their cursor is behind the greatest seen before.
    """

    key: str
    name: str
    size_bytes: int
    digest: Digest
    read: Callable[[], Iterable[Part]]
    facts: Mapping[str, object] = field(default_factory=dict)


def at_once(rows: pl.DataFrame) -> Callable[[], Iterable[Part]]:
    """Return what gives rows that are here already, as one part."""
    return lambda: (Part(rows, int(rows.estimated_size())),)


@dataclass(frozen=True, slots=True)
class Before:
    """What is loaded already: the keys of the batches in the ledger, and, asked for, the rows of this stream."""

    keys: Mapping[str, int]
    rows: Callable[[], pl.DataFrame | None]


class Reader(Protocol):
    """A source that can be read; every kind has one."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def stream(self) -> str:
        """What the keys of its batches begin with, where each load adds to those before; else empty."""
        ...

    def batches(self, before: Before) -> Iterator[Batch]:
        """Return what is there now, loaded already or not; where loads add up, only what is new."""
        ...

    def settled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the loaded rows without versions that newer ones replace."""
        ...


@dataclass(frozen=True, slots=True)
class Fresh:
    """The rows of a window that were not there before, and how they came."""

    rows: pl.DataFrame
    high: Cursor
    seen: int
    late: int


def begin(high: Cursor, overlap: timedelta | float | None) -> Cursor:
    """Return where the next window begins: the overlap behind the greatest cursor seen.

    A time that is kept as text begins at the start of its day, so that no spelling of a time is cut off.

    Raises
    ------
    SourceError
        For an overlap that does not suit the cursor.
    """
    if high is None or not overlap:
        return high
    if isinstance(overlap, timedelta):
        if isinstance(high, datetime):
            return high - overlap
        if isinstance(high, date):
            return high - timedelta(days=math.ceil(overlap / timedelta(days=1)))
        if isinstance(high, str):
            return _begin_of_text(high, overlap)
    elif isinstance(high, (int, float)):
        return high - type(high)(math.ceil(overlap) if isinstance(high, int) else overlap)
    raise SourceError(
        f"The overlap {overlap} does not suit the cursor, which stands at {high!r}.",
        'Give a span such as "36h" for times, a number for numbers, none for other text.',
    )


def fresh(found: pl.DataFrame, known: pl.DataFrame | None, rule: Increment, high: Cursor) -> Fresh:
    """Return those rows of a window that are not known yet.

    Parameters
    ----------
    found
        All rows of the source from `begin` on, and those without a cursor.
    known
        The rows that were loaded before: at least all from `begin` on. None: none.
    high
        The greatest cursor loaded before; None: none.

    Notes
    -----
    With a key, a row is known when the newest known version of its key is the same. Without, rows are counted: of a row
    that the source holds n times and that was loaded m times, n - m are new. As the window holds every copy of a row
    (copies have one cursor), the count is exact, whatever the order of arrival.
    """
    check_cursor(found, rule)
    window = found.sort(rule.cursor, nulls_last=False, maintain_order=True)
    versions = newest(window, rule.key, rule.cursor)
    before = None if known is None or known.is_empty() else newest(known, rule.key, rule.cursor)
    rows = versions if before is None else _beyond(versions, fitted_to(before, versions))
    late = rows.filter(pl.col(rule.cursor) < high).height if high is not None else 0
    top = found[rule.cursor].max()
    reached = high if top is None or (high is not None and top < high) else top  # type: ignore[operator]
    return Fresh(rows, reached, found.height - rows.height, late)  # type: ignore[arg-type]


def newest(rows: pl.DataFrame, key: Sequence[str], cursor: str = "") -> pl.DataFrame:
    """Return the newest version of each key: the greatest cursor, of equal ones the last. Rows without a key stay."""
    if not key:
        return rows
    check_columns(rows, key, "key")
    ordered = rows.sort(cursor, nulls_last=False, maintain_order=True) if cursor else rows
    keyless = pl.any_horizontal(pl.col(list(key)).is_null())
    latest = ordered.filter(~keyless).unique(list(key), keep="last", maintain_order=True)
    return pl.concat([latest, ordered.filter(keyless)])


def fitted_to(known: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Return known rows with the columns and types of the found ones, so that they can be compared."""
    kinds = found.schema
    held = [pl.col(name).cast(kinds[name], strict=False) for name in found.columns if name in known.columns]
    lacking = [pl.lit(None, kinds[name]).alias(name) for name in found.columns if name not in known.columns]
    return known.select(*held, *lacking).select(found.columns) if held else known.select(*lacking)


def stored(found: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return rows in the types that tables keep: whole and other numbers, text, booleans, days, times.

    Raises
    ------
    SourceError
        Naming the column that holds lists, objects or bytes.
    """
    return found.select(_stored(column, name) for column in found.get_columns())


def retyped(found: pl.DataFrame, schema: Mapping[str, pl.DataType], name: str, *, before: int = 0) -> pl.DataFrame:
    """Return rows with the types that their columns had before, where no value changes by that.

    Parameters
    ----------
    before
        How many rows of the same batch came before these, to count on from.

    Raises
    ------
    SourceError
        Naming the first row and the column whose value cannot be of the type that it had.
    """
    changed = [each for each in found.columns if schema.get(each, found.schema[each]) != found.schema[each]]
    return found.with_columns(_retyped(found[each], schema[each], name, before) for each in changed)


def check_vanished(found: pl.DataFrame, expected: Sequence[str], name: str) -> None:
    """Refuse rows that lack a column which all rows before had."""
    missing = [each for each in expected if each not in found.columns]
    if missing:
        extra = [each for each in found.columns if each not in expected]
        match = close_match(missing[0], extra)
        raise SourceError(
            f"{name} lacks {bounded(missing)}, which all that was loaded before has.",
            f"Was it renamed to {match!r}? Name it as before."
            if match
            else "Bring the column back, or load from anew.",
            {"file": name, "missing": missing, "extra": extra},
        )


def _stored(column: pl.Series, name: str) -> pl.Series:
    kind = column.dtype
    if isinstance(kind, pl.datatypes.BaseExtension):
        column = column.ext.storage()
        kind = column.dtype
        if kind == pl.String and column.drop_nulls().str.contains(r"^-?\d+(\.\d+)?$|^NaN$").all():
            return column.cast(pl.Float64)  # a database's exact numbers
    if kind == pl.Binary and (column.bin.size().drop_nulls() == 16).all():
        return column.bin.encode("hex").str.replace(r"(.{8})(.{4})(.{4})(.{4})(.{12})", "$1-$2-$3-$4-$5")  # a UUID
    if kind.is_nested() or kind in (pl.Binary, pl.Object):
        raise SourceError(
            f"{name}: column {column.name} holds {kind}, no single values.",
            "Turn it into text or numbers in the query, or leave it out.",
            {"file": name, "column": column.name},
        )
    if isinstance(kind, pl.Datetime):
        return column.cast(pl.Datetime("us", "UTC" if kind.time_zone else None))
    if kind.is_integer() and kind not in (pl.UInt64, pl.Int128):
        return column.cast(pl.Int64)
    if kind.is_numeric():
        return column.cast(pl.Float64)
    return column if kind in (pl.String, pl.Boolean, pl.Date) else column.cast(pl.String)


def _retyped(column: pl.Series, kind: pl.DataType, name: str, before: int) -> pl.Series:
    made = column.cast(kind, strict=False)
    back = made.cast(column.dtype, strict=False) if column.dtype.is_numeric() else made
    wrong = column.is_not_null() & (back.is_null() | (back != column if column.dtype.is_numeric() else False))
    if kind == pl.String or not wrong.any():
        return made
    row = wrong.arg_true()[0]
    number = before + row + 1
    raise SourceError(
        f"{name}, row {number}: column {column.name} holds {str(column[row])[:80]!r}; so far it held {kind}.",
        "Mend the value, or load the column as text from the start.",
        {"file": name, "row": number, "column": column.name},
    )


def check_cursor(found: pl.DataFrame, rule: Increment) -> None:
    """Refuse rows without the cursor's column, or with one that does not order."""
    check_columns(found, [rule.cursor], "cursor")
    kind = found.schema[rule.cursor]
    if kind.is_nested() or kind in (pl.Boolean, pl.Binary, pl.Time, pl.Duration):
        raise SourceError(
            f"The cursor {rule.cursor!r} holds {kind}, which does not grow.",
            "Name a column of times or of growing numbers.",
            {"column": rule.cursor},
        )


def check_columns(rows: pl.DataFrame, names: Sequence[str], what: str) -> None:
    """Refuse rows that lack a column which the source is declared with."""
    for name in names:
        if name not in rows.columns:
            match = close_match(name, rows.columns)
            raise SourceError(
                f"There is no column {name!r}, which the source names as its {what}.",
                f"Did you mean {match!r}?" if match else f"There are {bounded(rows.columns)}.",
                {"column": name},
            )


def key_of(stream: str, cursor: object, digest: str) -> str:
    """Return the key of a batch: its stream, the cursor that it reaches, and the digest of its rows."""
    return f"{stream}:{json.dumps(cursor, separators=(',', ':'), sort_keys=True)}:{digest}"


def cursor_in(key: str, stream: str) -> object:
    """Return the cursor that the key of a batch of this stream carries."""
    return json.loads(key.removeprefix(f"{stream}:").rpartition(":")[0])


def highest(keys: Sequence[str], stream: str) -> Cursor:
    """Return the greatest cursor that the loaded batches of a stream have reached; None when there is none."""
    reached = [plain_cursor(cursor_in(key, stream)) for key in keys if key.startswith(f"{stream}:")]
    return max((each for each in reached if each is not None), default=None)


def as_json(cursor: Cursor) -> object:
    """Return a cursor as JSON can say it, exactly."""
    if isinstance(cursor, datetime):
        return {"time": cursor.astimezone(UTC).isoformat() if cursor.tzinfo else cursor.isoformat()}
    return {"day": cursor.isoformat()} if isinstance(cursor, date) else cursor


def plain_cursor(value: object) -> Cursor:
    """Return the cursor that `as_json` has written."""
    if isinstance(value, dict):
        return datetime.fromisoformat(value["time"]) if "time" in value else date.fromisoformat(value["day"])
    return value  # type: ignore[return-value]


def _begin_of_text(high: str, overlap: timedelta) -> str:
    try:
        reached = datetime.fromisoformat(high.strip())
    except ValueError:
        raise SourceError(
            f"The cursor stands at {high[:80]!r}, which is no time in ISO 8601 to take {overlap} from.",
            "Name a column of times or numbers, or write the times as 2026-01-31T12:00:00.",
        ) from None
    return (reached - overlap).date().isoformat()


def _beyond(found: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that are in `found` more often than in `known`: a difference of multisets."""
    names = found.columns
    copy = pl.int_range(pl.len()).over(names).alias(_COPY)
    there = known.with_columns(copy)
    return found.with_columns(copy).join(there, on=[*names, _COPY], how="anti", nulls_equal=True,
                                         maintain_order="left").drop(_COPY)  # fmt: skip
