"""The registry of models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables of the registry; `migrate.upgrade` enters what projects have trained already."""
    collation = "C" if op.get_bind().dialect.name == "postgresql" else None

    def text(name: str) -> sa.Column[str]:
        return sa.Column(name, sa.Text(collation=collation), nullable=False)

    def whole(name: str) -> sa.Column[int]:
        return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)

    op.create_table(
        "registered_models",
        text("name"),
        text("project"),
        whole("generation"),
        whole("is_deleted"),
        whole("changed_at"),
        text("body"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "registered_versions",
        text("model"),
        whole("number"),
        text("project"),
        text("stage"),
        text("run"),
        text("source"),
        text("location"),
        whole("is_deleted"),
        whole("created_at"),
        whole("changed_at"),
        text("body"),
        sa.PrimaryKeyConstraint("model", "number"),
    )
    op.create_index("registered_versions_by_age", "registered_versions", ["is_deleted", "changed_at"], unique=False)
    op.create_index("registered_versions_of_run", "registered_versions", ["run"], unique=False)
    op.create_table(
        "registered_tags",
        text("model"),
        whole("number"),
        text("key"),
        text("value"),
        sa.PrimaryKeyConstraint("model", "number", "key"),
    )
    op.create_index("registered_tags_of_key", "registered_tags", ["key", "model", "number"], unique=False)
