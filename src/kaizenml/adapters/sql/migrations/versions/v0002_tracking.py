"""Runs that are found by what they hold, and metrics as series."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXTS = (
    "kind", "name", "author", "parent", "snapshot", "model_version", "release_name", "git_commit", "git_branch",
    "error", "line",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables of facts and series; lay the runs out anew, so that their lines lie before their bodies."""
    _runs()
    op.create_table(
        "run_facts",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("run", "kind", "key"),
    )
    op.create_index("run_facts_of_name", "run_facts", ["kind", "key", "number"], unique=False)
    op.create_table(
        "series",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_value", sa.LargeBinary(), nullable=False),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("run", "name"),
    )
    op.create_table(
        "series_chunks",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("points", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run", "name", "number"),
    )


def _runs() -> None:
    op.drop_index("runs_by_age", "runs")
    op.drop_index("runs_of_project", "runs")
    op.rename_table("runs", "runs_before")
    op.create_table(
        "runs",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("finished_at", sa.BigInteger(), autoincrement=False, nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    empty = ", ".join("''" for _ in _TEXTS)
    op.execute(
        f"INSERT INTO runs (id, project, state, started_at, {', '.join(_TEXTS)}, body) "
        f"SELECT id, project, state, started_at, {empty}, body FROM runs_before ORDER BY seq"
    )
    op.drop_table("runs_before")
    op.create_index("runs_by_age", "runs", ["started_at", "seq"], unique=False)
    op.create_index("runs_of_project", "runs", ["project", "started_at", "seq"], unique=False)
    op.create_index("runs_of_parent", "runs", ["parent", "started_at", "seq"], unique=False)
