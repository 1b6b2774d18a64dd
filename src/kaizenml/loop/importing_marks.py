"""By what an import knows what it has brought over already: a digest of what the source said."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from kaizenml.core.mlflow.rows import Document, What
from kaizenml.core.ports import Books

_ENCODE = msgspec.json.Encoder(order="deterministic").encode


def mark_of(value: object) -> str:
    """Return the digest of what a source said of a thing."""
    return hashlib.sha256(_ENCODE(value)).hexdigest()


def is_known(books: Books, key: str, mark: str) -> bool:
    """Say whether a thing was brought over just as the source says it now."""
    found = books.clients.find(What.ORIGIN, key)
    return found is not None and found.body == mark


def note(books: Books, place: str, marks: Iterable[tuple[str, str]]) -> None:
    """Note that things were brought over as the source said them."""
    for key, mark in marks:
        books.clients.put(Document(What.ORIGIN, key, mark, scope=place))
