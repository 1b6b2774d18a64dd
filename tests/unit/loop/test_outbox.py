"""From the event log to receivers: what happened is told at least once, to whoever wants it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import kaizenml as kz
from clocks import notifying_house
from kaizenml.adapters.clock import SystemClock
from kaizenml.core.event import Draft, Event, Kind
from kaizenml.core.letter import LEASE_SECONDS, MOST_ATTEMPTS, LetterState
from kaizenml.core.notice import Answer, Notice, Target
from kaizenml.core.subscription import Channel
from kaizenml.core.webhook import SignatureError
from kaizenml.errors import IntegrityError, SettingError, StateError, UsageError
from kaizenml.loop import outbox
from kaizenml.loop.notify_service import LoopNotify
from kaizenml.loop.notifying import Post, deliver, keep_posted
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import House
from receivers import Got, Receiver, receiving


class Remembering:
    """A channel that keeps what it was given, and answers in turn."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.sent = list(answers), []

    def send(self, notice: Notice, target: Target, now: datetime) -> Answer:  # noqa: ARG002
        self.sent.append((notice, target))
        return self.answers.pop(0) if self.answers else Answer(204)


on_both = pytest.mark.parametrize("house", ["file", "postgres"], indirect=True)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    yield from notifying_house(request, tmp_path)


@pytest.fixture
def desk(house: House) -> LoopNotify:
    return LoopNotify(house)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as told:
        yield told


def happens(house: House, *kinds: Kind, project: str = "shop", subject: str = "run:1", **facts: object) -> list[Event]:
    with house.records.writing() as books:
        drafts = [Draft(project, "system:loop", kind, subject, facts=facts) for kind in kinds]
        return [books.events.append(draft, house.clock.now()) for draft in drafts]


def bodies(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in receiver.got]


def states(desk: LoopNotify) -> list[str]:
    return [str(each.state) for each in reversed(desk.letters())]


def later(house: House, seconds: float) -> None:
    house.clock.ahead += timedelta(seconds=seconds)


@on_both
def test_what_happens_after_a_subscription_was_added_is_told_with_a_signature_that_holds(
    house: House, desk: LoopNotify, receiver: Receiver
) -> None:
    happens(house, Kind.RUN_FAILED)
    _, secret = desk.add("ops", receiver.url, by="person:ada")
    (event,) = happens(house, Kind.RUN_FAILED, error="no such column: age")

    (letter,) = deliver(house)

    (got,) = receiver.got
    assert (letter.state, letter.status, letter.attempts) == ("delivered", 204, 1)
    assert kz.verify_webhook(got.headers, got.body, secret) == letter.id
    said = json.loads(got.body)
    assert (said["type"], said["data"]["event"], said["data"]["project"]) == ("run.failed", event.id, "shop")
    assert said["data"]["text"].startswith("no such column: age")
    assert datetime.fromisoformat(said["timestamp"]) == event.at
    assert deliver(house) == []
    assert len(receiver.got) == 1


def test_only_what_passes_the_filter_is_told(house: House, desk: LoopNotify, receiver: Receiver) -> None:
    desk.add("alerts", receiver.url, by="person:ada", kinds=["alert.*"], projects=["shop"], endpoints=["churn-*"])
    happens(house, Kind.ALERT_OPENED, Kind.WINDOW_WATCHED, subject="endpoint:churn-eu")
    happens(house, Kind.ALERT_RESOLVED, subject="endpoint:sales")
    happens(house, Kind.ALERT_RESOLVED, subject="alert:1", endpoint="churn-us")
    happens(house, Kind.ALERT_RESOLVED, subject="endpoint:churn-eu", project="other")

    deliver(house)

    assert sorted((each["type"], each["data"]["subject"]) for each in bodies(receiver)) == [
        ("alert.opened", "endpoint:churn-eu"),
        ("alert.resolved", "alert:1"),
    ]


