"""Rows that broke a hard rule: what was decided about each, and what it is now, told from lines that are only added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

import msgspec
import polars as pl

from kaizenml.core.contract import Contract, Rule
from kaizenml.core.digest import digest_of
from kaizenml.core.plan import CleaningPlan
from kaizenml.data.clean import replay
from kaizenml.data.enforce import enforce
from kaizenml.data.rows import rows_to_raw
from kaizenml.errors import StateError

_ID_LETTERS = 16

#: What every line of the table says; lines of older tables lack the later ones.
LINES: dict[str, pl.DataType] = {
    "row": pl.Int64(), "rule": pl.String(), "column": pl.String(), "value": pl.String(), "reason": pl.String(),
    "payload": pl.String(), "id": pl.String(), "file": pl.String(), "suggestion": pl.String(), "batch": pl.String(),
    "at": pl.Datetime("us", "UTC"),
}  # fmt: skip


class RowState(StrEnum):
    """What was decided about a row."""

    NEW = "new"
    RELEASED = "released"  # it keeps the contract as it is now
    REPAIRED = "repaired"  # it keeps the contract with other cells
    DROPPED = "dropped"  # it stays out, for a reason


@dataclass(frozen=True, slots=True)
class Broken:
    """One rule that a row broke, and the value that would keep it, where one can be told."""

    rule: Rule
    column: str
    value: str | None
    reason: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about a row; ``changes`` are the cells of a repair, as text, None for no value."""

    row: str
    state: RowState
    by: str
    at: datetime
    because: str = ""
    changes: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row in quarantine.

    Parameters
    ----------
    id
        Told from the payload: the same row has the same id in every snapshot.
    row, file
        Where it is: its position among the raw rows, and the file that brought it.
    copies
        How many rows are exactly this one.
    is_held
        The newest snapshot kept it out; otherwise it passed since, or its file is gone.
    """

    id: str
    state: RowState
    payload: Mapping[str, object]
    broken: tuple[Broken, ...]
    row: int
    file: str | None
    copies: int
    is_held: bool
    seen_at: datetime | None = None
    decision: Decision | None = None

    @property
    def suggestion(self) -> dict[str, str]:
        """The cells that would keep the rules that it broke, where they can be told."""
        return {each.column: each.suggestion for each in self.broken if each.suggestion is not None}


def row_id(payload: Mapping[str, object]) -> str:
    """Return the name of a row, told from the cells that say something, in any order of the columns."""
    return digest_of({name: value for name, value in payload.items() if value is not None})[:_ID_LETTERS]


def folded(lines: pl.DataFrame, decisions: Sequence[Decision], *, batch: str | None) -> tuple[Entry, ...]:
    """Return each row once, as it is now: what was seen of it last, and what was decided last.

    A row that is seen again after it was released or repaired is new again: it broke a rule of a later contract. One
    that was dropped stays so.

    Parameters
    ----------
    lines
        Columns as `LINES`, in the order in which they were added.
    batch
        The one of the newest snapshot; None when that is not known, and every row counts as held.
    """
    last = {decision.row: decision for decision in decisions}
    grouped: dict[str, list[dict[str, object]]] = {}
    for line in _newest_lines(lines).iter_rows(named=True):
        grouped.setdefault(line["id"], []).append(line)
    return tuple(_entry(name, group, last.get(name), batch) for name, group in grouped.items())


def _newest_lines(lines: pl.DataFrame) -> pl.DataFrame:
    known = lines.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in LINES.items() if name not in lines.columns
    )
    if known["id"].null_count():
        named = pl.Series("id", [row_id(msgspec.json.decode(text)) for text in known["payload"]], dtype=pl.String)
        known = known.with_columns(named)
    return known.filter(pl.col("batch").eq_missing(pl.col("batch").last().over("id")))


def _entry(name: str, lines: list[dict[str, object]], decision: Decision | None, batch: str | None) -> Entry:
    first = msgspec.convert(lines[0], _Line)
    seen = [msgspec.convert(line, _Line) for line in lines]
    broken = {
        (line.rule, line.column): Broken(Rule(line.rule), line.column, line.value, line.reason, line.suggestion)
        for line in seen
    }
    return Entry(
        id=name,
        state=_state(decision, first.at),
        payload=msgspec.json.decode(first.payload, type=dict[str, object]),
        broken=tuple(broken.values()),
        row=first.row,
        file=first.file,
        copies=len({line.row for line in seen}),
        is_held=batch is None or first.batch == batch,
        seen_at=first.at,
        decision=decision,
    )


class _Line(msgspec.Struct):
    row: int
    rule: str
    column: str
    value: str | None
    reason: str
    payload: str
    file: str | None
    suggestion: str | None
    batch: str | None
    at: datetime | None


#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(_Line),)


def _state(decision: Decision | None, seen_at: datetime | None) -> RowState:
    if decision is None:
        return RowState.NEW
    is_seen_since = seen_at is not None and seen_at > decision.at
    return RowState.NEW if is_seen_since and decision.state is not RowState.DROPPED else decision.state


def decided(entry: Entry, decision: Decision) -> Entry:
    """Return the row as it is after a decision; a row that was dropped may come back, nothing is lost.

    Raises
    ------
    StateError
        When there is nothing to decide.
    """
    if not entry.is_held and entry.state is RowState.NEW:
        raise StateError(
            f"Row {entry.id} is not in quarantine any more: the newest snapshot does not hold it.",
            "List what is held: `kaizen quarantine`.",
            {"row": entry.id},
        )
    if entry.state is decision.state and decision.state is not RowState.REPAIRED:
        raise StateError(f"Row {entry.id} is {entry.state} already.", "Leave it, or decide otherwise.")
    return replace(entry, state=decision.state, decision=decision)


def objections(plan: CleaningPlan, contract: Contract, payload: Mapping[str, object]) -> list[str]:
    """Return the hard rules that a row breaks by itself, each as a sentence; none when it may join.

    Whether it is unique, only the other rows can tell: see `others_with`.
    """
    cleaned = replay(plan, rows_to_raw([payload], plan))
    bad = enforce(contract, cleaned).bad
    said = zip(bad["reason"], bad["value"], strict=True)
    return [f"{reason}: {value!r}" if value is not None else str(reason) for reason, value in said]


def others_with(plan: CleaningPlan, unique: str, raw: pl.DataFrame, payload: Mapping[str, object]) -> int:
    """Return how many raw rows have the value that names this row."""
    only = plan.only([unique])
    named = replay(only, rows_to_raw([payload], only)).frame[unique][0]
    return int((replay(only, raw.select(unique)).frame[unique] == named).sum() or 0)


def found_in(raw: pl.DataFrame, payloads: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Return where the rows are among the raw ones: columns ``at``, a position, and ``which`` of the payloads."""
    names = [name for name, dtype in raw.schema.items() if not dtype.is_nested()]
    wanted = pl.DataFrame(
        [_typed([payload.get(name) for payload in payloads], raw.schema[name]).alias(name) for name in names]
    ).with_row_index("__which")
    floats = [name for name in names if raw.schema[name].is_float()]
    rows = raw.select(names).with_columns(pl.col(floats).fill_nan(None)).with_row_index("__at")
    hits = rows.join(wanted, on=names, how="inner", nulls_equal=True, maintain_order="left")
    return hits.select(at=pl.col("__at").cast(pl.Int64), which=pl.col("__which").cast(pl.Int64))


