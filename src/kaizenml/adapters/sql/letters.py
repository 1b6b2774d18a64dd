"""The outbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from kaizenml.adapters.sql.codec import encoded, microseconds
from kaizenml.adapters.sql.statements import found, listed, missing
from kaizenml.adapters.sql.tables import LETTERS
from kaizenml.core.letter import Letter, LetterState, check_fence, taken

_OF = LETTERS.c
#: Letters of lost senders first: they have waited for longest.
_WAITING = (str(LetterState.LEASED), str(LetterState.PENDING))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SqlLetters:
    """Events on their way to subscriptions. What a sender says is compare-and-set on its fence."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, letters: Sequence[Letter]) -> None:
        """Write new letters; those whose id is there already change nothing."""
        ids = [letter.id for letter in letters]
        known = set(self._connection.execute(select(_OF.id).where(_OF.id.in_(ids))).scalars())
        fresh = [{"id": each.id, "subscription": each.subscription, **_row(each)} for each in letters
                 if each.id not in known]  # fmt: skip
        if fresh:
            self._connection.execute(insert(LETTERS), fresh)

    def take(self, subscription: str, sender: str, now: datetime, *, limit: int) -> list[Letter]:
        """Take the letters to a subscription that are due, the longest due first, those of lost senders too."""
        held: list[Letter] = []
        for state in _WAITING:  # one after the other: so each is found in the index, however many wait
            due = (_OF.subscription == subscription, _OF.state == state, _OF.due_at <= microseconds(now))
            found = self._listed(due, (_OF.due_at, _OF.seq), limit - len(held))
            held += [taken(each, sender, now) for each in found]
        for letter in held:
            self._write(letter)
        return held

    def save(self, letter: Letter, *, fence: int) -> None:
        """Write a letter back; raise `ConflictError` unless its stored fence is this one."""
        check_fence(self.get(letter.id), fence)
        self._write(letter)

    def get(self, id_: str) -> Letter:
        """Return one letter, or raise `NotFoundError`."""
        letter = found(self._connection, LETTERS, Letter, id=id_)
        if letter is None:
            raise missing(self._connection, "letter", id_, _OF.id)
        return letter

    def newest(
        self, subscription: str | None = None, state: LetterState | None = None, *, limit: int = 100
    ) -> list[Letter]:
        """Return the newest letters, newest first."""
        where = [_OF.subscription == subscription] if subscription is not None else []
        where += [_OF.state == state] if state is not None else []
        return self._listed(where, (_OF.seq.desc(),), limit)

    def next_due(self, subscriptions: Collection[str]) -> datetime | None:
        """Return when the next letter to one of these subscriptions is to be sent; None when none waits."""
        firsts: list[int] = []
        for name in subscriptions:
            for state in _WAITING:
                query = select(_OF.due_at).where(_OF.subscription == name, _OF.state == state)
                firsts += self._connection.execute(query.order_by(_OF.due_at).limit(1)).scalars()
        return _EPOCH + timedelta(microseconds=min(firsts)) if firsts else None

    def counts(self) -> Mapping[str, Mapping[LetterState, int]]:
        """Return how many letters to each subscription there are in each state."""
        counted: dict[str, dict[LetterState, int]] = {}
        query = select(_OF.subscription, _OF.state, func.count()).group_by(_OF.subscription, _OF.state)
        for name, state, count in self._connection.execute(query):
            counted.setdefault(name, dict.fromkeys(LetterState, 0))[LetterState(state)] = count
        return counted

    def clear(self, subscription: str, state: LetterState | None = None, *, keep: int = 0) -> int:
        """Delete letters to a subscription, those in a state where one is named, but the newest; say how many."""
        where: list[ColumnElement[bool]] = [_OF.subscription == subscription]
        where += [_OF.state == str(state)] if state is not None else []
        if keep:
            newest = select(_OF.seq).where(*where).order_by(_OF.seq.desc()).offset(keep).limit(1)
            where += [_OF.seq <= newest.scalar_subquery()]
        return self._connection.execute(delete(LETTERS).where(*where)).rowcount

    def _listed(
        self, where: Sequence[ColumnElement[bool]], order: Sequence[ColumnElement[object]], limit: int
    ) -> list[Letter]:
        return listed(self._connection, LETTERS, Letter, where, order, limit)

    def _write(self, letter: Letter) -> None:
        self._connection.execute(update(LETTERS).where(_OF.id == letter.id).values(**_row(letter)))


def _row(letter: Letter) -> dict[str, object]:
    values = {"state": letter.state, "due_at": microseconds(letter.due_at), "fence": letter.fence}
    return {**values, "body": encoded(letter)}
