"""What is told of an event, and to whom."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from kaizenml.core.event import Draft, Event, Kind, chained
from kaizenml.core.notice import MOST_BODY_BYTES, MOST_TEXT, MOST_TITLE, Tone, notice_of, seconds_to_wait
from kaizenml.core.subscription import (
    Channel,
    Filter,
    Subscription,
    channel_of,
    checked_filter,
    masked,
)
from kaizenml.errors import NotFoundError, UsageError

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


def event(kind: Kind = Kind.RUN_FAILED, subject: str = "run:1", project: str = "shop", **facts: object) -> Event:
    return chained(Draft(project, "system:loop", kind, subject, facts=facts), after=None, at=NOW)


def test_a_notice_says_what_happened_to_people_and_to_programs() -> None:
    notice = notice_of(event(error="no column"), "msg_1", "no column: age", "https://ml.example")

    assert (notice.title, notice.tone) == ("shop: run failed", Tone.FAILURE)
    assert notice.text == "no column: age\nrun 1, by loop"
    assert notice.link == "https://ml.example/"
    body = json.loads(notice.body)
    assert (body["type"], body["timestamp"]) == ("run.failed", "2026-03-01T12:30:15+00:00")
    assert body["data"]["facts"] == {"error": "no column"}
    assert body["data"]["text"] == notice.text


def test_secrets_in_what_happened_do_not_leave_the_house() -> None:
    leaked = "cannot reach postgresql://ada:hunter2@db/shop with token=abcdef123456"
    notice = notice_of(event(error=leaked, deep=[{"said": leaked}]), "msg_1", leaked, "https://ml.example")

    for text in (notice.text, notice.body.decode()):
        assert "hunter2" not in text
        assert "abcdef123456" not in text


def test_long_and_large_things_are_cut() -> None:
    notice = notice_of(event(project="p" * 500, rows=["x" * 1000] * 100), "msg_1", "y" * 5000, "https://ml.example")

    assert (len(notice.title), len(notice.text)) == (MOST_TITLE, MOST_TEXT)
    body = json.loads(notice.body)
    assert len(notice.body) < MOST_BODY_BYTES
    assert body["data"]["facts"] == {}
    assert body["data"]["facts_left_out_bytes"] > 100_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("120", 120.0), (" 0 ", 0.0), ("Sun, 01 Mar 2026 12:31:15 GMT", 60.0), ("Sun, 01 Mar 2026 12:00:00 GMT", 0.0),
     ("-5", None), ("1.5", None), ("soon", None), ("", None), ("9" * 400, None), ("１２", None)],
)  # fmt: skip
def test_a_wish_to_wait_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    assert seconds_to_wait(text, NOW) == seconds


def test_without_a_wish_the_usual_kinds_are_told() -> None:
    usual = Filter()

    assert usual.passes(event(Kind.ALERT_OPENED))
    assert usual.passes(event(Kind.APPROVAL_REQUESTED))
    assert not usual.passes(event(Kind.WINDOW_WATCHED))


def test_filters_are_patterns() -> None:
    wanted = checked_filter(["alert.*", "run.failed"], ["shop-*"], ["churn"])

    assert wanted.passes(event(Kind.ALERT_OPENED, "endpoint:churn", "shop-eu"))
    assert wanted.passes(event(Kind.RUN_FAILED, "run:1", "shop-eu", endpoint="churn"))
    assert not wanted.passes(event(Kind.ALERT_OPENED, "endpoint:churn", "Shop-eu"))
    assert not wanted.passes(event(Kind.ALERT_OPENED, "endpoint:sales", "shop-eu"))
    assert not wanted.passes(event(Kind.RUN_FAILED, "run:1", "shop-eu"))
    assert not wanted.passes(event(Kind.RUN_FINISHED, "endpoint:churn", "shop-eu"))
    with pytest.raises(NotFoundError, match=r"alrt\.opened"):
        checked_filter(["alrt.opened"])
    with pytest.raises(UsageError, match="empty"):
        checked_filter(endpoints=[" "])


def test_a_subscription_is_not_told_of_itself() -> None:
    to = Subscription("ops", "5f0c", Channel.WEBHOOK, "https://…", checked_filter(["*"]), NOW, "person:ada")

    assert not to.wants(event(Kind.LETTER_DIED, "subscription:ops"))
    assert to.wants(event(Kind.LETTER_DIED, "subscription:dev"))


@pytest.mark.parametrize(
    ("address", "channel", "shown"),
    [
        ("https://hooks.example/T0/s3cret?key=s3cret", Channel.WEBHOOK, "https://hooks.example/…"),
        ("https://hooks.example:8443", Channel.WEBHOOK, "https://hooks.example:8443/"),
        ("http://[fd00::1]:9/", Channel.WEBHOOK, "http://[fd00::1]:9/"),
        ("slack://s3cret/s3cret/s3cret", Channel.APPRISE, "slack://…"),
        ("mailto://user:s3cret@example.com", Channel.APPRISE, "mailto://…"),
    ],
)
def test_an_address_is_shown_without_what_opens_it(address: str, channel: Channel, shown: str) -> None:
    assert channel_of(address) is channel
    assert masked(address, channel) == shown


def test_a_subscription_shows_nothing_sealed() -> None:
    to = Subscription("ops", "5f0c", Channel.WEBHOOK, "https://…", Filter(), NOW, "person:ada", "s3aled")

    assert "s3aled" not in repr(to)
