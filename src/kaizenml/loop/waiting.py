"""What waits for people, as the books have it."""

from __future__ import annotations

from kaizenml.core.inbox import Item, Unlabelled, inbox
from kaizenml.core.ports import Books
from kaizenml.data.label_queue import QUEUE, find_queue
from kaizenml.loop.move_requests import waiting_moves
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
        moves=waiting_moves(books, house),
        unlabelled=_unlabelled(books),
    )
    return [item for item in found if project is None or item.project == project]


def _unlabelled(books: Books) -> list[Unlabelled]:
    """Return the projects that have rows to label, from the notes alone; they wait since their decks were filled."""
    found = []
    for project in books.notes.all(QUEUE):
        queue = find_queue(books, project)
        decks = [deck for deck in queue.decks if deck.done < deck.tasks] if queue else []
        since = [books.events.get(deck.event).at for deck in decks if deck.event is not None]
        if since:
            found.append(Unlabelled(project, sum(deck.tasks - deck.done for deck in decks), min(since)))
    return found
