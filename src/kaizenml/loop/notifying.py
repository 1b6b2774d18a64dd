"""The post: takes letters from the outbox to their receivers, each subscription in lanes of its own.

One transaction at a time writes what came back, looks for news and takes what is due; sending happens in threads that
hold none. Several posts may be at work on one home: a letter is with one of them at a time.
"""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from kaizenml.core.event import Event
from kaizenml.core.letter import Letter, LetterState
from kaizenml.core.mlflow import hooks
from kaizenml.core.notice import Answer, Notice, notice_of
from kaizenml.core.ports import Books, Notifier
from kaizenml.core.subscription import Channel, Subscription
from kaizenml.errors import KaizenError
from kaizenml.loop import outbox, subscribing
from kaizenml.loop.outbox import Sent
from kaizenml.loop.reporting import sentence
from kaizenml.loop.wiring import House, Say, open_notifiers

#: So many letters to one subscription are under way at once; each of Apprise is a process.
LANES = {Channel.WEBHOOK: 4, Channel.MLFLOW: 4, Channel.APPRISE: 1}
TICK_SECONDS = 0.05
#: For so long letters under way are waited for at the end; what they came to after it is learned again.
GRACE_SECONDS = 3.0
#: After a change it looks again for so long: files change when a commit begins, and what it wrote is read when it ends.
SETTLE_SECONDS = 0.3
#: How often it looks although nothing has changed.
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Trip:
    """One letter on its way: of what it tells, and whom."""

    letter: Letter
    event: Event
    to: Subscription


@dataclass
class Post:
    """What one process has under way.

    Parameters
    ----------
    notifiers
        By channel; those of the house unless told otherwise.
    """

    house: House
    notifiers: Mapping[Channel, Notifier] | None = None
    sender: str = field(default_factory=lambda: uuid4().hex)
    _under_way: dict[Future[Answer], Letter] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)
    _rng: random.Random = field(default_factory=random.SystemRandom)

    def __post_init__(self) -> None:
        self.wake = threading.Event()
        self._by_channel = self.notifiers or open_notifiers(self.house.settings)
        setting = self.house.settings.notify
        self._addresses = subscribing.named_by_setting(setting, self.house.key) if setting else {}

    def follow_setting(self) -> None:
        """Let the setting's subscriptions be those that it names now."""
        with self.house.records.reading() as books:
            known = {each.name for each in subscribing.subscriptions(books) if each.is_from_setting}
        if known != set(self._addresses):
            with self.house.records.writing() as books:
                subscribing.follow_setting(books, self._addresses, now=self.house.clock.now())

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._under_way

    def round(self) -> list[Letter]:
        """Write what came back, collect what is new, send what is due; return what came back."""
        back = [future for future in self._under_way if future.done()]
        if not back and not self.wants_more():
            return []
        now = self.house.clock.now()
        sent = [self._came(each) for each in back]
        with self.house.records.writing() as books:
            settled = outbox.settle(books, sent, now)
            outbox.collect(books, now)
            trips = self._taken(books, {self._under_way[each].id for each in back}, now)
        for each in back:
            del self._under_way[each]
        for trip in trips:
            self._send(trip)
        return settled

    def finish(self, seconds: float) -> None:
        """Wait for what is under way, for a while, and write what came of it; begin nothing more."""
        limit = time.monotonic() + seconds
        while any(not each.done() for each in self._under_way) and time.monotonic() < limit:
            self.wake.wait(TICK_SECONDS)
            self.wake.clear()
        sent = [self._came(each) for each in self._under_way if each.done()]
        if sent:
            with self.house.records.writing() as books:
                outbox.settle(books, sent, self.house.clock.now())

    def _came(self, back: Future[Answer]) -> Sent:
        return Sent(self._under_way[back], back.result(), self._rng.random())

    def _send(self, trip: Trip) -> None:
        """Send in a thread that does not keep the process: what is under way then is sent when its lease is over."""
        future: Future[Answer] = Future()
        self._under_way[future] = trip.letter
        future.add_done_callback(lambda _: self.wake.set())
        work = threading.Thread(target=lambda: future.set_result(self._sent(trip)), daemon=True, name="post")
        try:
            work.start()
        except RuntimeError as error:  # no thread is to be had
            future.set_result(Answer(None, f"Nothing could be sent: {error}."))

    def wants_more(self) -> bool:
        """Say whether something new has happened that is to be told, or a letter is due."""
        with self.house.records.reading() as books:
            is_news, self._seen = outbox.has_news(books, self._seen)
            free = [each.name for each in self._known(books) if self._room(each, set()) > 0]
            due = books.letters.next_due(free) if free else None
        return is_news or (due is not None and due <= self.house.clock.now())

    def _known(self, books: Books) -> list[Subscription]:
        """Return the subscriptions that this post can tell: of the setting's, those whose addresses its own names."""
        wanting = outbox.at_work(books)
        return [each for each in wanting if not each.is_from_setting or each.name in self._addresses]

    def _room(self, of: Subscription, back: set[str]) -> int:
        under_way = (each for each in self._under_way.values() if each.id not in back)
        return LANES[of.channel] - sum(each.subscription == of.name for each in under_way)

    def _taken(self, books: Books, back: set[str], now: datetime) -> list[Trip]:
        trips = []
        for each in self._known(books):
            room = self._room(each, back)
            letters = books.letters.take(each.name, self.sender, now, limit=room) if room > 0 else []
            trips += [Trip(letter, books.events.get(letter.event), each) for letter in letters]
        return trips

    def _sent(self, trip: Trip) -> Answer:
        """Return what came of an attempt; whatever goes wrong on the way is an attempt that failed."""
        now, to = self.house.clock.now(), trip.to
        try:
            target = subscribing.target(to, self.house.key, now, self._addresses)
            notice = told(trip.event, trip.letter.id, to, self.house.settings.url)
            return self._by_channel[to.channel].send(notice, target, now)
        except KaizenError as error:
            return Answer(None, error.message)
        except Exception as error:
            return Answer(None, f"The channel {to.channel} failed with {type(error).__name__}.")