def test_what_fails_is_tried_again_after_ever_longer_pauses_and_in_the_end_is_dead(
    house: House, desk: LoopNotify, receiver: Receiver
) -> None:
    receiver.answers = lambda _: (500, {})
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    happens(house, Kind.RUN_FAILED)

    pauses = []
    for _ in range(MOST_ATTEMPTS - 1):
        (letter,) = deliver(house)
        assert letter.state is LetterState.PENDING
        pauses.append((letter.due_at - house.clock.now()).total_seconds())
        assert deliver(house) == []
        later(house, pauses[-1] + 0.1)
    (letter,) = deliver(house)

    assert (letter.state, letter.attempts, letter.status) == ("dead", MOST_ATTEMPTS, 500)
    for pause, longest in zip(pauses, [5, 20, 80, 320, 1280, 5120, 20480, 21600, 21600], strict=True):
        assert longest / 2 - 1 < pause <= longest
    assert set(receiver.ids) == {letter.id}
    with house.records.reading() as books:
        (died,) = books.events.find(Kind.LETTER_DIED)
    assert (died.subject, died.cause, died.facts["said"]) == (
        "subscription:ops",
        letter.event,
        "The receiver answered 500.",
    )


@on_both
def test_a_dead_letter_goes_again_under_its_id_when_a_person_says_so(
    house: House, desk: LoopNotify, receiver: Receiver
) -> None:
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    (event,) = happens(house, Kind.RUN_FAILED)
    channel = {Channel.WEBHOOK: Remembering(*[Answer(503)] * MOST_ATTEMPTS)}
    for _ in range(MOST_ATTEMPTS):
        deliver(house, channel)
        later(house, 7 * 3600)
    assert states(desk) == ["dead"]

    (again,) = desk.send_again(subscription="ops", by="person:ada")
    deliver(house)

    assert receiver.ids == [again.id]
    assert states(desk) == ["delivered"]
    with house.records.reading() as books:
        (told,) = books.events.find(Kind.LETTER_SENT_AGAIN)
    assert (told.actor, told.cause) == ("person:ada", event.id)
    with pytest.raises(StateError, match="delivered, not dead"):
        desk.send_again(letter=again.id, by="person:ada")


def test_a_receiver_that_asks_for_a_pause_gets_it(house: House, desk: LoopNotify, receiver: Receiver) -> None:
    receiver.answers = lambda _: (429, {"Retry-After": "3000"})
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    happens(house, Kind.RUN_FAILED)

    (letter,) = deliver(house)

    assert 2990 < (letter.due_at - house.clock.now()).total_seconds() <= 3000


def test_a_receiver_that_is_gone_is_left_alone_and_what_happens_meanwhile_waits(
    house: House, desk: LoopNotify, receiver: Receiver
) -> None:
    receiver.answers = lambda _: (410, {})
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    happens(house, Kind.RUN_FAILED)
    (letter,) = deliver(house)
    assert (letter.state, letter.attempts) == ("dead", 1)
    assert desk.listed()[0]["because"] == "The receiver answered 410: it wants nothing more."

    happens(house, Kind.RUN_FAILED)
    assert deliver(house) == []
    receiver.answers = lambda _: (200, {})
    desk.resume("ops", by="person:ada")
    (letter,) = deliver(house)

    assert letter.state is LetterState.DELIVERED


def test_a_subscription_is_never_told_of_its_own_failure_but_another_one_is(
    house: House, desk: LoopNotify, receiver: Receiver
) -> None:
    bad = Receiver(lambda _: (410, {}))
    with receiving(bad):
        desk.add("bad", bad.url, by="person:ada", kinds=["*"])
        desk.add("ops", receiver.url, by="person:ada", kinds=["letter.died"])
        deliver(house)
        desk.resume("bad", by="person:ada")
        deliver(house)

    assert [each["data"]["subject"] for each in bodies(receiver)] == ["subscription:bad"] * len(receiver.got)
    assert {json.loads(each.body)["data"]["subject"] for each in bad.got} == {"subscription:ops"}


