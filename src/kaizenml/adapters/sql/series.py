"""Metrics as series, in rows of some hundreds of points."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Row, insert, select, update

from kaizenml.adapters.sql.statements import put
from kaizenml.adapters.sql.tables import CHUNKS, RUN_FACTS, SERIES
from kaizenml.core.query import fact_of
from kaizenml.core.series import POINT_BYTES, Last, Point, order, packed, summary, unpacked

#: A chunk takes points until it has so many; what comes at once stays together.
CHUNK = 256
_VALUE = struct.Struct("<d")


class SqlSeries:
    """Metrics as series of points, by run and name."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, run: str, points: Mapping[str, Sequence[Point]]) -> None:
        """Add points to series of a run, whatever their steps; the run's latest values follow."""
        given = {name: added for name, added in points.items() if added}
        known = self._lasts(run, list(given))
        self._begin(run, {name: added for name, added in given.items() if name not in known})
        for name, before in known.items():
            self._append(run, name, given[name], before)

    def last(self, run: str) -> Mapping[str, Last]:
        """Return each series of a run in a line, by name."""
        rows = self._connection.execute(select(SERIES).where(SERIES.c.run == run).order_by(SERIES.c.name))
        return {row.name: _last(row) for row in rows}

    def read(self, run: str, name: str) -> list[Point]:
        """Return the points of one series by step, time and value; none when there is no such series."""
        where = (CHUNKS.c.run == run, CHUNKS.c.name == name)
        bodies = self._connection.execute(select(CHUNKS.c.body).where(*where).order_by(CHUNKS.c.number)).scalars()
        return sorted(unpacked(b"".join(bodies)), key=order)

    def _begin(self, run: str, points: Mapping[str, Sequence[Point]]) -> None:
        """Write series that are not there yet: a statement for all of them, because a run begins several at once."""
        if not points:
            return
        after = {name: summary(added, None) for name, added in points.items()}
        chunks = [
            {"run": run, "name": name, "number": 0, "points": len(added), "body": packed(added)}
            for name, added in points.items()
        ]
        self._connection.execute(insert(CHUNKS), chunks)
        self._connection.execute(
            insert(SERIES), [{"run": run, "name": name, **_columns(each)} for name, each in after.items()]
        )
        for name, each in after.items():
            self._tell_latest(run, name, each)

    def _append(self, run: str, name: str, added: Sequence[Point], before: Last) -> None:
        after = summary(added, before)
        self._add_points(run, name, added)
        put(self._connection, SERIES, {"run": run, "name": name}, **_columns(after))
        self._tell_latest(run, name, after)

    def _tell_latest(self, run: str, name: str, after: Last) -> None:
        key = {"run": run, "kind": "metrics", "key": name}
        put(self._connection, RUN_FACTS, key, **fact_of(after.last.value)._asdict())

    def _add_points(self, run: str, name: str, added: Sequence[Point]) -> None:
        where = (CHUNKS.c.run == run, CHUNKS.c.name == name)
        newest = select(CHUNKS.c.number, CHUNKS.c.points, CHUNKS.c.body).where(*where)
        chunk = self._connection.execute(newest.order_by(CHUNKS.c.number.desc()).limit(1)).first()
        if chunk is not None and chunk.points < CHUNK:
            grown = bytes(chunk.body) + packed(added)
            changed = update(CHUNKS).where(*where, CHUNKS.c.number == chunk.number)
            self._connection.execute(changed.values(points=len(grown) // POINT_BYTES, body=grown))
            return
        number = chunk.number + 1 if chunk is not None else 0
        row = {"run": run, "name": name, "number": number, "points": len(added), "body": packed(added)}
        self._connection.execute(insert(CHUNKS).values(**row))

    def _lasts(self, run: str, names: Sequence[str]) -> dict[str, Last]:
        found: dict[str, Last] = {}
        for start in range(0, len(names), 500):
            part = names[start : start + 500]
            rows = self._connection.execute(select(SERIES).where(SERIES.c.run == run, SERIES.c.name.in_(part)))
            found |= {row.name: _last(row) for row in rows}
        return found


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
