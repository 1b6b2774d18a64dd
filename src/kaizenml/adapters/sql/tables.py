"""The tables: key and filter columns for the database, and the value itself as JSON in ``body``.

Times are whole microseconds since 1970 in UTC, which sort and compare alike in every engine. ``seq`` is the order of
insertion: it settles the order of values with the same time.

A change here needs a migration: see `migrations/versions`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect

#: The newest migration, and all that came before it, oldest first.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")

METADATA = MetaData()

#: Columns of `RUNS` that questions ask for and that hold the attribute of this name, or of that behind it.
RUN_TEXTS = {
    "kind": "kind", "name": "name", "author": "author", "parent": "parent", "snapshot": "snapshot",
    "model_version": "model_version", "release_name": "release", "git_commit": "commit", "git_branch": "branch",
    "error": "error",
}  # fmt: skip


class Letters(TypeDecorator[str]):
    """Text that every database takes: PostgreSQL knows no NUL, so there it is the sign for what cannot be shown."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return what the database is given."""
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if value and dialect.name == "postgresql" else value


def _seq() -> Column[int]:
    return Column("seq", Integer, primary_key=True, autoincrement=True)


def _text(name: str, *, is_key: bool = False, is_unique: bool = False) -> Column[str]:
    return Column(name, Letters, primary_key=is_key, unique=is_unique or None, nullable=False)


def _whole(name: str, *, is_key: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=is_key, autoincrement=False, nullable=False)


