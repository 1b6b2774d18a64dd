"""Where raw rows come from, as a project declares it, and what was found there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kaizenml.core.digest import Digest, digest_of
from kaizenml.errors import ProjectError

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
#: Words in a query parameter's name that say that its value opens something.
SECRET_WORDS = ("pass", "pwd", "secret", "token", "signature", "credential", "apikey", "api_key", "access_key")
_SECRET_NAMES = frozenset({"sig", "key", "sas", "auth"})


@dataclass(frozen=True, slots=True)
class FilesSource:
    """Files that match any of these patterns: ``data/*.csv`` from the project's folder, or ``s3://bucket/*.csv``."""

    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Increment:
    """How only what is new is loaded.

    Parameters
    ----------
    cursor
        The column that grows: when a row was written, or its number.
    overlap
        How far behind the greatest value seen the next load begins: as late as rows may come. A span for times, a
        number for numbers; None: at the greatest value itself.
    key
        The columns that tell one row from every other, whose newest version counts. Without any, whole rows are
        compared.
    """

    cursor: str
    overlap: timedelta | float | None = None
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SqlSource:
    """A query (or a whole table) of a database. ``url`` names secrets as ``${NAME}`` and never holds one."""

    url: str
    query: str
    table: str = ""
    increment: Increment | None = None

    @property
    def stream(self) -> str:
        """The identity of these rows: another query or database is another stream."""
        return _stream("sql", [self.url, self.query, self.table, _facts(self.increment)])


@dataclass(frozen=True, slots=True)
class FrameSource:
    """A Python function that returns a frame; with an increment it may take ``since``, where the window begins."""

    function: Callable[..., Any]
    increment: Increment | None = None

    @property
    def stream(self) -> str:
        """The identity of these rows: the function's name."""
        return _stream("frame", [self.function.__qualname__, _facts(self.increment)])


@dataclass(frozen=True, slots=True)
class PushSource:
    """Rows that programs send to the control plane; of rows with one key the newest counts."""

    key: tuple[str, ...] = ()

    @property
    def stream(self) -> str:
        """The identity of these rows."""
        return "push"


@dataclass(frozen=True, slots=True)
class KafkaSource:
    """Messages of a topic, each a JSON object; ``settings`` are librdkafka's and name secrets as ``${NAME}``."""

    servers: str
    topic: str
    key: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def stream(self) -> str:
        """The identity of these rows: servers and topic."""
        return _stream("kafka", [self.servers, self.topic])


Source = FilesSource | SqlSource | FrameSource | PushSource | KafkaSource


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as it was found: its path seen from the project's folder, its size, its content's digest."""

    path: str
    size_bytes: int
    digest: Digest


def overlap_of(text: str | float | timedelta | None) -> timedelta | float | None:
    """Return an overlap as it is meant: ``"36h"`` as a span of time, a number as a number.

    Raises
    ------
    ProjectError
        For what is neither, or below zero.
    """
    found: timedelta | float | None = None if isinstance(text, str) else text
    if isinstance(text, str) and (match := _SPAN.fullmatch(text.strip())):
        found = timedelta(**{_UNITS[match[2]]: float(match[1])})
    is_negative = found < timedelta(0) if isinstance(found, timedelta) else (found or 0) < 0
    if text is not None and (found is None or is_negative):
        raise ProjectError(f"overlap={text!r} is no span.", 'Write it as "90m", "36h" or "7d", or as a number.')
    return found


def checked_url(url: str) -> str:
    """Return the URL, unless it holds a secret: those are named as ``${NAME}`` and come from the environment.

    Raises
    ------
    ProjectError
        Without the secret in its words.
    """
    bare = re.sub(r"\$\{\w+\}", "", url)
    try:
        parts = urlsplit(bare)
        password = parts.password
    except ValueError:
        raise ProjectError("A source's URL cannot be read.", "Write it as postgresql://user:${NAME}@host/db.") from None
    named = [name for name, value in parse_qsl(parts.query) if value and is_secret(name)]
    if password or named:
        what = f"the parameter {named[0]!r}" if named else "a password"
        raise ProjectError(
            f"A source's URL ({parts.scheme}://…) holds {what}; code is stored with every release.",
            "Name an environment variable in its place: ${NAME}.",
        )
    return url


def is_secret(name: str) -> bool:
    """Say whether a parameter of this name holds a secret."""
    lower = name.lower()
    return lower in _SECRET_NAMES or any(word in lower.replace("-", "_") for word in SECRET_WORDS)


def _facts(increment: Increment | None) -> object:
    return None if increment is None else [increment.cursor, list(increment.key)]


def _stream(kind: str, facts: object) -> str:
    return f"{kind}-{digest_of(facts)[:16]}"
