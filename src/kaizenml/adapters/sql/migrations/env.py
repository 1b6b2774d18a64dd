"""Runs migrations on the connection, and in the transaction, that the caller has opened."""

from __future__ import annotations

from alembic import context

from kaizenml.adapters.sql.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
