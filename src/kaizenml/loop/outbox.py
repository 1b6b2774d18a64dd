"""The outbox: from the event log to letters, and what becomes of them; each step within one transaction.

A subscription has a cursor in the log. Letters are written in the transaction that moves it, so between an event and
its letter nothing is lost and nothing doubled, whoever dies when. Senders come later, and hold no transaction while
they wait for receivers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kaizenml.core.event import Draft, Event, Kind
from kaizenml.core.letter import Letter, LetterState, answered, letter_id, sent_again
from kaizenml.core.notice import Answer
from kaizenml.core.ports import Books
from kaizenml.core.subscription import Subscription
from kaizenml.errors import ConflictError, NotFoundError
from kaizenml.loop.subscribing import cursor, move_cursor, pause, subscriptions

#: So many events are looked at in one transaction.
AT_ONCE = 1_000
#: So many letters to each subscription are kept that are over, the newest.
MOST_KEPT = {LetterState.DELIVERED: 1_000, LetterState.DEAD: 10_000}
_SYSTEM = "system:notify"


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter that was taken, what came of it, and a random number from 0 to 1 for the pause before it goes again."""

    letter: Letter
    answer: Answer
    chance: float


class _Parts:
    """Parts of the log, each read once: most subscriptions have looked as far as the others."""

    def __init__(self, books: Books) -> None:
        self._books, self._read = books, dict[int, list[Event]]()

    def behind(self, event: int) -> list[Event]:
        """Return the next events behind one."""
        if event not in self._read:
            self._read[event] = self._books.events.after(event, limit=AT_ONCE)
        return self._read[event]


def at_work(books: Books) -> list[Subscription]:
    """Return the subscriptions that are told of something now."""
    return [each for each in subscriptions(books) if each.is_at_work]


def has_news(books: Books, seen: Mapping[str, int]) -> tuple[bool, dict[str, int]]:
    """Say whether there is an event that some subscription wants, and how far each was looked through for that.

    Parameters
    ----------
    seen
        Up to where each subscription, by its serial, is known to want nothing beyond its cursor.
    """
    wanting = at_work(books)
    cursors = {each.serial: cursor(books, each) for each in wanting}
    reached = {serial: max(at, seen.get(serial, 0)) for serial, at in cursors.items()}
    parts = _Parts(books)
    for each in wanting:
        for event in parts.behind(reached[each.serial]):
            if each.wants(event):
                return True, reached
            reached[each.serial] = event.id
    # A cursor that is far behind moves on without a letter, lest all that be looked through again.
    return any(reached[serial] - at >= AT_ONCE for serial, at in cursors.items()), reached


def collect(books: Books, now: datetime) -> int:
    """Write the letters that follow from a part of the events behind each cursor; return how many."""
    parts, count = _Parts(books), 0
    for each in at_work(books):
        count += _collected(books, each, parts.behind(cursor(books, each)), now)
    return count


def catch_up(books: Books, to: Subscription, now: datetime) -> None:
    """Write the letters of all that has happened until now to one subscription, before it is changed."""
    while fresh := books.events.after(cursor(books, to), limit=AT_ONCE):
        _collected(books, to, fresh, now)


def settle(books: Books, sent: Iterable[Sent], now: datetime) -> list[Letter]:
    """Write what came of letters; return them as they are now, without those that another sender has taken since."""
    known = {each.name for each in subscriptions(books)}
    written = [after for each in sent if (after := _settled(books, each, now, known)) is not None]
    for name in {letter.subscription for letter in written}:
        for state, most in MOST_KEPT.items():
            books.letters.clear(name, state, keep=most)
    return written


def send_again(books: Books, ids: Iterable[str], *, by: str, now: datetime) -> list[Letter]:
    """Let dead letters go again, with all their attempts before them."""
    found = []
    for id_ in ids:
        letter = books.letters.get(id_)
        again = sent_again(letter, now)
        books.letters.save(again, fence=letter.fence)
        _tell(books, again, Kind.LETTER_SENT_AGAIN, by, {}, now)
        found.append(again)
    return found


def _collected(books: Books, to: Subscription, fresh: Sequence[Event], now: datetime) -> int:
    letters = [_letter(to, event, now) for event in fresh if to.wants(event)]
    if letters:
        books.letters.add(letters)
    if fresh:
        move_cursor(books, to, fresh[-1].id)
    return len(letters)


def _letter(to: Subscription, event: Event, now: datetime) -> Letter:
    return Letter(letter_id(to.serial, event.id), to.name, event.id, str(event.kind), now, now)


def _settled(books: Books, sent: Sent, now: datetime, known: set[str]) -> Letter | None:
    after = answered(sent.letter, sent.answer, now, sent.chance)
    try:
        books.letters.save(after, fence=sent.letter.fence)
    except (ConflictError, NotFoundError):
        return None  # another sender has it, or the subscription was removed
    if after.state is LetterState.DEAD and after.subscription in known:
        facts = {"attempts": after.attempts, "status": after.status, "said": after.said, "event": after.event}
        _tell(books, after, Kind.LETTER_DIED, _SYSTEM, facts, now)
        if sent.answer.is_gone and any(each.name == after.subscription for each in at_work(books)):
            pause(books, after.subscription, by=_SYSTEM, now=now, because=after.said)
    return after


def _tell(books: Books, letter: Letter, kind: Kind, by: str, facts: Mapping[str, object], now: datetime) -> None:
    told = {"letter": letter.id, **facts}
    books.events.append(Draft("", by, kind, f"subscription:{letter.subscription}", letter.event, facts=told), now)
