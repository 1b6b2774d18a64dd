"""What watching leaves behind, and what was declared: alerts, notes, declarations."""

from __future__ import annotations

import json

from sqlalchemy import Connection, delete, insert, select, update

from kaizenml.adapters.sql.codec import decoded, encoded, microseconds, plain
from kaizenml.adapters.sql.raw import Raw
from kaizenml.adapters.sql.statements import found, listed, missing, put
from kaizenml.adapters.sql.tables import ALERTS, DECLARATIONS, NOTES
from kaizenml.core.alert import Alert, AlertState
from kaizenml.core.declaration import Declaration

_NOTE = Raw("SELECT body FROM notes WHERE kind = :kind AND name = :name")


class SqlAlerts:
    """Alerts, each under its fingerprint; an ended one makes room for the next, and is kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, alert: Alert) -> None:
        """Write an alert, new or changed. After a resolved one, the next of its fingerprint is a new entry."""
        seq, known = self._last(alert.id)
        values = {"endpoint": alert.endpoint, "state": alert.state, "opened_at": microseconds(alert.opened_at)}
        values["body"] = encoded(alert)
        if known is None or (known.state is AlertState.RESOLVED and alert.state is not AlertState.RESOLVED):
            self._connection.execute(insert(ALERTS).values(id=alert.id, **values))
        else:
            self._connection.execute(update(ALERTS).where(ALERTS.c.seq == seq).values(**values))

    def forget(self, id_: str) -> None:
        """Take away the pending alert of this fingerprint, of which nothing is left; without one, change nothing."""
        self._connection.execute(delete(ALERTS).where(ALERTS.c.id == id_, ALERTS.c.state == AlertState.PENDING))

    def unresolved(self, endpoint: str | None = None) -> list[Alert]:
        """Return the alerts that are not resolved, oldest first."""
        where = [ALERTS.c.state != AlertState.RESOLVED]
        where += [ALERTS.c.endpoint == endpoint] if endpoint is not None else []
        return listed(self._connection, ALERTS, Alert, where, [ALERTS.c.opened_at, ALERTS.c.seq])

    def newest(self, *, limit: int = 100) -> list[Alert]:
        """Return all alerts, newest first."""
        return listed(self._connection, ALERTS, Alert, [], [ALERTS.c.opened_at.desc(), ALERTS.c.seq.desc()], limit)

    def _last(self, id_: str) -> tuple[int, Alert | None]:
        query = select(ALERTS.c.seq, ALERTS.c.body).where(ALERTS.c.id == id_).order_by(ALERTS.c.seq.desc()).limit(1)
        row = self._connection.execute(query).first()
        return (0, None) if row is None else (row.seq, decoded(row.body, Alert))


class SqlNotes:
    """Small states by name, each a JSON value."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, kind: str, name: str) -> object | None:
        """Return the value, or None."""
        body = _NOTE.value(self._connection, {"kind": kind, "name": name})
        return None if body is None else json.loads(body)

    def put(self, kind: str, name: str, value: object) -> None:
        """Write the value in place of the one before; `UsageError` when it is not JSON."""
        body = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))
        put(self._connection, NOTES, {"kind": kind, "name": name}, body=body)

    def forget(self, kind: str, name: str) -> None:
        """Take the value away; without one, change nothing."""
        self._connection.execute(delete(NOTES).where(NOTES.c.kind == kind, NOTES.c.name == name))

    def all(self, kind: str) -> dict[str, object]:
        """Return every value of a kind, by name, in the order of the names."""
        query = select(NOTES.c.name, NOTES.c.body).where(NOTES.c.kind == kind).order_by(NOTES.c.name)
        return {name: json.loads(body) for name, body in self._connection.execute(query)}

    def last(self, kind: str, prefix: str, *, limit: int = 100) -> dict[str, object]:
        """Return the values of a kind with the last names that begin so, in the order of the names."""
        names = NOTES.c.name.between(prefix, prefix + chr(0x10FFFF))
        query = select(NOTES.c.name, NOTES.c.body).where(NOTES.c.kind == kind, names)
        rows = self._connection.execute(query.order_by(NOTES.c.name.desc()).limit(limit)).all()
        return {name: json.loads(body) for name, body in reversed(rows)}


class SqlDeclarations:
    """What projects declare."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, declaration: Declaration) -> None:
        """Write what a project declares, in place of what it declared before."""
        put(self._connection, DECLARATIONS, {"project": declaration.project}, body=encoded(declaration))

    def get(self, project: str) -> Declaration:
        """Return what a project declares, or raise `NotFoundError`."""
        declaration = found(self._connection, DECLARATIONS, Declaration, project=project)
        if declaration is None:
            raise missing(self._connection, "project", project, DECLARATIONS.c.project)
        return declaration

    def all(self) -> list[Declaration]:
        """Return what every project declares."""
        return listed(self._connection, DECLARATIONS, Declaration, [], [DECLARATIONS.c.project])
