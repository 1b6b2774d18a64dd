"""What MLflow's clients tell of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables of documents and files."""
    collation = "C" if op.get_bind().dialect.name == "postgresql" else None
    op.create_table(
        "client_documents",
        *(
            sa.Column(name, sa.Text(collation=collation), nullable=False)
            for name in ("what", "id", "scope", "name", "state", "stage", "body")
        ),
        sa.Column("began_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ended_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("what", "id"),
    )
    newest = ["what", "scope", "stage", "began_at", "id"]
    op.create_index("client_documents_of_scope", "client_documents", newest, unique=False)
    op.create_index("client_documents_of_name", "client_documents", ["what", "name"], unique=False)
    op.create_table(
        "client_files",
        sa.Column("path", sa.Text(collation=collation), nullable=False),
        sa.Column("digest", sa.Text(collation=collation), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("path"),
    )
