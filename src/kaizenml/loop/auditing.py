"""The event log, checked from its first line to its last."""

from __future__ import annotations

from collections.abc import Iterator

from kaizenml.core.event import Event, verify
from kaizenml.core.ports import Books

_AT_ONCE = 10_000


def verified(books: Books) -> int:
    """Return how many events there are, none of them changed, removed or put in; only some are held at a time.

    Raises
    ------
    IntegrityError
        Naming the first event that is not as it was written.
    """
    return verify(_all_events(books))


def _all_events(books: Books) -> Iterator[Event]:
    part = books.events.after(0, limit=_AT_ONCE)
    while part:
        yield from part
        part = books.events.after(part[-1].id, limit=_AT_ONCE)
