"""Windows of the data's clock: how long they are, when the next is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kaizenml.core.declaration import Declaration
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.monitor import Every
from kaizenml.core.ports import Books
from kaizenml.loop.wiring import House


def is_due(books: Books, house: House, endpoint: Endpoint) -> bool:
    """Say whether a whole window has passed since the monitors last looked."""
    note = books.notes.get("standing", endpoint.name)
    span = span_of(books.declarations.get(endpoint.project))
    now = house.data_now(books)
    if not isinstance(note, dict):
        return now - floor(endpoint.champion_since_data or now, span) >= span
    return now - datetime.fromisoformat(str(note["watched_until"])) >= span


def span_of(declared: Declaration) -> timedelta:
    """Return how long a window of a project is: an hour, unless it says otherwise."""
    found = [monitor.seconds for monitor in declared.watched if isinstance(monitor, Every)]
    return timedelta(seconds=found[0] if found else Every().seconds)


def floor(moment: datetime, span: timedelta) -> datetime:
    """Return the start of the window that a moment lies in; windows are counted from 1970."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (moment - epoch) // span * span
