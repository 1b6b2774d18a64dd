"""When to retrain, and what forbids it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kaizenml.core.alert import Alert, acknowledged, seen
from kaizenml.core.declaration import Retraining
from kaizenml.core.finding import Finding, Severity
from kaizenml.improvement.trigger import Decision, Held, Retrain, reason_to_retrain

NOW = datetime(2013, 6, 1, tzinfo=UTC)
POLICY = Retraining(cooldown_days=14, most=6, per_days=90, min_new_days=7)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def alert(monitor: str, *, severity: Severity = Severity.CRITICAL, hold: int = 1, since: float = 0) -> Alert:
    said = f"{monitor} is wrong."
    finding = Finding(monitor, "", "m", 1.0, None, None, 0.5, True, NOW, NOW, severity, said)
    made = seen(None, finding, days_ago(since), endpoint="flights", hold=hold)
    assert made is not None
    return made


def decided(
    *alerts: Alert,
    trained: float | None = 60,
    labelled: float | None = 1,
    last: float | None = 60,
    count: int = 0,
) -> Decision:
    return reason_to_retrain(
        alerts,
        now=NOW,
        newest_training=None if trained is None else days_ago(trained),
        newest_labelled=None if labelled is None else days_ago(labelled),
        last_retrain_at=None if last is None else days_ago(last),
        retrains_in_period=count,
        policy=POLICY,
    )


@pytest.mark.parametrize("monitor", ["performance", "bias", "staleness"])
def test_worse_predictions_and_age_are_reasons(monitor: str) -> None:
    decision = decided(alert(monitor))

    assert decision == Retrain(alert(monitor).id, None, f"Retrain, because of {monitor}: {monitor} is wrong.")


@pytest.mark.parametrize("monitor", ["drift", "latency", "resources"])
def test_drift_alone_is_no_reason(monitor: str) -> None:
    decision = decided(alert(monitor))

    assert isinstance(decision, Held)
    assert decision.because == "no_reason"
    assert monitor in decision.sentence


def test_without_alerts_there_is_no_reason() -> None:
    assert decided() == Held("no_reason", "No alert is open, so there is no reason to retrain.")


def test_a_pending_alert_is_no_reason_yet() -> None:
    decision = decided(alert("performance", hold=2))

    assert isinstance(decision, Held)


def test_an_acknowledged_alert_is_still_a_reason() -> None:
    assert isinstance(decided(acknowledged(alert("bias"), "ada", NOW)), Retrain)


def test_live_quality_presses_more_than_age() -> None:
    decision = decided(alert("staleness", since=9), alert("drift"), alert("performance"))

    assert isinstance(decision, Retrain)
    assert decision.alert == alert("performance").id


@pytest.mark.parametrize(
    ("facts", "because", "said"),
    [
        ({"last": 3}, "cooldown", "3.0 days ago"),
        ({"count": 6}, "budget", "6 retrainings in 90 days"),
        ({"trained": 5}, "nothing_new", "4.0 days beyond"),
        ({"trained": 1, "labelled": 60}, "nothing_new", "0.0 days beyond"),
        ({"labelled": None}, "nothing_new", "No labelled row"),
    ],
)
def test_what_forbids_retraining_is_said_with_the_reason_that_remains(
    facts: dict[str, float | None], because: str, said: str
) -> None:
    decision = decided(alert("performance"), **facts)  # type: ignore[arg-type]

    assert isinstance(decision, Held)
    assert decision.because == because
    assert said in decision.sentence
    assert decision.sentence.endswith("The reason remains: performance is wrong.")
    assert decision.alert == alert("performance").id


def test_data_that_broke_a_hard_rule_must_not_be_learned_from() -> None:
    decision = decided(alert("performance"), alert("quality"))

    assert isinstance(decision, Held)
    assert decision.because == "bad_data"


def test_a_soft_rule_does_not_forbid() -> None:
    assert isinstance(decided(alert("performance"), alert("quality", severity=Severity.WARNING)), Retrain)


def test_at_the_edge_of_every_limit_it_is_allowed() -> None:
    assert isinstance(decided(alert("staleness"), last=14, count=5, trained=8, labelled=1), Retrain)


def test_a_first_retraining_and_rows_without_time_need_no_cooldown() -> None:
    assert isinstance(decided(alert("staleness"), last=None, trained=None), Retrain)


@pytest.mark.parametrize("monitor", ["quality", "contract", "source"])
def test_a_hold_names_the_alert_that_forbids(monitor: str) -> None:
    decision = decided(alert("performance"), alert(monitor))

    assert isinstance(decision, Held)
    assert decision.because == "bad_data"
    assert decision.alert == alert("performance").id
    assert decision.blocker == alert(monitor).id
