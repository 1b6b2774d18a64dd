"""Moves of protected aliases that were refused: whoever may approve them is told, and sees them until they may be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from kaizenml.core.event import Kind
from kaizenml.core.inbox import Move
from kaizenml.core.ports import Books
from kaizenml.errors import NotFoundError
from kaizenml.loop import aliases, models
from kaizenml.loop.aliases import ProtectedAliasError
from kaizenml.loop.wiring import House

_KIND = "asked-move"


@dataclass(frozen=True, slots=True)
class Asked:
    """The last move of an alias that was refused: where to, by whom it was asked for, and when."""

    model: str
    alias: str
    version: int | None
    by: str
    at: datetime


#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(Asked),)


@contextmanager
def remembering(house: House) -> Iterator[Books]:
    """Give the books to change; a move that is refused for want of approvals is remembered, and then refused."""
    try:
        with house.records.writing() as books:
            yield books
    except ProtectedAliasError as refused:
        with house.records.writing() as books:
            remember(books, house, refused)
        raise


def remember(books: Books, house: House, refused: ProtectedAliasError) -> None:
    """Note a move that was refused, and ask for the decision: once, however often it is tried."""
    of, now = refused.standing, house.clock.now()
    model = books.registry.find(of.model)
    if model is None:
        return
    name, days = f"{of.model}@{of.alias.casefold()}", timedelta(days=aliases.review_of(books, model).days)
    note = books.notes.get(_KIND, name)
    before = msgspec.convert(note, Asked) if note is not None else None
    if before is not None and before.version == of.version and now - before.at < days:
        return
    books.notes.put(_KIND, name, msgspec.to_builtins(Asked(of.model, of.alias, of.version, refused.by, now)))
    subject = f"model:{of.model}:{of.version}" if of.version else f"model:{of.model}"
    facts = {"alias": of.alias, "version": of.version, "given": of.given, "needed": of.needed, "digest": of.digest}
    models.tell(books, now, model, refused.by, Kind.APPROVAL_REQUESTED, facts, subject=subject)


def waiting_moves(books: Books, house: House) -> list[Move]:
    """Return the moves that were refused and wait for approvals still: for as long as an approval would hold."""
    asked = [msgspec.convert(note, Asked) for note in books.notes.all(_KIND).values()]
    return [move for each in asked if (move := _move(books, house, each)) is not None]


def _move(books: Books, house: House, of: Asked) -> Move | None:
    try:
        model = models.get(books, of.model)
        found = aliases.standing(books, house, of.model, of.alias, of.version)
        stage = models.get_version(books, of.model, of.version).stage if of.version else ""
    except NotFoundError:
        return None
    review = aliases.review_of(books, model)
    is_there = model.aliases.get(of.alias) == of.version if of.version or of.alias in model.aliases else not of.version
    has_lapsed = house.clock.now() - of.at >= timedelta(days=review.days)
    if found.is_enough or has_lapsed or is_there or stage.casefold() == of.alias.casefold():
        return None
    version = f"{of.model}:{of.version}" if of.version else of.model
    return Move(of.model, of.alias, version, model.project, of.by, of.at, found.given, found.needed, review.among)
