"""From findings to alerts: opened, kept, resolved, each time with an event that names its cause."""

from __future__ import annotations

from dataclasses import replace

from kaizenml.core.alert import Alert
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Draft, Event, Kind
from kaizenml.core.finding import Finding
from kaizenml.core.ports import Books
from kaizenml.loop.wiring import House
from kaizenml.monitoring.alerts import Change, changes

#: Windows in a row that must agree before an alert fires, where the monitor has no detector of its own.
HOLD = 2
#: Monitors that have weighed their evidence themselves: one breach is enough.
SURE = ("staleness",)


def raise_alerts(books: Books, house: House, endpoint: Endpoint, findings: list[Finding], *, cause: int) -> list[Alert]:
    """Write what a window changes in the alerts of an endpoint; return those that have just begun to fire."""
    now = house.clock.now()
    alerts = books.alerts.unresolved(endpoint.name)
    sure = [finding for finding in findings if _is_sure(finding)]
    rest = [finding for finding in findings if not _is_sure(finding)]
    changed = (
        *changes(sure, alerts, now, endpoint=endpoint.name, hold=1),
        *changes(rest, alerts, now, endpoint=endpoint.name, hold=HOLD),
    )
    for change in changed:
        _write(books, house, endpoint, change, cause=cause)
    return [change.after for change in changed if change.after is not None and change.has_opened]


def _is_sure(finding: Finding) -> bool:
    return finding.monitor in SURE or (finding.monitor == "performance" and finding.subject == "loss")


def _write(books: Books, house: House, endpoint: Endpoint, change: Change, *, cause: int) -> None:
    after = change.after
    if after is None:
        if change.before is not None:
            books.alerts.forget(change.before.id)  # it was pending and came to nothing
        return
    if change.has_opened:
        event = _tell_alert(books, house, endpoint, after, Kind.ALERT_OPENED, cause)
        after = replace(after, event=event.id)
    elif change.has_resolved:
        _tell_alert(books, house, endpoint, after, Kind.ALERT_RESOLVED, after.event)
    books.alerts.save(after)


def _tell_alert(books: Books, house: House, endpoint: Endpoint, alert: Alert, kind: Kind, cause: int | None) -> Event:
    facts = {"alert": alert.id, "monitor": alert.monitor, "about": alert.subject, "severity": alert.severity,
             "said": alert.finding.sentence}  # fmt: skip
    draft = Draft(
        endpoint.project, f"monitor:{alert.monitor}", kind, f"endpoint:{endpoint.name}", cause,
        alert.finding.window_end, facts,
    )  # fmt: skip
    return books.events.append(draft, house.clock.now())
