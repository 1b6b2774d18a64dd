"""The life of an alert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.alert import Alert, AlertState, acknowledged, fingerprint, seen
from kaizenml.core.finding import Finding, Severity
from kaizenml.errors import StateError

START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = {"b": (0.5, True), "h": (0.0, False), "-": (None, False)}


def finding(word: str) -> Finding:
    value, is_breach = WORDS[word]
    severity = Severity.WARNING if is_breach else Severity.INFO
    return Finding("drift", "age", "psi", value, None, None, 0.1, is_breach, START, START, severity, word)


def after(windows: str, hold: int = 2) -> Alert | None:
    """Return the alert after windows that are b(reach), h(ealthy) or - (no data)."""
    alert = None
    for hour, word in enumerate(windows):
        alert = seen(alert, finding(word), START + timedelta(hours=hour), endpoint="flights", hold=hold)
    return alert


@pytest.mark.parametrize(
    ("windows", "state"),
    [
        ("", None),
        ("h", None),
        ("b", AlertState.PENDING),
        ("bh", None),
        ("bb", AlertState.FIRING),
        ("bbh", AlertState.FIRING),
        ("bbhbh", AlertState.FIRING),
        ("bbhh", AlertState.RESOLVED),
        ("bbhhh", AlertState.RESOLVED),
        ("bbhhb", AlertState.PENDING),
        ("b-b", AlertState.FIRING),
        ("bbh-h", AlertState.RESOLVED),
        ("bb-----", AlertState.FIRING),
        ("--", None),
    ],
)
def test_an_alert_fires_and_resolves_only_after_windows_that_agree(windows: str, state: AlertState | None) -> None:
    alert = after(windows)

    assert (alert.state if alert else None) == state


def test_it_is_open_since_it_fired_and_dates_from_the_first_window() -> None:
    alert = after("bbb")

    assert alert is not None
    assert alert.opened_at == START + timedelta(hours=1)
    assert alert.data_at == START
    assert alert.last_seen == START + timedelta(hours=2)
    assert alert.breaches == 3


def test_a_hold_of_one_fires_at_once() -> None:
    alert = after("b", hold=1)

    assert alert is not None
    assert alert.is_open


def test_the_same_trouble_has_the_same_id_wherever_it_is_seen() -> None:
    alert = after("b")

    assert alert is not None
    assert alert.id == fingerprint("flights", "drift", "age")
    assert alert.id != fingerprint("flights", "drift", "agE")


def test_an_acknowledged_alert_stays_open_and_resolves_by_itself() -> None:
    firing = after("bb")
    assert firing is not None

    taken = acknowledged(firing, "ada", START)
    still = seen(taken, finding("h"), START, endpoint="flights", hold=2)
    done = seen(still, finding("h"), START, endpoint="flights", hold=2)

    assert taken.is_open
    assert still is not None
    assert still.state is AlertState.ACKNOWLEDGED
    assert done is not None
    assert (done.state, done.acknowledged_by, done.resolved_at) == (AlertState.RESOLVED, "ada", START)


@pytest.mark.parametrize("windows", ["b", "bbhh"])
def test_only_a_firing_alert_can_be_acknowledged(windows: str) -> None:
    alert = after(windows)
    assert alert is not None

    with pytest.raises(StateError, match="acknowledge"):
        acknowledged(alert, "ada", START)


@given(st.text("bh-", max_size=12))
def test_windows_without_data_change_nothing(windows: str) -> None:
    alert, other = after(windows), after(windows.replace("-", ""))

    assert (alert.state if alert else None) == (other.state if other else None)


@given(st.text("bh-", max_size=12), st.integers(1, 4))
def test_it_never_opens_before_its_hold(windows: str, hold: int) -> None:
    alert = after(windows, hold)

    if alert is not None and alert.is_open:
        assert "b" * hold in windows.replace("-", "")


def test_an_alert_survives_json() -> None:
    alert = after("bb")

    assert msgspec.json.decode(msgspec.json.encode(alert), type=Alert) == alert
