"""The event log."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, cast, func, select, type_coerce

from kaizenml.adapters.sql.codec import decoded, encoded, microseconds, plain
from kaizenml.adapters.sql.raw import Raw
from kaizenml.adapters.sql.statements import found, listed, write
from kaizenml.adapters.sql.tables import EVENTS
from kaizenml.core.event import Draft, Event, Kind, chained
from kaizenml.core.trail import Trail
from kaizenml.errors import IntegrityError, NotFoundError

_LAST = Raw("SELECT body FROM events ORDER BY id DESC LIMIT 1")


class SqlEvents:
    """The append-only, hash-chained log."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, draft: Draft, at: datetime) -> Event:
        """Give the draft the next place in the log."""
        facts: Any = plain(dict(draft.facts))
        event = chained(replace(draft, facts=facts), after=self._last(), at=at)
        row = {name: getattr(event, name) for name in ("id", "project", "kind", "subject", "hash")}
        write(self._connection, EVENTS, **row, at=microseconds(at), body=encoded(event))
        return event

    def get(self, id_: int) -> Event:
        """Return one event, or raise `NotFoundError`."""
        event = found(self._connection, EVENTS, Event, id=id_)
        if event is None:
            raise NotFoundError("event", str(id_))
        return event

    def after(self, id_: int = 0, *, limit: int = 10_000) -> list[Event]:
        """Return events behind this one, oldest first, after the columns they are found by were held against them."""
        query = select(EVENTS).where(EVENTS.c.id > id_).order_by(EVENTS.c.id).limit(limit)
        return [_checked(dict(row)) for row in self._connection.execute(query).mappings()]

    def newest(self, *, limit: int = 100, project: str | None = None) -> list[Event]:
        """Return the newest events, newest first."""
        where = [EVENTS.c.project == project] if project is not None else []
        return listed(self._connection, EVENTS, Event, where, [EVENTS.c.id.desc()], limit)

    def search(self, trail: Trail, *, limit: int, is_newest_first: bool = False) -> list[Event]:
        """Return the first events that are asked for: the oldest of them, or the newest, in that order."""
        order = EVENTS.c.id.desc() if is_newest_first else EVENTS.c.id
        return listed(self._connection, EVENTS, Event, self._asked(trail), [order], limit)

    def _asked(self, trail: Trail) -> list[ColumnElement[bool]]:
        where = [EVENTS.c.id > trail.after]
        where += [EVENTS.c.id < trail.before] if trail.before is not None else []
        where += [EVENTS.c.kind.in_([str(kind) for kind in trail.kinds])] if trail.kinds else []
        where += [EVENTS.c.project.in_(trail.projects)] if trail.projects is not None else []
        where += [EVENTS.c.at >= microseconds(trail.since)] if trail.since else []
        where += [EVENTS.c.at < microseconds(trail.until)] if trail.until else []
        where += [_called(self._actor(), trail.actor, ":")] if trail.actor else []
        where += [_called(EVENTS.c.subject, trail.subject, ":/@")] if trail.subject else []
        return where

    def _actor(self) -> ColumnElement[str]:
        is_postgresql = self._connection.dialect.name == "postgresql"  # SQLite knows no type of JSON to cast to
        body = cast(EVENTS.c.body, JSON) if is_postgresql else type_coerce(EVENTS.c.body, JSON)
        actor: ColumnElement[str] = body["actor"].as_string()
        return actor

    def find(self, kind: Kind, subject: str | None = None, *, project: str | None = None) -> list[Event]:
        """Return the events of a kind (and subject), oldest first."""
        where = [EVENTS.c.kind == kind]
        where += [EVENTS.c.subject == subject] if subject is not None else []
        where += [EVENTS.c.project == project] if project is not None else []
        return listed(self._connection, EVENTS, Event, where, [EVENTS.c.id])

    def actors(self, project: str, kinds: Collection[Kind], *, after: int = 0) -> Mapping[str, Kind]:
        """Return who did things of these kinds in a project behind an event, each with the kind of the last of them."""
        actor = self._actor()
        where = (EVENTS.c.project == project, EVENTS.c.kind.in_([str(kind) for kind in kinds]), EVENTS.c.id > after)
        query = select(actor, EVENTS.c.kind, func.max(EVENTS.c.id)).where(*where).group_by(actor, EVENTS.c.kind)
        rows = sorted(self._connection.execute(query), key=lambda row: int(row[2]))
        return {str(who): Kind(kind) for who, kind, _ in rows}

    def _last(self) -> Event | None:
        body = _LAST.value(self._connection, {})
        return None if body is None else decoded(body, Event)


def _called(name: ColumnElement[str], asked: str, ends: str) -> ColumnElement[bool]:
    """Say whether a name is as asked for, letter by letter; see `kaizenml.core.trail.is_called`."""
    return func.substr(name, 1, len(asked)) == asked if asked[-1] in ends else name == asked


def _checked(row: Mapping[Any, Any]) -> Event:
    """Return the event in a row whose columns say what the event says; else somebody changed one of them."""
    event = decoded(row["body"], Event)
    named = {name: getattr(event, name) for name in ("id", "project", "kind", "subject", "hash")}
    if {name: row[name] for name in named} != named or row["at"] != microseconds(event.at):
        raise IntegrityError(
            f"Event {row['id']} is filed under what it does not say.",
            "Somebody changed the log; restore it from a backup.",
            {"event": row["id"]},
        )
    return event
