"""What is wrong with a project's data becomes alerts, so that somebody acts, and nothing is learned from broken data.

Two monitors: ``contract`` says which rules the newest rows break, ``source`` that no rows could be read. What a rule of
one row breaks goes to quarantine, and is no alert; a soft rule is a warning; a hard rule of the table as a whole, and a
source that cannot be read, are critical: they hold back retraining (`kaizenml.improvement.trigger`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kaizenml.core.contract import Severity as RuleSeverity
from kaizenml.core.finding import Finding, Severity
from kaizenml.data.enforce_table import RuleFinding
from kaizenml.errors import SourceError
from kaizenml.loop.alerting import raise_data_alerts
from kaizenml.loop.loading_data import Gathered, gather
from kaizenml.loop.wiring import House, Say
from kaizenml.project import Project

CONTRACT, SOURCE = "contract", "source"
#: The alert that the rows as a whole are refused.
WHOLE = "table"


def gathered(project: Project, folder: Path, house: House, say: Say, *, cause: int | None) -> Gathered:
    """Load what is new, see `gather`; a source that could be read before and cannot any more raises an alert.

    Raises
    ------
    SourceError
        For whatever cannot be read.
    """
    try:
        found = gather(project, folder, house, say, cause=cause)
    except SourceError as error:
        if _has_snapshot(house, project.name):
            _raise(house, project.name, SOURCE, [_unreadable(error)], cause=cause)
        raise
    _raise(house, project.name, SOURCE, [], cause=cause)
    return found


def tell(
    house: House, project: str, findings: Sequence[RuleFinding], refused: SourceError | None, *, cause: int | None
) -> None:
    """Raise an alert for each soft rule that the rows break and for what refuses them; resolve those they keep."""
    found = [_soft(each) for each in findings if each.severity is RuleSeverity.SOFT]
    if refused is not None:
        found.append(_finding(CONTRACT, WHOLE, "refused", 1.0, Severity.CRITICAL, refused.message))
    _raise(house, project, CONTRACT, found, cause=cause)


def is_refused(house: House, project: str) -> bool:
    """Say whether an alert is open that the rows as a whole break the contract."""
    with house.records.reading() as books:
        return any(each.monitor == CONTRACT and each.subject == WHOLE for each in books.alerts.unresolved(project))


def _raise(house: House, project: str, monitor: str, findings: list[Finding], *, cause: int | None) -> None:
    with house.records.reading() as books:
        is_quiet = not findings and not any(each.monitor == monitor for each in books.alerts.unresolved(project))
    if not is_quiet:
        with house.records.writing() as books:
            raise_data_alerts(books, house, project, monitor, findings, cause=cause)


def _has_snapshot(house: House, project: str) -> bool:
    with house.records.reading() as books:
        return bool(books.snapshots.newest(project, limit=1))


def _soft(broken: RuleFinding) -> Finding:
    subject = f"{broken.column}.{broken.rule}" if broken.column else str(broken.rule)
    sentence = f"{broken.reason} ({broken.count:,} rows, {broken.share:.1%})."
    return _finding(CONTRACT, subject, str(broken.rule), broken.share, Severity.WARNING, sentence)


def _unreadable(error: SourceError) -> Finding:
    return _finding(SOURCE, "", "unreadable", None, Severity.CRITICAL, f"{error.message} {error.hint}".strip())


def _finding(
    monitor: str, subject: str, metric: str, value: float | None, severity: Severity, sentence: str
) -> Finding:
    return Finding(monitor, subject, metric, value, None, None, None, True, None, None, severity, sentence)