def told(event: Event, id_: str, to: Subscription, url: str) -> Notice:
    """Return what a subscription is told of an event."""
    if to.hook is not None:
        return hooks.notice_of(event, id_, to.hook)
    return notice_of(event, id_, sentence(event), url)


def keep_posted(house: House, say: Say, *, stop: threading.Event) -> None:
    """Deliver what follows from the log until told to stop; an error is told, and the next look tries again."""
    post: Post | None = None
    mark: tuple[int, ...] = ()
    looked = changed = 0.0
    while not stop.is_set():
        try:
            if post is None:
                post = Post(house)
                post.follow_setting()
            now, seen = time.monotonic(), house.records.mark()
            mark, changed = (mark, changed) if seen == mark else (seen, now)
            if now - changed < SETTLE_SECONDS or post.wake.is_set() or now - looked > LOOK_SECONDS:
                looked = now
                post.wake.clear()
                for letter in post.round():
                    _say_dead(letter, say)
            post.wake.wait(TICK_SECONDS)
        except Exception:
            say(f"notify: {traceback.format_exc(limit=-3)}")
            stop.wait(1.0)
    if post is not None:
        post.finish(GRACE_SECONDS)


def deliver(house: House, notifiers: Mapping[Channel, Notifier] | None = None) -> list[Letter]:
    """Deliver everything that is due now, and return the letters as they are after their attempts."""
    post = Post(house, notifiers)
    done: list[Letter] = []
    while True:
        post.wake.clear()
        done += post.round()
        if not post.is_idle:
            post.wake.wait(TICK_SECONDS)
        elif not post.wants_more():
            return done


def _say_dead(letter: Letter, say: Say) -> None:
    if letter.state is LetterState.DEAD:
        say(f"notify: {letter.id} to {letter.subscription} is dead after {letter.attempts} attempts: {letter.said}")


def counts_of(letters: Sequence[Letter]) -> dict[str, int]:
    """Return how many letters there are in each state."""
    counted = Counter(letter.state for letter in letters)
    return {str(state): counted[state] for state in LetterState if state is not LetterState.LEASED}
