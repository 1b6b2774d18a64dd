"""Metrics as series, in rows of some hundreds of points."""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, Row, and_, bindparam, func, select

from kaizenml.adapters.sql.raw import Raw, is_sqlite
from kaizenml.adapters.sql.statements import addition
from kaizenml.adapters.sql.tables import CHUNKS, SERIES
from kaizenml.core.query import fact_of
from kaizenml.core.series import POINT_BYTES, Last, Point, order, packed, summary, unpacked

#: A chunk takes points until it has so many; what comes at once stays together.
CHUNK = 256
#: So few series are asked for one by one where asking costs no round trip: what a machine is sampled for.
_FEW = 8
_VALUE = struct.Struct("<d")


#: Series of a run, each with its newest chunk.
_NEWEST = CHUNKS.alias("newest")
_KNOWN = (
    select(SERIES, _NEWEST.c.number.label("chunk"), _NEWEST.c.points.label("inside"), _NEWEST.c.body)
    .select_from(SERIES.join(_NEWEST, and_(_NEWEST.c.run == SERIES.c.run, _NEWEST.c.name == SERIES.c.name)))
    .where(
        SERIES.c.run == bindparam("of_run"),
        SERIES.c.name.in_(bindparam("names", expanding=True)),
        _NEWEST.c.number
        == select(func.max(CHUNKS.c.number))
        .where(CHUNKS.c.run == SERIES.c.run, CHUNKS.c.name == SERIES.c.name)
        .scalar_subquery(),
    )
)
#: The same of a single series, which is what is asked for most.
_KNOWN_ONE = Raw(
    "SELECT s.name, s.points, s.last_step, s.last_at, s.last_value, s.low, s.high, c.number AS chunk, "
    "c.points AS inside, c.body FROM series s JOIN series_chunks c ON c.run = s.run AND c.name = s.name "
    "WHERE s.run = :run AND s.name = :name ORDER BY c.number DESC LIMIT 1"
)
_GROW = Raw(
    "UPDATE series_chunks SET points = :points, body = :body WHERE run = :run AND name = :name AND number = :number"
)
_GO_ON = Raw(
    "UPDATE series SET points = :points, last_step = :last_step, last_at = :last_at, last_value = :last_value, "
    "low = :low, high = :high WHERE run = :run AND name = :name"
)
_NEW_SERIES, _NEW_CHUNKS = (addition(table, tuple(table.c.keys())) for table in (SERIES, CHUNKS))
#: A run's latest values are facts by which it is found.
_TELL = Raw(
    "INSERT INTO run_facts (run, kind, key, text, number) VALUES (:run, 'metrics', :key, :text, :number) "
    "ON CONFLICT (run, kind, key) DO UPDATE SET text = excluded.text, number = excluded.number"
)


class SqlSeries:
    """Metrics as series of points, by run and name: as many statements for a thousand series as for one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, run: str, points: Mapping[str, Sequence[Point]]) -> None:
        """Add points to series of a run, whatever their steps; the run's latest values follow."""
        given = {name: added for name, added in points.items() if added}
        if not given:
            return
        known = self._known(run, list(given))
        after = {name: summary(added, _last(known[name]) if name in known else None) for name, added in given.items()}
        self._add_points(run, given, known)
        new = [{"run": run, "name": name, **_columns(after[name])} for name in given if name not in known]
        old = [{"run": run, "name": name, **_columns(after[name])} for name in known]
        if new:
            _NEW_SERIES(self._connection, _alone(new))
        if old:
            _GO_ON(self._connection, _alone(old))
        facts = [{"run": run, "key": name, **fact_of(each.last.value)._asdict()} for name, each in after.items()]
        _TELL(self._connection, _alone(facts))

    def add_all(self, points: Mapping[str, Mapping[str, Sequence[Point]]]) -> None:
        """Write series that are not there yet, by run and name, in as many statements as for one."""
        new = [(run, name, added) for run, series in points.items() for name, added in series.items() if added]
        if new:
            series = [{"run": run, "name": name, **_columns(summary(added))} for run, name, added in new]
            chunks = [
                {"run": run, "name": name, "number": 0, "points": len(added), "body": packed(added)}
                for run, name, added in new
            ]
            _NEW_SERIES(self._connection, _alone(series))
            _NEW_CHUNKS(self._connection, _alone(chunks))

    def count(self, runs: Collection[str]) -> int:
        """Return how many points some runs have."""
        listed, found = list(runs), 0
        for start in range(0, len(listed), 500):
            where = SERIES.c.run.in_(listed[start : start + 500])
            found += self._connection.execute(select(func.sum(SERIES.c.points)).where(where)).scalar() or 0
        return int(found)

    def last(self, run: str) -> Mapping[str, Last]:
        """Return each series of a run in a line, by name."""
        rows = self._connection.execute(select(SERIES).where(SERIES.c.run == run).order_by(SERIES.c.name))
        return {row.name: _last(row) for row in rows}

    def read(self, run: str, name: str) -> list[Point]:
        """Return the points of one series by step, time and value; none when there is no such series."""
        where = (CHUNKS.c.run == run, CHUNKS.c.name == name)
        bodies = self._connection.execute(select(CHUNKS.c.body).where(*where).order_by(CHUNKS.c.number)).scalars()
        return sorted(unpacked(b"".join(bodies)), key=order)

    def _add_points(
        self, run: str, points: Mapping[str, Sequence[Point]], known: Mapping[str, Row[tuple[object, ...]]]
    ) -> None:
        new, grown = [], []
        for name, added in points.items():
            row = known.get(name)
            if row is not None and row.inside < CHUNK:
                content = bytes(row.body) + packed(added)
                grown.append(
                    {"run": run, "name": name, "number": row.chunk, "points": len(content) // POINT_BYTES,
                     "body": content}
                )  # fmt: skip
            else:
                number = 0 if row is None else row.chunk + 1
                body = packed(added)
                new.append({"run": run, "name": name, "number": number, "points": len(added), "body": body})
        if new:
            _NEW_CHUNKS(self._connection, _alone(new))
        if grown:
            _GROW(self._connection, _alone(grown))

    def _known(self, run: str, names: Sequence[str]) -> dict[str, Row[tuple[object, ...]]]:
        if len(names) == 1 or (len(names) <= _FEW and is_sqlite(self._connection)):
            each = [(name, _KNOWN_ONE.rows(self._connection, {"run": run, "name": name})) for name in names]
            return {name: rows[0] for name, rows in each if rows}
        found: dict[str, Row[tuple[object, ...]]] = {}
        for start in range(0, len(names), 500):
            rows = self._connection.execute(_KNOWN, {"of_run": run, "names": names[start : start + 500]})
            found |= {row.name: row for row in rows}
        return found


def _alone(rows: Sequence[dict[str, object]]) -> Sequence[dict[str, object]] | dict[str, object]:
    """Return the only row as itself: a driver is quicker with one than with a list of one."""
    return rows[0] if len(rows) == 1 else rows


def _columns(series: Last) -> dict[str, object]:
    return {
        "points": series.points,
        "last_step": series.last.step,
        "last_at": series.last.at,
        "last_value": _VALUE.pack(series.last.value),
        "low": series.low,
        "high": series.high,
    }


def _last(row: Row[tuple[object, ...]]) -> Last:
    value = _VALUE.unpack(bytes(row.last_value))[0]
    return Last(row.points, Point(row.last_step, row.last_at, value), row.low, row.high)
