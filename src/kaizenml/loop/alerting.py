"""From findings to alerts: opened, kept, resolved, each time with an event that names its cause."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kaizenml.core.alert import Alert
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Draft, Event, Kind
from kaizenml.core.finding import Finding, Severity
from kaizenml.core.ports import Books
from kaizenml.loop.wiring import House
from kaizenml.monitoring.alerts import Change, changes

#: Windows in a row that must agree before an alert fires, where the monitor has no detector of its own.
HOLD = 2
#: Monitors that have weighed their evidence themselves: one breach is enough.
SURE = ("staleness",)


@dataclass(frozen=True, slots=True)
class About:
    """What alerts are about: an endpoint, or the data of a project, which are kept under the project's name."""

    project: str
    name: str
    subject: str


def raise_alerts(books: Books, house: House, endpoint: Endpoint, findings: list[Finding], *, cause: int) -> list[Alert]:
    """Write what a window changes in the alerts of an endpoint; return those that have just begun to fire."""
    now, about = house.clock.now(), About(endpoint.project, endpoint.name, f"endpoint:{endpoint.name}")
    alerts = books.alerts.unresolved(endpoint.name)
    sure = [finding for finding in findings if _is_sure(finding)]
    rest = [finding for finding in findings if not _is_sure(finding)]
    changed = (
        *changes(sure, alerts, now, endpoint=endpoint.name, hold=1),
        *changes(rest, alerts, now, endpoint=endpoint.name, hold=HOLD),
    )
    return _written(books, house, about, changed, cause=cause)


def raise_data_alerts(
    books: Books, house: House, project: str, monitor: str, findings: list[Finding], *, cause: int | None
) -> list[Alert]:
    """Write what one look at a project's data changes in the alerts of a monitor; return those that begin to fire.

    An open alert that none of the findings is about is resolved: the data keep that rule now.
    """
    now, about = house.clock.now(), About(project, project, f"project:{project}")
    alerts = [each for each in books.alerts.unresolved(project) if each.monitor == monitor]
    told = {each.subject for each in findings}
    kept = [_kept(each.finding) for each in alerts if each.subject not in told]
    changed = changes([*findings, *kept], alerts, now, endpoint=project, hold=1)
    return _written(books, house, about, changed, cause=cause)


def _kept(finding: Finding) -> Finding:
    return replace(finding, value=0.0, is_breach=False, severity=Severity.INFO, sentence="The data keep this rule now.")


def _written(
    books: Books, house: House, about: About, changed: tuple[Change, ...], *, cause: int | None
) -> list[Alert]:
    for change in changed:
        _write(books, house, about, change, cause=cause)
    return [change.after for change in changed if change.after is not None and change.has_opened]


def _is_sure(finding: Finding) -> bool:
    return finding.monitor in SURE or (finding.monitor == "performance" and finding.subject == "loss")


def _write(books: Books, house: House, about: About, change: Change, *, cause: int | None) -> None:
    after = change.after
    if after is None:
        if change.before is not None:
            books.alerts.forget(change.before.id)  # it was pending and came to nothing
        return
    if change.has_opened:
        event = _tell_alert(books, house, about, after, Kind.ALERT_OPENED, cause)
        after = replace(after, event=event.id)
    elif change.has_resolved:
        _tell_alert(books, house, about, after, Kind.ALERT_RESOLVED, after.event)
    books.alerts.save(after)


def _tell_alert(books: Books, house: House, about: About, alert: Alert, kind: Kind, cause: int | None) -> Event:
    facts = {"alert": alert.id, "monitor": alert.monitor, "about": alert.subject, "severity": alert.severity,
             "said": alert.finding.sentence}  # fmt: skip
    draft = Draft(
        about.project, f"monitor:{alert.monitor}", kind, about.subject, cause,
        alert.finding.window_end or house.data_at(books), facts,
    )  # fmt: skip
    return books.events.append(draft, house.clock.now())
