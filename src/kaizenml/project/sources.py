"""Where raw rows come from, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kaizenml.core.source import (
    FilesSource,
    FrameSource,
    Increment,
    KafkaSource,
    PushSource,
    SqlSource,
    checked_url,
    overlap_of,
)
from kaizenml.errors import ProjectError


def files(*patterns: str) -> FilesSource:
    """Take rows from files: CSV, TSV, Parquet, NDJSON, JSON or Excel, seen from the project's folder.

    Patterns may name object stores: ``s3://bucket/2026/*.csv.gz``, ``gs://``, ``az://``; ``https://`` names one file.
    """
    if not patterns:
        raise ProjectError("kz.files() names no files.", 'Give a pattern, such as kz.files("data/*.csv").')
    return FilesSource(tuple(checked_url(pattern) if "://" in pattern else pattern for pattern in patterns))


def sql(
    url: str,
    query: str = "",
    *,
    table: str = "",
    cursor: str = "",
    overlap: str | float | None = None,
    key: str | Sequence[str] = (),
) -> SqlSource:
    """Take rows from a database: all of them at each run, or with a cursor only those that are new.

    Parameters
    ----------
    url
        ``sqlite:///file.db`` (seen from the project's folder), ``duckdb:///file.duckdb`` or
        ``postgresql://user:${PASSWORD}@host/database``: secrets are named, and come from the environment.
    query, table
        One of the two.
    cursor
        A column that grows, such as ``updated_at`` or a running number.
    overlap
        How late rows may come: each load begins so far behind the greatest cursor seen: ``"36h"``, ``"7d"``, or a
        number for numbers. Rows that come back are told apart, so that none is loaded twice.
    key
        The column (or columns) that tell one row from every other; of its versions the newest counts. Without, whole
        rows are compared.
    """
    if bool(query) == bool(table):
        raise ProjectError("kz.sql() takes a query or a table.", 'Write kz.sql(url, table="orders"), for one.')
    return SqlSource(checked_url(url), query, table, _increment(cursor, overlap, key))


def frame(
    function: Callable[..., Any],
    *,
    cursor: str = "",
    overlap: str | float | None = None,
    key: str | Sequence[str] = (),
) -> FrameSource:
    """Take rows from a function that returns a Polars or pandas frame.

    With a cursor only new rows are loaded; the function may then take ``since``, from where on they are needed
    (None: from the beginning), and may return more than asked. See `sql` for the rest.
    """
    return FrameSource(function, _increment(cursor, overlap, key))


def push(*, key: str | Sequence[str] = ()) -> PushSource:
    """Take rows that programs send: ``POST /api/v1/projects/NAME/rows``. Of rows with one key the last counts."""
    return PushSource(_names(key))


def kafka(
    servers: str, topic: str, *, key: str | Sequence[str] = (), settings: Mapping[str, str] | None = None
) -> KafkaSource:
    """Take the messages of a Kafka topic, each a JSON object.

    Parameters
    ----------
    servers
        ``host:port``, more than one with commas.
    key
        The columns that tell one row from every other; the last message counts.
    settings
        Further settings of librdkafka, such as ``{"sasl.password": "${KAFKA_PASSWORD}"}``.
    """
    for name, value in (settings or {}).items():
        if ("password" in name or "secret" in name) and "${" not in value:
            raise ProjectError(f"kz.kafka() is given {name!r} itself.", "Name an environment variable: ${NAME}.")
    return KafkaSource(servers, topic, _names(key), tuple(sorted((settings or {}).items())))


def _increment(cursor: str, overlap: str | float | None, key: str | Sequence[str]) -> Increment | None:
    if cursor:
        return Increment(cursor, overlap_of(overlap), _names(key))
    if overlap is not None or key:
        raise ProjectError("overlap and key need a cursor.", 'Name the column that grows: cursor="updated_at".')
    return None


def _names(key: str | Sequence[str]) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else tuple(key)