def amended(
    raw: pl.DataFrame, repairs: Sequence[tuple[Mapping[str, object], Mapping[str, str | None]]]
) -> pl.DataFrame:
    """Return the raw rows with the repaired cells in the place of the broken ones; every other cell is as it was.

    Parameters
    ----------
    repairs
        The whole row as it came, and its new cells as text.
    """
    if not repairs or raw.is_empty():
        return raw
    hits = found_in(raw, [payload for payload, _ in repairs])
    return raw.with_columns(_patched(raw, hits, [changes for _, changes in repairs]))


def _patched(raw: pl.DataFrame, hits: pl.DataFrame, changes: Sequence[Mapping[str, str | None]]) -> Iterator[pl.Series]:
    for name in raw.columns:
        patches = [(at, changes[which][name]) for at, which in hits.iter_rows() if name in changes[which]]
        if patches:
            cells = _typed([text for _, text in patches], raw.schema[name])
            yield raw[name].clone().scatter([at for at, _ in patches], cells).alias(name)


def _typed(cells: list[object], dtype: pl.DataType) -> pl.Series:
    """Return cells of a payload, which are what JSON says, in the type of a raw column."""
    if dtype.is_temporal():
        text = pl.Series(cells, dtype=pl.String)
        moments = (
            text.str.replace("Z$", "+00:00").str.to_datetime(time_zone="UTC", strict=False, time_unit="us")
            if isinstance(dtype, pl.Datetime) and dtype.time_zone
            else text
        )
        return moments.cast(dtype, strict=False) if moments.dtype != pl.String else _dated(text, dtype)
    if dtype == pl.Boolean:
        words = {"true": True, "false": False, "1": True, "0": False}
        return pl.Series([words.get(str(cell).lower()) if cell is not None else None for cell in cells], dtype=dtype)
    if dtype == pl.String:
        return pl.Series([None if cell is None else str(cell) for cell in cells], dtype=dtype)
    return pl.Series([None if cell is None else str(cell) for cell in cells], dtype=pl.String).cast(dtype, strict=False)


def _dated(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    return text.str.to_date(strict=False) if dtype == pl.Date else text.str.to_datetime(strict=False).cast(dtype)
