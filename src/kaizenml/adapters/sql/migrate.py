"""Bringing a database to the schema of this version of the package."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from kaizenml.adapters.sql.lineage import relink
from kaizenml.adapters.sql.registry import enlist
from kaizenml.adapters.sql.runs import reindex
from kaizenml.adapters.sql.tables import REVISIONS
from kaizenml.errors import SettingError

#: From this schema on, links are written with what they link.
_LINKED = "0005"
#: From this schema on, there is a registry.
_LISTED = "0008"
FOLDER = Path(__file__).parent / "migrations"


def migrated(engine: Engine, name: str) -> Engine:
    """Return the engine, its database at the newest schema; ``name`` is how errors call the database."""
    try:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            upgrade(connection, name)
    except BaseException:
        engine.dispose()
        raise
    return engine


def upgrade(connection: Connection, name: str) -> None:
    """Run the migrations that are missing, in the open transaction; without any missing, only look.

    Raises
    ------
    SettingError
        When a newer version of the package has written this database.
    """
    revision = found_revision(connection)
    if revision == REVISIONS[-1]:
        return
    if revision is not None and revision not in REVISIONS:
        raise SettingError(
            f"The database {name} has schema {revision}; this version of kaizenml knows up to {REVISIONS[-1]}.",
            "Install the newer kaizenml that wrote it, or restore a backup made before the upgrade.",
            {"schema": revision, "newest_known": REVISIONS[-1]},
        )
    _run(connection)
    reindex(connection)
    if revision is not None and revision < _LINKED:
        relink(connection)
    if revision is not None and revision < _LISTED:
        enlist(connection)


def found_revision(connection: Connection) -> str | None:
    """Return the schema's revision; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _run(connection: Connection) -> None:
    from alembic import command  # 150 ms, and needed once in the life of a database
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
