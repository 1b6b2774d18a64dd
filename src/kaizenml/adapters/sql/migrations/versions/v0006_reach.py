"""How far each link reaches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_STAGES = {"model": 2, "release": 3, "endpoint": 4}


def upgrade() -> None:
    """Tell of every link the farthest stage that its child is or leads to, not only whether it leads on.

    A snapshot is no source of the run that read it: such links go.
    """
    run = op.get_bind().execute
    run(
        sa.text("""
        DELETE FROM lineage WHERE relation = 'was read by' AND EXISTS (
            SELECT 1 FROM lineage AS read WHERE read.child = lineage.child AND read.relation = 'was read by'
            AND read.parent LIKE 'snapshot:%' AND lineage.parent LIKE 'source:%/' || substr(read.parent, 10))
    """)
    )
    for noun, reach in _STAGES.items():
        at = sa.text("UPDATE lineage SET leads_on = :reach WHERE child >= :low AND child < :high")
        run(at, {"reach": reach, "low": f"{noun}:", "high": f"{noun};"})
    above = sa.text("""
        UPDATE lineage SET leads_on = :reach
        WHERE leads_on < :reach AND child IN (SELECT parent FROM lineage WHERE leads_on = :reach)
    """)
    for reach in sorted(_STAGES.values(), reverse=True):
        while run(above, {"reach": reach}).rowcount:
            pass
