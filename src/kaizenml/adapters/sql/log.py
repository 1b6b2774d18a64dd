"""The event log."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from kaizenml.adapters.sql.codec import decoded, encoded, microseconds, plain
from kaizenml.adapters.sql.statements import found, listed
from kaizenml.adapters.sql.tables import EVENTS
from kaizenml.core.event import Draft, Event, Kind, chained
from kaizenml.errors import NotFoundError


class SqlEvents:
    """The append-only, hash-chained log."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, draft: Draft, at: datetime) -> Event:
        """Give the draft the next place in the log."""
        facts: Any = plain(dict(draft.facts))
        event = chained(replace(draft, facts=facts), after=self._last(), at=at)
        row = {name: getattr(event, name) for name in ("id", "project", "kind", "subject", "hash")}
        self._connection.execute(insert(EVENTS).values(**row, at=microseconds(at), body=encoded(event)))
        return event

    def get(self, id_: int) -> Event:
        """Return one event, or raise `NotFoundError`."""
        event = found(self._connection, EVENTS, Event, id=id_)
        if event is None:
            raise NotFoundError("event", str(id_))
        return event

    def after(self, id_: int = 0, *, limit: int = 10_000) -> list[Event]:
        """Return events behind this one, oldest first."""
        return listed(self._connection, EVENTS, Event, [EVENTS.c.id > id_], [EVENTS.c.id], limit)

    def newest(self, *, limit: int = 100, project: str | None = None) -> list[Event]:
        """Return the newest events, newest first."""
        where = [EVENTS.c.project == project] if project is not None else []
        return listed(self._connection, EVENTS, Event, where, [EVENTS.c.id.desc()], limit)

    def find(self, kind: Kind, subject: str | None = None, *, project: str | None = None) -> list[Event]:
        """Return the events of a kind (and subject), oldest first."""
        where = [EVENTS.c.kind == kind]
        where += [EVENTS.c.subject == subject] if subject is not None else []
        where += [EVENTS.c.project == project] if project is not None else []
        return listed(self._connection, EVENTS, Event, where, [EVENTS.c.id])

    def _last(self) -> Event | None:
        body = self._connection.execute(select(EVENTS.c.body).order_by(EVENTS.c.id.desc()).limit(1)).scalar()
        return None if body is None else decoded(body, Event)
