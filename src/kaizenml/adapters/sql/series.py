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
        known = self._lasts(run, list(points))
        for name, added in points.items():
            if added:
                self._append(run, name, added, known.get(name))

    def last(self, run: str) -> Mapping[str, Last]:
        """Return each series of a run in a line, by name."""
        rows = self._connection.execute(select(SERIES).where(SERIES.c.run == run).order_by(SERIES.c.name))
        return {row.name: _last(row) for row in rows}

    def read(self, run: str, name: str) -> list[Point]:
        """Return the points of one series by step, time and value; none when there is no such series."""
        where = (CHUNKS.c.run == run, CHUNKS.c.name == name)
        bodies = self._connection.execute(select(CHUNKS.c.body).where(*where).order_by(CHUNKS.c.number)).scalars()
        return sorted(unpacked(b"".join(bodies)), key=order)

    def _append(self, run: str, name: str, added: Sequence[Point], before: Last | None) -> None:
        after = summary(added, before)
        self._add_points(run, name, added)
        values = {
            "points": after.points,
            "last_step": after.last.step,
            "last_at": after.last.at,
            "last_value": _VALUE.pack(after.last.value),
            "low": after.low,
            "high": after.high,
        }
        put(self._connection, SERIES, {"run": run, "name": name}, **values)
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


def _last(row: Row[tuple[object, ...]]) -> Last:
    value = _VALUE.unpack(bytes(row.last_value))[0]
    return Last(row.points, Point(row.last_step, row.last_at, value), row.low, row.high)
