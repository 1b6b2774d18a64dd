"""What came of what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table of links; `migrate.upgrade` writes those of what is there already."""
    collation = "C" if op.get_bind().dialect.name == "postgresql" else None
    op.create_table(
        "lineage",
        *(
            sa.Column(name, sa.Text(collation=collation), nullable=False)
            for name in ("child", "parent", "relation", "detail")
        ),
        sa.Column("leads_on", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("child", "parent", "relation"),
    )
    op.create_index("lineage_of_parent", "lineage", ["parent", "leads_on", "child"], unique=False)
