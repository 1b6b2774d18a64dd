"""What the core asks of the world to tell others: an outbox of letters, and channels that take them away."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from kaizenml.core.letter import Letter, LetterState
from kaizenml.core.notice import Answer, Notice, Target


class Letters(Protocol):
    """The outbox: events on their way to subscriptions. What a sender says is compare-and-set on its fence."""

    def add(self, letters: Sequence[Letter]) -> None:
        """Write new letters; those whose id is there already change nothing."""
        ...

    def take(self, subscription: str, sender: str, now: datetime, *, limit: int) -> list[Letter]:
        """Take the letters to a subscription that are due, the longest due first, those of lost senders too."""
        ...

    def save(self, letter: Letter, *, fence: int) -> None:
        """Write a letter back; raise `ConflictError` unless its stored fence is this one."""
        ...

    def get(self, id_: str) -> Letter:
        """Return one letter, or raise `NotFoundError`."""
        ...

    def newest(
        self, subscription: str | None = None, state: LetterState | None = None, *, limit: int = 100
    ) -> list[Letter]:
        """Return the newest letters, newest first."""
        ...

    def next_due(self, subscriptions: Collection[str]) -> datetime | None:
        """Return when the next letter to one of these subscriptions is to be sent; None when none waits."""
        ...

    def counts(self) -> Mapping[str, Mapping[LetterState, int]]:
        """Return how many letters to each subscription there are in each state."""
        ...

    def clear(self, subscription: str, state: LetterState | None = None, *, keep: int = 0) -> int:
        """Delete letters to a subscription, those in a state where one is named, but the newest; say how many."""
        ...


class Notifier(Protocol):
    """Takes notices to where they are wanted, by one channel."""

    def send(self, notice: Notice, target: Target, now: datetime) -> Answer:
        """Send, and return what came of it; whatever goes wrong on the way is an answer too."""
        ...
