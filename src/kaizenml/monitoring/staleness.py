"""How old what the model knows is, by the clock of the data."""

from __future__ import annotations

from datetime import datetime

from kaizenml.core.finding import Finding, Severity
from kaizenml.core.monitor import Staleness

DAY = 86_400.0


def age_days(newest_training: datetime, data_now: datetime) -> float:
    """Return how many days the newest training row is old; 0 if it is from the future."""
    return max(0.0, (data_now - newest_training).total_seconds() / DAY)


def staleness_finding(newest_training: datetime | None, data_now: datetime, rules: Staleness) -> Finding:
    """Return whether the serving model's newest training row is older than the limit.

    Parameters
    ----------
    newest_training
        Time of the newest row that it learned from; None if rows have no time.
    data_now
        What time it is on the clock of the data, which in a rehearsal is not the wall's.
    """
    if newest_training is None:
        sentence = "The training rows have no time, so their age is not known; declare a time column."
        return _finding(None, rules, newest_training, data_now, is_breach=False, sentence=sentence)
    age = age_days(newest_training, data_now)
    is_breach = age > rules.days
    sentence = (
        f"The newest training row is from {newest_training:%Y-%m-%d}, {age:.1f} days ago; "
        f"{'more' if is_breach else 'no more'} than the {rules.days:g} days that are tolerated."
    )
    return _finding(age, rules, newest_training, data_now, is_breach=is_breach, sentence=sentence)


def _finding(
    age: float | None,
    rules: Staleness,
    newest_training: datetime | None,
    data_now: datetime,
    *,
    is_breach: bool,
    sentence: str,
) -> Finding:
    return Finding(
        monitor="staleness",
        subject="",
        metric="age_days",
        value=age,
        low=None,
        high=None,
        limit=rules.days,
        is_breach=is_breach,
        window_start=newest_training,
        window_end=data_now,
        severity=Severity.WARNING if is_breach else Severity.INFO,
        sentence=sentence,
    )
