"""What people and programs may ask of subscriptions and the outbox, from the command line and over HTTP alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kaizenml.core.event import Draft, Kind
from kaizenml.core.letter import Letter, LetterState, letter_id
from kaizenml.core.notice import Answer
from kaizenml.core.ports import Books
from kaizenml.core.subscription import Channel, Subscription, channel_of, checked_address, checked_filter
from kaizenml.errors import StateError, UsageError
from kaizenml.loop import outbox, subscribing
from kaizenml.loop.notifying import told
from kaizenml.loop.wiring import House, check_address, open_notifiers

_MOST_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class LoopNotify:
    """Subscriptions and letters; what each method returns is shown as JSON, and holds no secret but a new one."""

    house: House

    def listed(self) -> list[dict[str, Any]]:
        """Return every subscription, with how many letters are where."""
        with self.house.records.reading() as books:
            counts = books.letters.counts()
            return [shown(each, counts.get(each.name, {})) for each in subscribing.subscriptions(books)]

    def add(
        self,
        name: str,
        address: str,
        *,
        by: str,
        channel: Channel | None = None,
        kinds: Iterable[str] = (),
        projects: Iterable[str] = (),
        endpoints: Iterable[str] = (),
    ) -> tuple[dict[str, Any], str]:
        """Add a subscription; return it, and the secret of a webhook, which is shown this once."""
        wanted = checked_filter(kinds, projects, endpoints)
        by_channel = channel or channel_of(checked_address(address))
        if by_channel is Channel.MLFLOW:
            raise UsageError("A webhook of MLflow's form is made by an MLflow client.", "`client.create_webhook(…)`.")
        check_address(self.house.settings, checked_address(address), by_channel)
        key, now = self.house.key, self.house.clock.now()
        with self.house.records.writing() as books:
            made, secret = subscribing.add(books, name, address, wanted, key=key, by=by, now=now, channel=by_channel)
        return shown(made, {}), secret

    def remove(self, name: str, *, by: str) -> dict[str, Any]:
        """Remove a subscription and its letters."""
        with self.house.records.writing() as books:
            self._changeable(books, name)
            return shown(subscribing.remove(books, name, by=by, now=self.house.clock.now()), {})

    def pause(self, name: str, *, by: str, because: str = "") -> dict[str, Any]:
        """Send a subscription nothing until it is resumed."""
        said = because or f"Paused by {by.partition(':')[2]}."
        with self.house.records.writing() as books:
            return shown(subscribing.pause(books, name, by=by, now=self.house.clock.now(), because=said), {})

    def resume(self, name: str, *, by: str) -> dict[str, Any]:
        """Go on where it was paused."""
        with self.house.records.writing() as books:
            return shown(subscribing.resume(books, name, by=by, now=self.house.clock.now()), {})

    def rotate(self, name: str, *, by: str, keep: str = subscribing.KEPT_FOR) -> str:
        """Give a webhook another secret and return it."""
        with self.house.records.writing() as books:
            self._changeable(books, name)
            return subscribing.rotate(books, name, key=self.house.key, by=by, now=self.house.clock.now(), keep=keep)

    def test(self, name: str, *, by: str, like: str = "") -> Answer:
        """Send a notice that is about nothing, now and past the outbox, and return what came of it.

        Parameters
        ----------
        like
            Of which event of MLflow's an example is sent, where an MLflow client made the subscription.
        """
        of, key, now = self.house.settings, self.house.key, self.house.clock.now()
        facts = {"event": like} if like else {}
        with self.house.records.writing() as books:
            found = subscribing.subscription(books, name)
            target = subscribing.target(found, key, now, subscribing.named_by_setting(of.notify, key))
            event = books.events.append(Draft("", by, Kind.SUBSCRIPTION_TESTED, found.subject, facts=facts), now)
        notice = told(event, letter_id(found.serial, event.id), found, of.url)
        return open_notifiers(of)[found.channel].send(notice, target, now)

    def letters(self, name: str | None = None, state: LetterState | None = None, *, limit: int = 100) -> list[Letter]:
        """Return the newest letters, newest first."""
        with self.house.records.reading() as books:
            if name is not None:
                subscribing.subscription(books, name)
            return books.letters.newest(name, state, limit=limit)

    def send_again(self, *, letter: str = "", subscription: str = "", by: str) -> list[Letter]:
        """Let one dead letter go again, or those to a subscription."""
        now = self.house.clock.now()
        with self.house.records.writing() as books:
            ids = [letter] if letter else self._dead(books, subscription)
            return outbox.send_again(books, ids, by=by, now=now)

    def _dead(self, books: Books, subscription: str) -> list[str]:
        subscribing.subscription(books, subscription)
        found = books.letters.newest(subscription, LetterState.DEAD, limit=_MOST_AT_ONCE)
        return [each.id for each in reversed(found)]

    def _changeable(self, books: Books, name: str) -> None:
        if subscribing.subscription(books, name).is_from_setting:
            raise StateError(f"The setting `notify` names {name}.", "Change the setting, then start `kaizen up` again.")


def shown(of: Subscription, counts: Mapping[LetterState, int]) -> dict[str, Any]:
    """Return a subscription as people may see it."""
    facts: dict[str, Any] = msgspec.to_builtins(of)
    del facts["sealed"], facts["shown"]
    waiting = counts.get(LetterState.PENDING, 0) + counts.get(LetterState.LEASED, 0)
    letters = {"waiting": waiting, "delivered": counts.get(LetterState.DELIVERED, 0),
               "dead": counts.get(LetterState.DEAD, 0)}  # fmt: skip
    return {**facts, "to": of.shown, "letters": letters}
