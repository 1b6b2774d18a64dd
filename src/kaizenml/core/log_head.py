"""The newest event that a home has seen, sealed with its key.

A chain of hashes shows that a part of it was changed. It does not show that its end was cut off, or that somebody
changed an event and computed all hashes after it anew: both need the chain alone. Who has remembered an event under a
seal sees both, for all that came before it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256

from kaizenml.core.digest import Digest, canonical
from kaizenml.core.event import Event
from kaizenml.errors import IntegrityError


@dataclass(frozen=True, slots=True)
class Head:
    """An event by its number and hash, and what only the holder of the home's key can have written over both."""

    event: int
    hash: Digest
    seal: str


class ForeignHeadError(IntegrityError):
    """What is remembered of the log is not sealed with this home's key."""

    def __init__(self) -> None:
        super().__init__(
            "What this home remembers of the end of its log is not sealed with its key.",
            "If the key was exchanged, delete `events.head` in the home; else restore both from a backup.",
        )


def head_of(event: Event, key: bytes) -> Head:
    """Return an event as it is remembered: HMAC-SHA256 (RFC 2104) over its number and hash."""
    return Head(event.id, event.hash, _seal(event.id, event.hash, key))


def check_head(head: Head, event: Event | None, key: bytes) -> None:
    """Check that an event is there as it was remembered.

    Raises
    ------
    ForeignHeadError
        When somebody else has remembered it.
    IntegrityError
        When the event is gone, or another.
    """
    if not hmac.compare_digest(head.seal, _seal(head.event, head.hash, key)):
        raise ForeignHeadError
    if event is None or event.hash != head.hash:
        what = "is gone" if event is None else "is another"
        raise IntegrityError(
            f"Event {head.event}, which this home has seen, {what}: the log was cut off there, or written anew.",
            "Somebody changed the log; restore it from a backup.",
            {"event": head.event},
        )


def _seal(event: int, hash_: str, key: bytes) -> str:
    return hmac.new(key, canonical(["head of the log", event, hash_]), sha256).hexdigest()
