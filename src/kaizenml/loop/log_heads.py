"""The end of the log as this home has seen it, in a file of its own: beside the database, wherever that is."""

from __future__ import annotations

import msgspec

from kaizenml.core.digest import digest_of
from kaizenml.core.event import Event
from kaizenml.core.log_head import Head, check_head, head_of
from kaizenml.core.ports import Books
from kaizenml.errors import IntegrityError, NotFoundError
from kaizenml.loop.delivering import write_durably
from kaizenml.loop.wiring import House

FILE = "events.head"
_READ = msgspec.json.Decoder(Head)


def remember_head(house: House) -> None:
    """Remember the newest event, unless the one remembered before is not there as it was: then that one is kept."""
    with house.records.reading() as books:
        newest = books.events.newest(limit=1)
        before = _known(house)
        if not newest or (before is not None and before.event == newest[0].id):
            return
        try:
            check_remembered(books, house)
        except IntegrityError:
            return  # `kaizen events verify` and the doctor say so; the proof stays
    write_durably(house.settings.home / FILE, msgspec.json.encode(head_of(newest[0], house.key)))


def check_remembered(books: Books, house: House) -> None:
    """Check that the event which this home remembers is there as it was; nothing where it remembers none.

    Raises
    ------
    ForeignHeadError
        When what is remembered was written with another key, or cannot be read.
    IntegrityError
        When the event is gone, or another.
    """
    head = _known(house)
    if head is not None and house.has_key():
        check_head(head, _event(books, head.event), house.key)


def _known(house: House) -> Head | None:
    path = house.settings.home / FILE
    try:
        return _READ.decode(path.read_bytes()) if path.exists() else None
    except msgspec.DecodeError:
        return Head(0, digest_of(""), "")  # which nobody has sealed


def _event(books: Books, id_: int) -> Event | None:
    try:
        return books.events.get(id_)
    except NotFoundError:
        return None
