"""What waits for people, as the books have it."""

from __future__ import annotations

from kaizenml.core.inbox import Item, inbox
from kaizenml.core.ports import Books
from kaizenml.loop.wiring import House

#: So many of the newest releases are looked at.
MOST = 1_000


def waiting(books: Books, house: House, project: str | None = None) -> list[Item]:
    """Return what waits for people, the most urgent first; of one project where one is named."""
    found = inbox(
        books.releases.newest(project, limit=MOST),
        books.endpoints.all(),
        books.alerts.unresolved(),
        house.clock.now(),
        house.key,
    )
    return [item for item in found if project is None or item.project == project]
