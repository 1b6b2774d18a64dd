"""A finding that somebody or something must act on, and the laws of its life.

::

                 hold breaches             a person
    (nothing) → pending ──────→ firing ──────────────→ acknowledged
                   │ healthy      │ hold healthy windows      │
                   ↓              ↓                           ↓
               (nothing)       resolved ←─────────────────────┘
                                  │ breach: a new alert, pending again

A window without data is neither: it changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from kaizenml.core.digest import digest_of
from kaizenml.core.finding import Finding, Severity
from kaizenml.errors import StateError


class AlertState(StrEnum):
    """Where an alert is in its life."""

    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is the matter with one endpoint.

    Parameters
    ----------
    id
        Fingerprint of endpoint, monitor, subject: the same trouble has the same id, across restarts.
    opened_at
        When it began to fire, by the wall clock; while pending, when it was first seen.
    data_at
        The end of the window in which it began, by the clock of the data.
    last_seen
        When a window last said anything about it.
    breaches, healthy
        How many windows in a row said so, or said otherwise.
    finding
        The newest breach.
    event
        Number of the event that opened it; None until that is written.
    """

    id: str
    endpoint: str
    monitor: str
    subject: str
    severity: Severity
    state: AlertState
    opened_at: datetime
    data_at: datetime | None
    last_seen: datetime
    breaches: int
    healthy: int
    finding: Finding
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    event: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is firing, acknowledged or not."""
        return self.state in (AlertState.FIRING, AlertState.ACKNOWLEDGED)


def fingerprint(endpoint: str, monitor: str, subject: str) -> str:
    """Return the id that an alert of this trouble has: 16 hexadecimal digits."""
    return digest_of([endpoint, monitor, subject])[:16]


def seen(alert: Alert | None, finding: Finding, now: datetime, *, endpoint: str, hold: int = 2) -> Alert | None:
    """Return what becomes of an alert when one more window has been looked at; None: nothing is left of it.

    Parameters
    ----------
    alert
        The alert with the finding's `fingerprint`, if there is one.
    finding
        What the newest window says.
    now
        The wall clock.
    hold
        How many windows in a row must agree before it fires, and before it is resolved (hysteresis), ≥ 1.
    """
    if finding.is_empty:
        return alert
    if finding.is_breach:
        known = alert if alert is not None and alert.state is not AlertState.RESOLVED else None
        return _ill(known, finding, now, endpoint, hold)
    return None if alert is None else _well(alert, now, hold)


def acknowledged(alert: Alert, by: str, at: datetime) -> Alert:
    """Return the alert as taken on by somebody.

    Raises
    ------
    StateError
        If it is not firing.
    """
    if not alert.is_open:
        raise StateError(f"Alert {alert.id} is {alert.state}, so there is nothing to acknowledge.")
    return replace(alert, state=AlertState.ACKNOWLEDGED, acknowledged_by=by, acknowledged_at=at)


def _ill(alert: Alert | None, finding: Finding, now: datetime, endpoint: str, hold: int) -> Alert:
    if alert is None:
        alert = _first(finding, now, endpoint)
    else:
        alert = replace(
            alert, severity=finding.severity, last_seen=now, breaches=alert.breaches + 1, healthy=0, finding=finding
        )
    if alert.state is AlertState.PENDING and alert.breaches >= hold:
        return replace(alert, state=AlertState.FIRING, opened_at=now)
    return alert


def _first(finding: Finding, now: datetime, endpoint: str) -> Alert:
    return Alert(
        id=fingerprint(endpoint, finding.monitor, finding.subject),
        endpoint=endpoint,
        monitor=finding.monitor,
        subject=finding.subject,
        severity=finding.severity,
        state=AlertState.PENDING,
        opened_at=now,
        data_at=finding.window_end,
        last_seen=now,
        breaches=1,
        healthy=0,
        finding=finding,
    )


def _well(alert: Alert, now: datetime, hold: int) -> Alert | None:
    if alert.state is AlertState.PENDING:
        return None
    if alert.state is AlertState.RESOLVED:
        return alert
    healthier = replace(alert, last_seen=now, breaches=0, healthy=alert.healthy + 1)
    if healthier.healthy < hold:
        return healthier
    return replace(healthier, state=AlertState.RESOLVED, resolved_at=now)
