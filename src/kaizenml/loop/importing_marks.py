"""By what an import knows what it has brought over already: a digest of what the source said."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from kaizenml.core.mlflow.origin import ForeignModel, ForeignRun
from kaizenml.core.mlflow.rows import Document, What
from kaizenml.core.ports import Books

_ENCODE = msgspec.json.Encoder(order="deterministic").encode


def mark_of(value: object) -> str:
    """Return the digest of what a source said of a thing."""
    return hashlib.sha256(_ENCODE(value)).hexdigest()


def changed(books: Books, what: What, found: Sequence[ForeignRun | ForeignModel]) -> dict[str, str]:
    """Return the marks, by id, of those things that were not brought over just as the source says them now."""
    marks = {each.id: mark_of(each) for each in found}
    known = books.clients.find_all(What.ORIGIN, [f"{what}/{id_}" for id_ in marks])
    return {
        id_: mark
        for id_, mark in marks.items()
        if (before := known.get(f"{what}/{id_}")) is None or before.body != mark
    }


def note(books: Books, what: What, place: str, marks: Mapping[str, str]) -> None:
    """Note that things were brought over as the source said them."""
    books.clients.put_all([Document(What.ORIGIN, f"{what}/{id_}", mark, scope=place) for id_, mark in marks.items()])
