"""Answered rows by their id or by their release: in the tables, and in what of the log is not loaded yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec
import polars as pl

from kaizenml.core.prediction import Answered, Feedback
from kaizenml.errors import NotFoundError, UsageError, bounded
from kaizenml.loop.collecting import LABELS, PREDICTIONS, frames_of, labels_of, predictions_of
from kaizenml.loop.wiring import House
from kaizenml.serving.segments import lines_so_far

#: So many of the newest ids are looked through for the close match of one that nobody knows.
_MOST_IDS = 2_000
_ANSWERED = msgspec.json.Decoder(Answered)
_FEEDBACK = msgspec.json.Decoder(Feedback)
#: What says which answer it is; a row that was loaded while the log was read is there twice.
_SAME = ["id", "at", "release", "role"]


class _Head(msgspec.Struct):
    """What counting needs of a request: its rows are not looked at."""

    at: datetime
    endpoint: str
    release: str
    role: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Touched:
    """How many rows a release answered at an endpoint, or scored there in the shadow, from when to when."""

    endpoint: str
    release: str
    role: str
    rows: int
    first: datetime
    last: datetime


def counted(house: House, endpoints: Collection[str], releases: Collection[str] | None = None) -> list[Touched]:
    """Return how many rows each of these releases (None: any) answered at each of these endpoints."""
    logged = [each for each in _heads(house) if each.endpoint in endpoints]
    found = []
    for endpoint in sorted(endpoints):
        mine = [(each.release, each.role, each.at, len(each.ids)) for each in logged if each.endpoint == endpoint]
        schema = {"release": pl.String(), "role": pl.String(), "at": pl.Datetime("us", "UTC"), "rows": pl.Int64()}
        parts = [pl.DataFrame(mine, schema=schema, orient="row").lazy()]
        if house.tables.version(predictions_of(endpoint)) is not None:
            known = house.tables.scan(predictions_of(endpoint)).select("release", "role", "at")
            parts.append(known.with_columns(rows=pl.lit(1, pl.Int64)))
        rows = pl.concat(parts)
        if releases is not None:
            rows = rows.filter(pl.col("release").is_in(list(releases)))
        told = rows.group_by("release", "role").agg(pl.col("rows").sum(), first=pl.min("at"), last=pl.max("at"))
        found += [Touched(endpoint, *row) for row in told.sort("release", "role").collect().iter_rows()]
    return found


def listed(
    house: House, endpoints: Collection[str], releases: Collection[str] | None = None, *, limit: int, after: int = 0
) -> pl.DataFrame:
    """Return the newest rows that these releases answered at these endpoints, without the first ``after`` of them.

    The columns are ``endpoint``, ``id``, ``at``, ``release``, ``role`` and ``value``, which is JSON.
    """
    columns = ["id", "at", "release", "role", "value"]
    parts = [pl.DataFrame(schema={"endpoint": pl.String(), **{name: PREDICTIONS[name] for name in columns}}).lazy()]
    for endpoint in sorted(endpoints):
        for rows in _all_rows(house, endpoint):
            mine = rows if releases is None else rows.filter(pl.col("release").is_in(list(releases)))
            parts.append(mine.select(pl.lit(endpoint).alias("endpoint"), *columns))
    rows = (
        pl.concat(parts)
        .unique(["endpoint", *_SAME])
        .sort("at", "endpoint", *_SAME[:1], *_SAME[2:], descending=[True, False, False, False, False])
    )
    return rows.slice(after, limit).collect()


def found(house: House, endpoints: Collection[str], name: str) -> tuple[str, pl.DataFrame]:
    """Return the endpoint and the answers, oldest first, of a row called ``endpoint/id``, or by its id alone.

    Raises
    ------
    NotFoundError
        With the close match.
    UsageError
        When several endpoints answered a row of this id.
    """
    head, _, tail = name.partition("/")
    asked = [(each, name) for each in sorted(endpoints)] + ([(head, tail)] if tail and head in endpoints else [])
    there = {f"{endpoint}/{id_}": (endpoint, rows) for endpoint, id_ in asked if len(rows := _of(house, endpoint, id_))}
    if len(there) > 1:
        raise UsageError(f"{len(there)} predictions are called {name!r}.", f"Write which: {bounded(there)}.")
    if not there:
        within = [head] if tail and head in endpoints else sorted(endpoints)
        known = [each for endpoint in within for each in _newest_ids(house, endpoint)]
        whole = [f"{head}/{each}" for each in known] if tail and head in endpoints else known
        hint = "Rows that were erased, or were never answered, are not found."
        raise NotFoundError("prediction", name[:200], whole, hint)
    return next(iter(there.values()))


def label_of(house: House, endpoint: str, id_: str) -> pl.DataFrame:
    """Return the newest label of a row; empty when none has come."""
    parts = [pl.DataFrame(schema=LABELS)]
    if house.tables.version(labels_of(endpoint)) is not None:
        parts.append(house.tables.scan(labels_of(endpoint)).filter(pl.col("id") == id_).select(*LABELS).collect())
    lines = (_FEEDBACK.decode(line) for line in _lines(house, "feedback", id_))
    parts += [rows for _, rows in frames_of(each for each in lines if each.endpoint == endpoint)]
    return pl.concat(parts).filter(pl.col("id") == id_).sort("received_at").tail(1)


def _of(house: House, endpoint: str, id_: str) -> pl.DataFrame:
    parts = [pl.DataFrame(schema=PREDICTIONS)]
    parts += [rows.filter(pl.col("id") == id_).collect() for rows in _all_rows(house, endpoint, id_)]
    return pl.concat(parts).unique(_SAME, maintain_order=True).sort("at", maintain_order=True)


def _all_rows(house: House, endpoint: str, part: str = "") -> list[pl.LazyFrame]:
    """Return the rows of an endpoint: those of the log first, because they may be loaded meanwhile.

    Of the log, a request may be left out that does not hold a text.
    """
    lines = (_ANSWERED.decode(line) for line in _lines(house, "predictions", part))
    parts = [rows.lazy() for _, rows in frames_of(each for each in lines if each.endpoint == endpoint)]
    table = predictions_of(endpoint)
    if house.tables.version(table) is not None:
        rows = house.tables.scan(table)
        there = rows.collect_schema().names()
        absent = [pl.lit(None, kind).alias(name) for name, kind in PREDICTIONS.items() if name not in there]
        parts.append(rows.with_columns(absent).select(*PREDICTIONS))
    return parts


def _newest_ids(house: House, endpoint: str) -> list[str]:
    parts = [rows.select("id").tail(_MOST_IDS).collect() for rows in _all_rows(house, endpoint)]
    return [id_ for part in parts for id_ in part["id"].to_list()]


def _heads(house: House) -> Iterator[_Head]:
    decode = msgspec.json.Decoder(_Head).decode
    return (decode(line) for line in _lines(house, "predictions"))


def _lines(house: House, kind: str, part: str = "") -> Iterator[bytes]:
    """Yield the whole lines of the log that hold a text; what is escaped in JSON may hold it."""
    for line in lines_so_far(house.settings.serving / "log", kind):
        if part.encode() in line or b"\\" in line:
            yield line
