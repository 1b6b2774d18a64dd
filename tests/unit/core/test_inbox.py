"""What waits for people, in which order, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kaizenml.core.alert import Alert, AlertState
from kaizenml.core.approval import Review, approval
from kaizenml.core.digest import digest_of
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.finding import Finding, Severity
from kaizenml.core.gate import Check, Verdict
from kaizenml.core.inbox import Move, Unlabelled, Wants, inbox
from kaizenml.core.release import Parts, Release, ReleaseState

KEY = b"key"
NOW = datetime(2024, 1, 1, tzinfo=UTC)
FOUND = Finding("drift", "hour", "psi", 0.3, 0.2, 0.4, 0.1, True, NOW, NOW, Severity.WARNING, "hour moved by 0.3")


def plain(number, state=ReleaseState.GATED, **more):
    parts = Parts(*(digest_of([number, part]) for part in range(5)))
    at = NOW + timedelta(hours=number)
    made = Release("flights", number, parts, parts.digest, f"flights:{number}", "run", "ada", state, Verdict(()), at)
    return replace(made, **more)


def alert(state=AlertState.FIRING, subject="hour"):
    return Alert(subject, "flights", "drift", subject, Severity.WARNING, state, NOW, NOW, NOW, 2, 0, FOUND)


def found(*releases, champion="", rollout="", alerts=()):
    serving = [Endpoint("flights", "flights", champion, rollout=rollout)] if champion else []
    return [(item.wants, item.subject) for item in inbox(releases, serving, alerts, NOW, KEY)]


def test_nothing_waits_where_nothing_is():
    assert found() == []


def test_alerts_come_first_then_decisions_the_longest_waiting_first():
    alerts = [alert(), alert(AlertState.ACKNOWLEDGED, subject="day"), alert(AlertState.PENDING, subject="month")]

    waits = found(plain(3), plain(2), champion="flights/1", alerts=alerts)

    assert [wants for wants, _ in waits] == [Wants.LOOK, Wants.DECIDE, Wants.DECIDE]
    assert [subject for _, subject in waits[1:]] == ["release:flights/2", "release:flights/3"]


def test_what_is_older_than_the_champion_waits_no_more():
    assert found(plain(1), plain(2), champion="flights/2") == []


def test_an_approval_that_lapsed_waits_to_be_renewed_unless_a_rollout_is_under_way():
    made = plain(2, ReleaseState.PACKAGED)
    fresh = approval("person:bob", made.digest, made.review, NOW, KEY)
    lapsed = approval("person:bob", made.digest, made.review, NOW - timedelta(days=31), KEY)

    assert found(replace(made, approvals=(fresh,)), champion="flights/1") == []
    assert found(replace(made, approvals=(lapsed,)), champion="flights/1") == [(Wants.RENEW, "release:flights/2")]
    assert found(replace(made, approvals=(lapsed,)), champion="flights/1", rollout="r") == []


def test_a_gate_that_holds_a_model_back_is_told_of_until_a_newer_release_comes():
    held = plain(2, ReleaseState.PROPOSED, verdict=Verdict((Check("size", False, 9.0, 5.0, "It is 9 MB."),)))

    assert found(held, champion="flights/1") == [(Wants.IMPROVE, "release:flights/2")]
    assert found(held, plain(3), champion="flights/1") == [(Wants.DECIDE, "release:flights/3")]
    assert found(held, plain(3, ReleaseState.DECLINED), champion="flights/1") == [(Wants.IMPROVE, "release:flights/2")]


def test_an_item_says_what_it_is_about_and_what_deals_with_it():
    asked = replace(plain(2), review=Review(2, ("eve", "zoe")))
    given = approval("person:eve", asked.digest, asked.review, NOW, KEY)

    (item,) = inbox([replace(asked, approvals=(given,))], [], [], NOW, KEY)

    assert item.says == "flights/2 passed its gate; 1 of 2 people of eve, zoe have approved it."
    assert item.then == "kaizen approve flights/2"


def test_refused_moves_and_rows_without_label_wait_among_the_rest():
    move = Move("churn", "champion", "churn:2", "shop", "person:ada", NOW, 1, 2, ("eve", "zoe"))
    away = Move("churn", "live", "churn", "shop", "person:ada", NOW + timedelta(hours=9), 0, 1)
    queue = Unlabelled("flights", 1200, NOW)
    lapsed = approval("person:bob", plain(1).digest, Review(), NOW - timedelta(days=31), KEY)
    old = plain(1, ReleaseState.PACKAGED, approvals=(lapsed,))

    items = inbox([plain(2), old], [], [alert()], NOW, KEY, moves=[away, move], unlabelled=[queue])

    assert [(item.wants, item.subject) for item in items] == [
        (Wants.LOOK, "alert:hour"), (Wants.DECIDE, "model:churn:2"), (Wants.DECIDE, "release:flights/2"),
        (Wants.DECIDE, "model:churn"), (Wants.RENEW, "release:flights/1"), (Wants.LABEL, "queue:flights"),
    ]  # fmt: skip
    said = {item.subject: (item.says, item.then) for item in items}
    assert said["model:churn:2"] == (
        "person:ada asked: champion of churn shall name churn:2; 1 of 2 people of eve, zoe have approved it.",
        "kaizen models approve churn:2 --alias champion",
    )
    assert said["model:churn"] == (
        "person:ada asked: live of churn shall be taken away; 0 of 1 people have approved it.",
        "kaizen models approve churn --alias live",
    )
    assert said["queue:flights"] == ("1,200 rows of flights wait for a label.", "kaizen label flights")