@on_both
def test_a_slow_receiver_delays_nobody_else(house: House, desk: LoopNotify, receiver: Receiver) -> None:
    hold = threading.Event()
    slow = Receiver(lambda _: (204, {}) if hold.wait(30) else (500, {}))
    stop = threading.Event()
    with receiving(slow):
        desk.add("slow", slow.url, by="person:ada", kinds=["run.failed"])
        desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
        happens(house, *[Kind.RUN_FAILED] * 20)
        thread = threading.Thread(target=keep_posted, args=(house, print), kwargs={"stop": stop})
        thread.start()
        try:
            wait_for(lambda: len(receiver.got) == 20)
            assert slow.got == []
            hold.set()
            wait_for(lambda: len(slow.got) == 20)
        finally:
            hold.set()
            stop.set()
            thread.join()


@on_both
def test_of_many_posts_each_letter_is_with_one(house: House, desk: LoopNotify, receiver: Receiver) -> None:
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    happens(house, *[Kind.RUN_FAILED] * 60)

    threads = [threading.Thread(target=deliver, args=(house,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deliver(house)

    assert len(receiver.ids) == 60
    assert len(set(receiver.ids)) == 60


@on_both
def test_what_a_post_had_under_way_when_it_died_is_sent_by_the_next(
    house: House, desk: LoopNotify, receiver: Receiver
) -> None:
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    happens(house, Kind.RUN_FAILED)
    lost = Remembering()
    dying = Post(house, {Channel.WEBHOOK: lost})
    dying.round()
    wait_for(lambda: lost.sent)

    assert deliver(house) == []
    later(house, LEASE_SECONDS + 1)
    (letter,) = deliver(house)
    assert dying.round() == []  # what it learned comes too late

    assert receiver.ids == [letter.id] == [lost.sent[0][0].id]
    assert (letter.state, letter.attempts) == ("delivered", 2)


@on_both
def test_events_that_nobody_wants_cost_no_writing(house: House, desk: LoopNotify, receiver: Receiver) -> None:
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    happens(house, *[Kind.WINDOW_WATCHED] * 30)
    post = Post(house)
    post.round()
    before = house.records.mark()
    happens_nothing = [post.round() for _ in range(5)]

    assert happens_nothing == [[]] * 5
    assert house.records.mark() == before
    happens(house, Kind.RUN_FAILED)
    deliver(house)
    assert len(receiver.got) == 1


def test_a_cursor_that_is_far_behind_moves_on(house: House, desk: LoopNotify, receiver: Receiver) -> None:
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    happens(house, *[Kind.WINDOW_WATCHED] * (2 * outbox.AT_ONCE + 10), Kind.RUN_FAILED)

    deliver(house)

    assert [each["type"] for each in bodies(receiver)] == ["run.failed"]


def test_a_removed_subscription_leaves_no_letter_and_no_secret_and_a_new_one_of_its_name_is_another(
    house: House, desk: LoopNotify, receiver: Receiver
) -> None:
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    happens(house, Kind.RUN_FAILED)
    deliver(house, {Channel.WEBHOOK: Remembering(Answer(500))})
    desk.remove("ops", by="person:ada")

    assert (desk.listed(), desk.letters()) == ([], [])
    with house.records.reading() as books:
        assert books.notes.get("subscription", "ops")["sealed"] == ""
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    later(house, 3600)
    assert deliver(house) == []
    happens(house, Kind.RUN_FAILED)
    assert len(deliver(house)) == 1


def test_while_a_secret_is_exchanged_both_sign_and_then_only_the_new_one(
    house: House, desk: LoopNotify, receiver: Receiver
) -> None:
    _, old = desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    new = desk.rotate("ops", by="person:ada", keep="2h")
    happens(house, Kind.RUN_FAILED)
    deliver(house)
    both = receiver.got[0]
    now = house.clock.now()
    assert kz.verify_webhook(both.headers, both.body, old, now=now)
    assert kz.verify_webhook(both.headers, both.body, new, now=now)

    later(house, 2 * 3600)
    happens(house, Kind.RUN_FAILED)
    deliver(house)
    alone, now = receiver.got[1], house.clock.now()

    assert kz.verify_webhook(alone.headers, alone.body, new, now=now)
    with pytest.raises(SignatureError):
        kz.verify_webhook(alone.headers, alone.body, old, now=now)


def test_secrets_and_addresses_are_nowhere_to_be_read(house: House, desk: LoopNotify, receiver: Receiver) -> None:
    made, secret = desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    new = desk.rotate("ops", by="person:ada")
    receiver.answers = lambda _: (500, {})
    happens(house, Kind.RUN_FAILED)
    deliver(house)
    desk.test("ops", by="person:ada")

    with house.records.reading() as books:
        kept = [books.events.after(), books.notes.all("subscription"), books.letters.newest()]
    for text in map(repr, (*kept, made, desk.listed(), desk.letters())):
        assert "s3cret" not in text
        assert not any(each in text or each.removeprefix("whsec_") in text for each in (secret, new))


def test_with_another_key_nothing_is_sent_and_the_letter_says_why(
    house: House, desk: LoopNotify, receiver: Receiver
) -> None:
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    happens(house, Kind.RUN_FAILED)
    other = replace(house, settings=replace(house.settings, key="another key that is long enough, surely"))

    (letter,) = deliver(other)

    assert (letter.state, receiver.got) == ("pending", [])
    assert "does not open with the key" in letter.said
    with pytest.raises(IntegrityError):
        LoopNotify(other).rotate("ops", by="person:ada")


def test_a_test_says_whether_it_arrived(house: House, desk: LoopNotify, receiver: Receiver) -> None:
    _, secret = desk.add("ops", receiver.url, by="person:ada")
    assert desk.test("ops", by="person:ada").is_received
    (got,) = receiver.got
    assert kz.verify_webhook(got.headers, got.body, secret)
    receiver.answers = lambda _: (401, {})

    answer = desk.test("ops", by="person:ada")

    assert (answer.is_received, answer.said) == (False, "The receiver answered 401.")
    assert deliver(house) == []


def wait_for(is_so: Any, within: float = 60) -> None:
    limit = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_a_loop_that_posts_delivers_what_happens_while_it_runs(house: House, desk: LoopNotify) -> None:
    delays: list[float] = []

    def seen(got: Got) -> tuple[int, dict[str, str]]:
        at = datetime.fromisoformat(json.loads(got.body)["timestamp"])
        delays.append((SystemClock().now() - at).total_seconds())
        return 204, {}

    said: list[str] = []
    stop = threading.Event()
    with receiving(Receiver(seen)) as receiver:
        desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
        thread = threading.Thread(target=keep_posted, args=(house, said.append), kwargs={"stop": stop})
        thread.start()
        for count in range(1, 4):
            happens(house, Kind.RUN_FAILED)
            wait_for(lambda count=count: len(receiver.got) == count)
        stop.set()
        thread.join()

    assert (len(delays), said) == (3, [])


def test_what_is_under_way_at_the_end_is_waited_for_a_while(house: House, desk: LoopNotify) -> None:
    with receiving(Receiver(lambda _: (204, {}) if not time.sleep(0.2) else (500, {}))) as receiver:
        desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
        happens(house, Kind.RUN_FAILED)
        post = Post(house)
        post.round()
        assert states(desk) == ["leased"]
        post.finish(60)

    assert states(desk) == ["delivered"]
    assert len(receiver.got) == 1


def test_the_setting_tells_whom_it_names_and_keeps_no_address_in_the_books(
    house: House, desk: LoopNotify, receiver: Receiver
) -> None:
    named = replace(house, settings=replace(house.settings, notify=f"{receiver.url} json://s3cret.example/x"))
    post = Post(named, {Channel.WEBHOOK: Remembering(), Channel.APPRISE: Remembering()})
    post.follow_setting()

    post.follow_setting()
    assert {each["to"] for each in desk.listed()} == {f"http://127.0.0.1:{receiver.port}/…", "json://…"}
    assert {each["created_by"] for each in desk.listed()} == {"system:settings"}
    with house.records.reading() as books:
        kept = repr([books.notes.all("subscription"), books.events.after()])
    assert "s3cret" not in kept

    happens(house, Kind.RUN_FAILED)
    assert deliver(house) == []  # a process whose setting names nobody leaves them to one whose setting does
    said = {Channel.WEBHOOK: Remembering(), Channel.APPRISE: Remembering()}
    assert [each.state for each in deliver(named, said)] == ["delivered"] * 2
    assert [target.address for _, target in said[Channel.APPRISE].sent] == ["json://s3cret.example/x"]
    with pytest.raises(StateError, match="The setting `notify` names"):
        desk.remove(desk.listed()[0]["name"], by="person:ada")

    without = replace(house, settings=replace(house.settings, notify=""))
    Post(without).follow_setting()
    assert desk.listed() == []


def test_one_that_has_much_to_catch_up_with_holds_up_nobody_else(
    house: House, desk: LoopNotify, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "AT_ONCE", 10)
    desk.add("behind", "http://127.0.0.1:9/", by="person:ada", kinds=["run.*"])
    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    desk.pause("behind", by="person:ada")
    happens(house, *[Kind.RUN_STARTED] * 50, Kind.RUN_FAILED)
    deliver(house)
    desk.resume("behind", by="person:ada")
    happens(house, Kind.RUN_FAILED)

    with house.records.writing() as books:
        outbox.collect(books, house.clock.now())

    assert [each.state for each in desk.letters("ops")] == ["pending", "delivered"]
    assert 0 < len(desk.letters("behind")) <= 10


def test_an_old_secret_cannot_count_for_ever(desk: LoopNotify) -> None:
    desk.add("ops", "https://hooks.example/", by="person:ada")
    for keep in ("never", "9999999999w", "soon", "0h"):
        with pytest.raises(UsageError):
            desk.rotate("ops", by="person:ada", keep=keep)


def test_whatever_goes_wrong_in_a_channel_is_an_attempt_that_failed(
    house: House, desk: LoopNotify, receiver: Receiver
) -> None:
    class Broken:
        def send(self, notice: Notice, target: Target, now: datetime) -> Answer:  # noqa: ARG002
            raise ZeroDivisionError(target.address)

    desk.add("ops", receiver.url, by="person:ada", kinds=["run.failed"])
    happens(house, Kind.RUN_FAILED)

    (letter,) = deliver(house, {Channel.WEBHOOK: Broken()})

    assert (letter.state, letter.said) == ("pending", "The channel webhook failed with ZeroDivisionError.")


@pytest.mark.parametrize("text", ["hooks.example", "https://hooks.example/ nonsense", "json://ä/"])
def test_a_setting_that_names_no_address_is_refused_without_being_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingError, match="in notify") as refused:
        settings(tmp_path, {"KAIZEN_NOTIFY": text})
    assert text.split()[-1] not in str(refused.value)


def test_what_may_be_told_beside_public_addresses_may_be_a_list(tmp_path: Path) -> None:
    (tmp_path / "kaizen.toml").write_text('notify_allow = ["10.0.0.0/8", "hooks.lan"]\nhost = "::1"\n')
    of = settings(tmp_path, {})

    assert (of.notify_allow.hosts, str(of.notify_allow.networks[0])) == ({"hooks.lan"}, "10.0.0.0/8")
    assert of.url == "http://[::1]:8400"
    with pytest.raises(SettingError, match="neither a network"):
        settings(tmp_path, {"KAIZEN_NOTIFY_ALLOW": "10.0.0.1/8"})
