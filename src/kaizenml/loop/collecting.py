"""From the data plane's log to tables: every answered row and every label, once."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import msgspec
import polars as pl

from kaizenml.core.ports import Tables
from kaizenml.core.prediction import Answered, Feedback
from kaizenml.loop.wiring import House
from kaizenml.serving.segments import closed_segments, read_segment

PREDICTIONS = {
    "id": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "data_at": pl.Datetime("us", "UTC"),
    "release": pl.String(),
    "role": pl.String(),
    "value": pl.String(),
    "probabilities": pl.List(pl.Float64()),
    "row": pl.String(),
    "request": pl.String(),
    "seconds": pl.Float64(),
    "beside": pl.String(),
}
LABELS = {
    "id": pl.String(),
    "value": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "received_at": pl.Datetime("us", "UTC"),
}

#: A segment that is still open after so long belongs to a process that has died; the next start closes it.
SETTLE_SECONDS = 3.0
#: After this many appends a table is compacted, so that reading and appending stay fast.
APPENDS_BETWEEN_COMPACTIONS = 50


def predictions_of(endpoint: str) -> str:
    """Return the name of the table of an endpoint's answered rows."""
    return f"predictions-{endpoint}"


def labels_of(endpoint: str) -> str:
    """Return the name of the table of an endpoint's labels."""
    return f"labels-{endpoint}"


def collect(house: House) -> int:
    """Load every closed segment of the log into the tables, then delete it; return how many rows were loaded.

    A segment's name is the key of its commits, so that a crash between loading and deleting loads nothing twice.
    """
    rows = 0
    for path in closed_segments(house.settings.serving / "log"):
        for table, frame in frames_of(read_segment(path)):
            _append(house, table, frame, key=path.name)
            rows += len(frame)
        path.unlink()
    return rows


def settle(house: House) -> None:
    """Wait until what the data plane was writing when this was called has been closed, so that it can be collected."""
    folder = house.settings.serving / "log"
    open_now = {path.name for path in folder.glob("*.open")} if folder.exists() else set()
    limit = time.monotonic() + SETTLE_SECONDS
    while open_now and time.monotonic() < limit:
        time.sleep(0.01)
        open_now &= {path.name for path in folder.glob("*.open")}


def _append(house: House, table: str, frame: pl.DataFrame, *, key: str) -> None:
    version = house.tables.append(table, frame, key=key)
    if version and version % APPENDS_BETWEEN_COMPACTIONS == 0:
        house.tables.compact_aside(table)


def frames_of(lines: Iterable[Answered | Feedback]) -> list[tuple[str, pl.DataFrame]]:
    """Return lines of the log as the rows that they become, each with the name of their table."""
    answered: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    labelled: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for number, line in enumerate(lines):
        if isinstance(line, Answered):
            answered[line.endpoint] += _answered_rows(line, number)
        else:
            labelled[line.endpoint] += _label_rows(line)
    found = [(predictions_of(name), _frame(rows, PREDICTIONS)) for name, rows in answered.items()]
    return found + [(labels_of(name), _frame(rows, LABELS)) for name, rows in labelled.items()]


def _answered_rows(line: Answered, number: int) -> list[tuple[object, ...]]:
    encode = msgspec.json.Encoder().encode
    probabilities = line.probabilities or ((),) * len(line.ids)
    request = f"{line.at.timestamp():.6f}-{number}"
    return [
        (
            id_, line.at, line.data_at, line.release, line.role, encode(value).decode(), list(each),
            encode(row).decode(), request, line.seconds, line.beside,
        )
        for id_, value, each, row in zip(line.ids, line.values, probabilities, line.rows, strict=True)
    ]  # fmt: skip


def _label_rows(line: Feedback) -> list[tuple[object, ...]]:
    encode = msgspec.json.Encoder().encode
    return [(label.id, encode(label.value).decode(), label.at, line.received_at) for label in line.labels]


def _frame(rows: list[tuple[object, ...]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")


def answered(
    tables: Tables, endpoint: str, low: datetime, high: datetime, *, version: int | None = None
) -> pl.DataFrame:
    """Return the rows answered between two times of the data's clock, shadows included; empty when there are none."""
    return _read(tables, predictions_of(endpoint), PREDICTIONS, between=("data_at", low, high), version=version)


def labels(tables: Tables, endpoint: str, *, version: int | None = None) -> pl.DataFrame:
    """Return the labels of an endpoint, the newest for each id; empty when there are none."""
    found = _read(tables, labels_of(endpoint), LABELS, between=None, version=version)
    return found.sort("received_at").unique("id", keep="last", maintain_order=True)


def labels_between(tables: Tables, endpoint: str, low: datetime, high: datetime) -> pl.DataFrame:
    """Return the labels that became known between two times, the newest for each id."""
    found = _read(tables, labels_of(endpoint), LABELS, between=("at", low, high), version=None)
    return found.sort("received_at").unique("id", keep="last", maintain_order=True)


def pins(house: House, endpoint: str) -> dict[str, int]:
    """Return the versions of the endpoint's tables, to be pinned by who reads them."""
    found = {name: house.tables.version(name) for name in (predictions_of(endpoint), labels_of(endpoint))}
    return {name: version for name, version in found.items() if version is not None}


def _read(
    tables: Tables,
    table: str,
    schema: dict[str, pl.DataType],
    *,
    between: tuple[str, datetime, datetime] | None,
    version: int | None,
) -> pl.DataFrame:
    if tables.version(table) is None:
        return pl.DataFrame(schema=schema)
    rows = tables.read(table, version=version, between=between)
    absent = {name: kind for name, kind in schema.items() if name not in rows.columns}  # a table of an older release
    return rows.with_columns(pl.lit(None, kind).alias(name) for name, kind in absent.items())
