"""From what monitors found to what somebody must act on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from kaizenml.core.alert import Alert, AlertState, fingerprint, seen
from kaizenml.core.finding import Finding, Severity

_ORDER = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


@dataclass(frozen=True, slots=True)
class Change:
    """What one window did to one alert.

    Parameters
    ----------
    before, after
        The alert as it was and as it is; None: there was none, or nothing is left (a pending alert that did not last).
    """

    before: Alert | None
    after: Alert | None

    @property
    def has_opened(self) -> bool:
        """Whether it has just begun to fire."""
        return self.after is not None and self.after.is_open and not (self.before is not None and self.before.is_open)

    @property
    def has_resolved(self) -> bool:
        """Whether it has just been resolved."""
        was_open = self.before is not None and self.before.is_open
        return was_open and self.after is not None and self.after.state is AlertState.RESOLVED


@dataclass(frozen=True, slots=True)
class Group:
    """The open alerts of one endpoint and monitor, told as one message."""

    endpoint: str
    monitor: str
    severity: Severity
    alerts: tuple[Alert, ...]
    sentence: str


def changes(
    findings: Iterable[Finding], alerts: Iterable[Alert], now: datetime, *, endpoint: str, hold: int = 2
) -> tuple[Change, ...]:
    """Return what a window's findings change, in the findings' order; what stays as it is is left out.

    Parameters
    ----------
    findings
        Of one window; of several about the same thing, breaches count before all-clears.
    alerts
        The endpoint's known alerts, open or not.
    hold
        How many windows in a row must agree, see `kaizenml.core.alert.seen`.
    """
    known = {alert.id: alert for alert in alerts}
    changed = []
    for id_, finding in _decisive(findings, endpoint).items():
        before = known.get(id_)
        after = seen(before, finding, now, endpoint=endpoint, hold=hold)
        if after != before:
            changed.append(Change(before, after))
    return tuple(changed)


def grouped(alerts: Iterable[Alert]) -> tuple[Group, ...]:
    """Return the open alerts as one message per endpoint and monitor, the gravest first."""
    groups: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        if alert.is_open:
            groups.setdefault((alert.endpoint, alert.monitor), []).append(alert)
    made = [_group(endpoint, monitor, members) for (endpoint, monitor), members in groups.items()]
    return tuple(sorted(made, key=lambda group: (-_ORDER[group.severity], group.endpoint, group.monitor)))


def _decisive(findings: Iterable[Finding], endpoint: str) -> dict[str, Finding]:
    decisive: dict[str, Finding] = {}
    for finding in findings:
        id_ = fingerprint(endpoint, finding.monitor, finding.subject)
        if id_ not in decisive or (finding.is_breach and not decisive[id_].is_breach) or decisive[id_].is_empty:
            decisive[id_] = finding
    return decisive


def _group(endpoint: str, monitor: str, members: list[Alert]) -> Group:
    gravest = max((alert.severity for alert in members), key=_ORDER.__getitem__)
    first = max(members, key=lambda alert: _ORDER[alert.severity])
    more = f" And {len(members) - 1} more of its kind." if len(members) > 1 else ""
    return Group(endpoint, monitor, gravest, tuple(members), first.finding.sentence + more)
