"""All books, on one connection."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from kaizenml.adapters.sql.clients import SqlClients
from kaizenml.adapters.sql.delivery import SqlEndpoints, SqlReleases
from kaizenml.adapters.sql.history import SqlModels, SqlSnapshots
from kaizenml.adapters.sql.letters import SqlLetters
from kaizenml.adapters.sql.lineage import SqlLinks
from kaizenml.adapters.sql.log import SqlEvents
from kaizenml.adapters.sql.queue import SqlJobs
from kaizenml.adapters.sql.registry import SqlRegistry
from kaizenml.adapters.sql.runs import SqlRuns
from kaizenml.adapters.sql.series import SqlSeries
from kaizenml.adapters.sql.texts import texts
from kaizenml.adapters.sql.watch import SqlAlerts, SqlDeclarations, SqlNotes


class SqlBooks:
    """All books, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.events = SqlEvents(connection)
        self.jobs = SqlJobs(connection)
        self.runs = SqlRuns(connection)
        self.series = SqlSeries(connection)
        self.snapshots = SqlSnapshots(connection)
        self.models = SqlModels(connection)
        self.releases = SqlReleases(connection)
        self.endpoints = SqlEndpoints(connection)
        self.alerts = SqlAlerts(connection)
        self.notes = SqlNotes(connection)
        self.declarations = SqlDeclarations(connection)
        self.clients = SqlClients(connection)
        self.lineage = SqlLinks(connection)
        self.letters = SqlLetters(connection)
        self.registry = SqlRegistry(connection)

    def texts(self) -> Iterator[str]:
        """Return every text that a record holds, but for the events'."""
        return texts(self._connection)