EVENTS = Table(
    "events",
    METADATA,
    _whole("id", is_key=True),
    _whole("at"),
    _text("project"),
    _text("kind"),
    _text("subject"),
    _text("hash", is_unique=True),
    _text("body"),
    Index("events_of_kind", "kind", "subject", "id"),
    Index("events_of_project", "project", "id"),
)
JOBS = Table(
    "jobs",
    METADATA,
    _seq(),
    _text("id", is_unique=True),
    _text("key", is_unique=True),
    _text("project"),
    _text("work"),
    _text("state"),
    _whole("fence"),
    _whole("created_at"),
    _text("body"),
    Index("jobs_in_state", "state", "created_at", "seq"),
    Index("jobs_by_age", "created_at", "seq"),
)
RUNS = Table(
    "runs",
    METADATA,
    _seq(),
    _text("id", is_unique=True),
    _text("project"),
    _text("state"),
    _whole("started_at"),
    Column("finished_at", BigInteger, nullable=True),
    *(_text(name) for name in RUN_TEXTS),
    _text("line"),
    _text("body"),
    Index("runs_by_age", "started_at", "seq"),
    Index("runs_of_project", "project", "started_at", "seq"),
    Index("runs_of_parent", "parent", "started_at", "seq"),
)
#: Every metric, parameter and tag of every run, as it is compared: its text, and the number that it spells.
RUN_FACTS = Table(
    "run_facts",
    METADATA,
    _text("run", is_key=True),
    _text("kind", is_key=True),
    _text("key", is_key=True),
    _text("text"),
    Column("number", Double, nullable=True),
    Index("run_facts_of_name", "kind", "key", "number"),
)
SERIES = Table(
    "series",
    METADATA,
    _text("run", is_key=True),
    _text("name", is_key=True),
    _whole("points"),
    _whole("last_step"),
    _whole("last_at"),
    Column("last_value", LargeBinary, nullable=False),
    Column("low", Double, nullable=True),
    Column("high", Double, nullable=True),
)
#: The points of series, 24 bytes each, some hundreds in a row: a row for each would cost six times the space and time.
CHUNKS = Table(
    "series_chunks",
    METADATA,
    _text("run", is_key=True),
    _text("name", is_key=True),
    _whole("number", is_key=True),
    _whole("points"),
    Column("body", LargeBinary, nullable=False),
)
SNAPSHOTS = Table(
    "snapshots", METADATA, _text("project", is_key=True), _whole("number", is_key=True), _whole("at"), _text("body")
)
LOADS = Table("loads", METADATA, _text("table_name", is_key=True), _text("key", is_key=True), _whole("version"))
MODELS = Table(
    "models",
    METADATA,
    _text("model", is_key=True),
    _whole("number", is_key=True),
    _whole("at"),
    _text("body"),
    Index("models_by_age", "at"),
)
RELEASES = Table(
    "releases",
    METADATA,
    _text("project", is_key=True),
    _whole("number", is_key=True),
    _whole("at"),
    _text("state"),
    _text("body"),
    Index("releases_by_age", "at"),
)
ENDPOINTS = Table("endpoints", METADATA, _text("name", is_key=True), _whole("generation"), _text("body"))
ROLLOUTS = Table(
    "rollouts",
    METADATA,
    _seq(),
    _text("id", is_unique=True),
    _text("endpoint"),
    _text("state"),
    _whole("started_at"),
    _text("body"),
    Index("rollouts_of_endpoint", "endpoint", "started_at", "seq"),
)
ALERTS = Table(
    "alerts",
    METADATA,
    _seq(),
    _text("id"),
    _text("endpoint"),
    _text("state"),
    _whole("opened_at"),
    _text("body"),
    Index("alerts_of_fingerprint", "id", "seq"),
    Index("alerts_in_state", "state", "endpoint"),
)
NOTES = Table("notes", METADATA, _text("kind", is_key=True), _text("name", is_key=True), _text("body"))
DECLARATIONS = Table("declarations", METADATA, _text("project", is_key=True), _text("body"))
#: What MLflow's clients told of: each a JSON that is ready to be sent, and what it is found by.
CLIENT_DOCUMENTS = Table(
    "client_documents",
    METADATA,
    _text("what", is_key=True),
    _text("id", is_key=True),
    _text("scope"),
    _text("name"),
    _text("state"),
    _text("stage"),
    _text("body"),
    _whole("began_at"),
    Column("ended_at", BigInteger, nullable=True),
    Index("client_documents_of_scope", "what", "scope", "stage", "began_at", "id"),
    Index("client_documents_of_name", "what", "name"),
)
CLIENT_FILES = Table("client_files", METADATA, _text("path", is_key=True), _text("digest"), _whole("size_bytes"))
#: What came of what, as ``kind:name``; ``leads_on`` is 1 where something came of the child.
LINEAGE = Table(
    "lineage",
    METADATA,
    _text("child", is_key=True),
    _text("parent", is_key=True),
    _text("relation", is_key=True),
    _text("detail"),
    _whole("leads_on"),
    Index("lineage_of_parent", "parent", "leads_on", "child"),
)
#: The outbox. ``due_at`` is when a letter is to be sent or, while leased, when its lease ends.
LETTERS = Table(
    "letters",
    METADATA,
    _seq(),
    _text("id", is_unique=True),
    _text("subscription"),
    _text("state"),
    _whole("due_at"),
    _whole("fence"),
    _text("body"),
    Index("letters_due", "subscription", "state", "due_at", "seq"),
    Index("letters_by_age", "subscription", "seq"),
)
REGISTERED_MODELS = Table(
    "registered_models",
    METADATA,
    _text("name", is_key=True),
    _text("project"),
    _whole("generation"),
    _whole("is_deleted"),
    _whole("changed_at"),
    _text("body"),
)
REGISTERED_VERSIONS = Table(
    "registered_versions",
    METADATA,
    _text("model", is_key=True),
    _whole("number", is_key=True),
    _text("project"),
    _text("stage"),
    _text("run"),
    _text("source"),
    _text("location"),
    _whole("is_deleted"),
    _whole("created_at"),
    _whole("changed_at"),
    _text("body"),
    Index("registered_versions_by_age", "is_deleted", "changed_at"),
    Index("registered_versions_of_run", "run"),
)
#: The tags by which models (number 0) and versions are found.
REGISTERED_TAGS = Table(
    "registered_tags",
    METADATA,
    _text("model", is_key=True),
    _whole("number", is_key=True),
    _text("key", is_key=True),
    _text("value"),
    Index("registered_tags_of_key", "key", "model", "number"),
)
