"""One event on its way to one subscription, and the laws of its way.

::

               a sender takes it            2xx
    pending ──────────────────→ leased ─────────────→ delivered
       ↑                          │  │
       └── again, after a pause ──┘  └── tried often enough, or 410 ──→ dead ──→ pending, when a person says so

A sender that dies leaves its letter leased; when the lease has run out, the next one takes it. So an event is told at
least once, and a receiver knows by the letter's id what it has had before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from kaizenml.core.notice import Answer
from kaizenml.errors import ConflictError, StateError

#: A letter that was not answered for this long after it was taken may be taken by another sender. Far longer than an
#: attempt may take.
LEASE_SECONDS = 120.0
#: After so many attempts a letter is dead: with the pauses below, after 12 to 24 hours.
MOST_ATTEMPTS = 10
_FIRST_PAUSE, _FACTOR, _LONGEST_PAUSE = 5.0, 4.0, 6 * 3600.0
#: A receiver may ask for a pause of so long at most.
LONGEST_ASKED = 24 * 3600.0


class LetterState(StrEnum):
    """Where a letter is."""

    PENDING = "pending"
    LEASED = "leased"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Letter:
    """One event on its way to one subscription.

    Parameters
    ----------
    id
        The same at every attempt; receivers see it.
    event, kind
        Number and kind of the event.
    due_at
        When it is to be sent; while leased, when the lease ends.
    fence
        Grows with every taking: what an earlier sender says is refused.
    attempts
        How often it was tried since it was pending first, or since somebody sent it again.
    status, said
        What came of the last attempt.
    ended_at
        When it was delivered, or died.
    """

    id: str
    subscription: str
    event: int
    kind: str
    created_at: datetime
    due_at: datetime
    state: LetterState = LetterState.PENDING
    attempts: int = 0
    fence: int = 0
    sender: str = ""
    status: int | None = None
    said: str = ""
    ended_at: datetime | None = None


def letter_id(serial: str, event: int) -> str:
    """Return the id of the letter that tells a subscription (by its serial) of an event."""
    return f"msg_{serial}_{event}"


def pause_seconds(attempts: int, chance: float) -> float:
    """Return for how long to wait after so many attempts.

    The longest pause is 5 s after the first attempt and four times as long after each further one, six hours at most;
    between half of it and all of it by chance, so that many letters to one receiver do not come back at once (equal
    jitter: Brooker, 2015).

    Parameters
    ----------
    chance
        A random number from 0 to 1.
    """
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * _FACTOR ** min(attempts - 1, 20))
    return longest * (0.5 + 0.5 * chance)


def taken(letter: Letter, sender: str, now: datetime) -> Letter:
    """Return the letter as a sender has taken it."""
    return replace(
        letter,
        state=LetterState.LEASED,
        sender=sender,
        fence=letter.fence + 1,
        attempts=letter.attempts + 1,
        due_at=now + timedelta(seconds=LEASE_SECONDS),
    )


def answered(letter: Letter, answer: Answer, now: datetime, chance: float) -> Letter:
    """Return a leased letter after its receiver answered, or did not."""
    after = replace(letter, status=answer.status, said=answer.said, sender="")
    if answer.is_received:
        return replace(after, state=LetterState.DELIVERED, ended_at=now, said="")
    if answer.is_gone or letter.attempts >= MOST_ATTEMPTS:
        return replace(after, state=LetterState.DEAD, ended_at=now)
    asked = min(answer.retry_after_seconds or 0.0, LONGEST_ASKED)
    pause = max(pause_seconds(letter.attempts, chance), asked)
    return replace(after, state=LetterState.PENDING, due_at=now + timedelta(seconds=pause))


def sent_again(letter: Letter, now: datetime) -> Letter:
    """Return a dead letter as pending again, with all its attempts before it.

    Raises
    ------
    StateError
        When it is not dead.
    """
    if letter.state is not LetterState.DEAD:
        raise StateError(f"The letter {letter.id} is {letter.state}, not dead.", "Only dead letters are sent again.")
    return replace(letter, state=LetterState.PENDING, attempts=0, due_at=now, ended_at=None)


def check_fence(stored: Letter, fence: int) -> None:
    """Refuse what a sender says of a letter that another one has taken since.

    Raises
    ------
    ConflictError
        Naming the letter.
    """
    if stored.fence != fence:
        raise ConflictError(
            f"Another sender has the letter {stored.id}: its token is {stored.fence}, not {fence}.",
            "Drop this result.",
            {"letter": stored.id},
        )
