"""The outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table of letters."""
    collation = "C" if op.get_bind().dialect.name == "postgresql" else None
    op.create_table(
        "letters",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        *(sa.Column(name, sa.Text(collation=collation), nullable=False) for name in ("id", "subscription", "state")),
        *(sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False) for name in ("due_at", "fence")),
        sa.Column("body", sa.Text(collation=collation), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("letters_due", "letters", ["subscription", "state", "due_at", "seq"], unique=False)
    op.create_index("letters_by_age", "letters", ["subscription", "seq"], unique=False)
