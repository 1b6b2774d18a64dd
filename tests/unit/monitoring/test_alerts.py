"""From findings to alerts to messages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kaizenml.core.alert import Alert, AlertState
from kaizenml.core.finding import Finding, Severity
from kaizenml.monitoring.alerts import Change, changes, grouped

AT = datetime(2026, 1, 1, tzinfo=UTC)


def finding(subject: str, is_breach: bool, monitor: str = "drift", severity: Severity = Severity.WARNING) -> Finding:
    return Finding(
        monitor, subject, "psi", 0.5, None, None, 0.1, is_breach, AT, AT, severity, f"{subject} is {is_breach}."
    )


def after(*windows: list[Finding], hold: int = 2) -> tuple[list[Alert], tuple[Change, ...]]:
    alerts: dict[str, Alert] = {}
    changed: tuple[Change, ...] = ()
    for findings in windows:
        changed = changes(findings, alerts.values(), AT, endpoint="e", hold=hold)
        for change in changed:
            if change.after is not None:
                alerts[change.after.id] = change.after
            elif change.before is not None:
                del alerts[change.before.id]
    return list(alerts.values()), changed


def test_two_windows_in_a_row_open_an_alert_once() -> None:
    ill = [finding("age", True), finding("size", False)]

    alerts, second = after(ill, ill)
    _, third = after(ill, ill, ill)

    assert [alert.subject for alert in alerts] == ["age"]
    assert [change.has_opened for change in second] == [True]
    assert [change.has_opened for change in third] == [False]


def test_two_healthy_windows_resolve_it_once() -> None:
    ill, well = [finding("age", True)], [finding("age", False)]

    alerts, last = after(ill, ill, well, well)
    _, none = after(ill, ill, well, well, well)

    assert alerts[0].state is AlertState.RESOLVED
    assert [change.has_resolved for change in last] == [True]
    assert none == ()


def test_a_breach_that_does_not_last_leaves_nothing() -> None:
    alerts, changed = after([finding("age", True)], [finding("age", False)])

    assert alerts == []
    assert [(change.after, change.has_opened, change.has_resolved) for change in changed] == [(None, False, False)]


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_of_two_findings_about_the_same_the_breach_counts(order: tuple[bool, bool]) -> None:
    alerts, _ = after([finding("age", is_breach) for is_breach in order], hold=1)

    assert [alert.state for alert in alerts] == [AlertState.FIRING]


def test_open_alerts_of_one_monitor_are_one_message_and_the_gravest_comes_first() -> None:
    alerts, _ = after(
        [
            finding("age", True),
            finding("size", True),
            finding("", True, "performance", Severity.CRITICAL),
        ],
        hold=1,
    )

    first, second = grouped(alerts)

    assert (first.monitor, first.severity) == ("performance", Severity.CRITICAL)
    assert (second.monitor, len(second.alerts)) == ("drift", 2)
    assert second.sentence == "age is True. And 1 more of its kind."


def test_alerts_that_are_not_open_make_no_message() -> None:
    alerts, _ = after([finding("age", True)])

    assert grouped(alerts) == ()
