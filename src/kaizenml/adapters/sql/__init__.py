"""Metadata in a relational database: SQLAlchemy Core, Alembic migrations, SQLite."""

from __future__ import annotations

from kaizenml.adapters.sql.records import SqlRecords, open_records

__all__ = ["SqlRecords", "open_records"]
