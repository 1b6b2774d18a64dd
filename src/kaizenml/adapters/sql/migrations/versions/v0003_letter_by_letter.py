"""Text that compares letter by letter in PostgreSQL, as it does in SQLite and Python, not as a language sorts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TABLES = (
    "alerts", "declarations", "endpoints", "events", "jobs", "loads", "models", "notes", "releases", "rollouts",
    "run_facts", "runs", "series", "series_chunks", "snapshots",
)  # fmt: skip


def upgrade() -> None:
    """Give every text column the collation of bytes."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    for table in _TABLES:
        columns = sa.inspect(connection).get_columns(table)
        texts = [column["name"] for column in columns if isinstance(column["type"], sa.Text)]
        changes = ", ".join(f'ALTER COLUMN "{name}" TYPE text COLLATE "C"' for name in texts)
        op.execute(f'ALTER TABLE "{table}" {changes}')
