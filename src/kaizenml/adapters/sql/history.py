"""The data that there were, and what was learned from them: snapshots, model versions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from kaizenml.adapters.sql.codec import encoded, microseconds
from kaizenml.adapters.sql.lineage import SqlLinks
from kaizenml.adapters.sql.registry import enter
from kaizenml.adapters.sql.statements import add, found, listed, missing, numbered
from kaizenml.adapters.sql.tables import LOADS, MODELS, SNAPSHOTS
from kaizenml.core.lineage import links_of
from kaizenml.core.model import ModelVersion
from kaizenml.core.snapshot import Snapshot


class SqlSnapshots:
    """Versions of data, and which batches have been loaded into which table (the ledger)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, snapshot: Snapshot) -> None:
        """Write a new snapshot; `ConflictError` when its number is taken."""
        key = {"project": snapshot.project, "number": snapshot.number}
        at = microseconds(snapshot.created_at)
        add(self._connection, SNAPSHOTS, "snapshot", key, at=at, body=encoded(snapshot))
        SqlLinks(self._connection).note(links_of(snapshot))

    def get(self, name: str) -> Snapshot:
        """Return the snapshot called ``project@number``, or raise `NotFoundError`."""
        parts = numbered(name, "@")
        snapshot = parts and found(self._connection, SNAPSHOTS, Snapshot, project=parts[0], number=parts[1])
        if not snapshot:
            names = SNAPSHOTS.c.project + "@" + SNAPSHOTS.c.number.cast(SNAPSHOTS.c.project.type)
            raise missing(self._connection, "snapshot", name, names)
        return snapshot

    def newest(self, project: str, *, limit: int = 100) -> list[Snapshot]:
        """Return the newest snapshots, newest first."""
        where = [SNAPSHOTS.c.project == project]
        return listed(self._connection, SNAPSHOTS, Snapshot, where, [SNAPSHOTS.c.number.desc()], limit)

    def loaded(self, table: str) -> Mapping[str, int]:
        """Return the keys of the batches in a table, with the table version each became."""
        rows = self._connection.execute(select(LOADS.c.key, LOADS.c.version).where(LOADS.c.table_name == table))
        return {row.key: row.version for row in rows}

    def load(self, table: str, key: str, version: int) -> None:
        """Note that a batch is in a table; noting it again changes nothing."""
        if key not in self._keys(table, key):
            self._connection.execute(insert(LOADS).values(table_name=table, key=key, version=version))

    def _keys(self, table: str, key: str) -> list[str]:
        query = select(LOADS.c.key).where(LOADS.c.table_name == table, LOADS.c.key == key)
        return list(self._connection.execute(query).scalars())


class SqlModels:
    """Model versions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, version: ModelVersion) -> None:
        """Write a new version, and enter it in the registry; `ConflictError` when its number is taken."""
        key = {"model": version.model, "number": version.number}
        at = microseconds(version.created_at)
        add(self._connection, MODELS, "model version", key, at=at, body=encoded(version))
        SqlLinks(self._connection).note(links_of(version))
        enter(self._connection, version)

    def get(self, name: str) -> ModelVersion:
        """Return the version called ``model:number``, or raise `NotFoundError`."""
        parts = numbered(name, ":")
        version = parts and found(self._connection, MODELS, ModelVersion, model=parts[0], number=parts[1])
        if not version:
            names = MODELS.c.model + ":" + MODELS.c.number.cast(MODELS.c.model.type)
            raise missing(self._connection, "model version", name, names)
        return version

    def newest(self, model: str | None = None, *, limit: int = 100) -> list[ModelVersion]:
        """Return the newest versions, newest first: of one model by number, of all by time."""
        where = [MODELS.c.model == model] if model is not None else []
        order = [MODELS.c.number.desc()] if where else [MODELS.c.at.desc(), MODELS.c.number.desc()]
        return listed(self._connection, MODELS, ModelVersion, where, order, limit)
