"""How well the loop delivers, as walks over the event log: every event names the one that caused it.

After DORA's four keys, for releases that data cause as well as code. Speed is never told without the share of failures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import median

from kaizenml.core.event import Event, Kind

_DAY = 86_400.0
_PERSONAL = frozenset({Kind.APPROVAL_GRANTED, Kind.APPROVAL_REQUESTED, Kind.ALERT_ACKNOWLEDGED})


class Clock(StrEnum):
    """By which clock durations are measured."""

    WALL = "wall"
    DATA = "data"  # that of the data, where an event has it: what a rehearsal would have taken


@dataclass(frozen=True, slots=True)
class Measure:
    """One delivery metric.

    Parameters
    ----------
    value
        None when there is not enough data.
    unit
        ``"per week"``, ``"seconds"`` or ``"share"``.
    count
        How many cases it is made of.
    sentence
        The same in words; ``"not enough data"`` when there is no case.
    """

    name: str
    value: float | None
    unit: str
    count: int
    sentence: str


def delivery(events: Iterable[Event], *, clock: Clock = Clock.WALL) -> tuple[Measure, ...]:
    """Return all delivery metrics of a log, or of the part of it that belongs to one project."""
    log = {event.id: event for event in events}
    return (
        deployment_frequency(log, clock),
        lead_time(log, clock),
        loop_closure(log, clock),
        change_failures(log),
        recovery_time(log, clock),
        automation(log),
        retrain_yield(log),
    )


def deployment_frequency(log: Mapping[int, Event], clock: Clock = Clock.WALL) -> Measure:
    """Return how many rollouts reached all traffic, per week from the first to the last event (≥ 1 week)."""
    finished = _of(log, Kind.ROLLOUT_FINISHED)
    if not finished:
        return _unknown("deployment_frequency", "per week")
    timed = [event for event in log.values() if clock is Clock.WALL or event.data_at is not None]
    times = [_moment(event, clock) for event in timed or finished]
    weeks = max(1.0, (max(times) - min(times)).total_seconds() / (7 * _DAY))
    return _known("deployment_frequency", len(finished) / weeks, "per week", len(finished))


def lead_time(log: Mapping[int, Event], clock: Clock = Clock.WALL) -> Measure:
    """Return the median time from the arrival of the newest data in a release to all traffic on it."""
    spans = [
        _seconds(arrived, finished, clock)
        for finished in _of(log, Kind.ROLLOUT_FINISHED)
        if (arrived := _data_of(finished, log)) is not None
    ]
    return _middle("lead_time_data", spans)


def loop_closure(log: Mapping[int, Event], clock: Clock = Clock.WALL) -> Measure:
    """Return the median time from an alert to all traffic on the release that it caused."""
    spans = [
        _seconds(alert, finished, clock)
        for finished in _of(log, Kind.ROLLOUT_FINISHED)
        if (alert := _ancestor(finished, log, Kind.ALERT_OPENED)) is not None
    ]
    return _middle("loop_closure_time", spans)


def change_failures(log: Mapping[int, Event]) -> Measure:
    """Return the share of rollouts that had to be undone after users had met the new release."""
    failed, ended = len(_failures(log)), len(_ended(log))
    return _share("change_failure_rate", failed, ended, "rollouts that users met failed")


def recovery_time(log: Mapping[int, Event], clock: Clock = Clock.WALL) -> Measure:
    """Return the median time from the start of a bad rollout to all traffic back on the release before."""
    failures = _failures(log).items()
    return _middle("recovery_time", [_seconds(log[start], restored, clock) for start, restored in failures])


def automation(log: Mapping[int, Event]) -> Measure:
    """Return the share of finished rollouts in whose causes no person acted but to approve."""
    finished = _of(log, Kind.ROLLOUT_FINISHED)
    alone = sum(not any(_is_personal(event) for event in _chain(one, log)) for one in finished)
    return _share("automation_rate", alone, len(finished), "releases needed no person but to approve")


def retrain_yield(log: Mapping[int, Event]) -> Measure:
    """Return the share of automatic retrainings whose model reached all traffic; a low one means too eager triggers."""
    fired = _of(log, Kind.TRIGGER_FIRED)
    causes = [_ancestor(event, log, Kind.TRIGGER_FIRED) for event in _of(log, Kind.ROLLOUT_FINISHED)]
    yielded = {cause.id for cause in causes if cause is not None}
    return _share("retrain_yield", len(yielded), len(fired), "retrainings brought a release")


def _failures(log: Mapping[int, Event]) -> dict[int, Event]:
    """Return, for each failed rollout's start, the event by which the release before was restored."""
    failures: dict[int, Event] = {}
    for event in _of(log, Kind.ROLLOUT_ABORTED):
        start = _start_of(event, log)
        if start is not None and _was_met(event):
            failures[start.id] = event
    for event in _of(log, Kind.ROLLBACK_FINISHED):
        start = _start_of(event, log)
        if start is not None:
            failures[start.id] = event
    return failures


def _ended(log: Mapping[int, Event]) -> set[int]:
    """Return the starts of the rollouts that users met and that are over."""
    ends = [*_of(log, Kind.ROLLOUT_FINISHED), *filter(_was_met, _of(log, Kind.ROLLOUT_ABORTED))]
    starts = [_start_of(event, log) for event in ends]
    return {start.id for start in starts if start is not None} | set(_failures(log))


def _was_met(aborted: Event) -> bool:
    """Say whether an aborted rollout ever had traffic; one that does not say is taken to have had some."""
    return aborted.facts.get("max_share") != 0


def _start_of(event: Event, log: Mapping[int, Event]) -> Event | None:
    """Return the start of the rollout that an event ends: along its causes, else the last of its subject before."""
    start = _ancestor(event, log, Kind.ROLLOUT_STARTED)
    if start is not None:
        return start
    before = [e for e in _of(log, Kind.ROLLOUT_STARTED) if e.subject == event.subject and e.id < event.id]
    return max(before, key=lambda e: e.id, default=None)


def _data_of(finished: Event, log: Mapping[int, Event]) -> Event | None:
    """Return the newest arrival of data among the causes of a release, or noted by one of them."""
    kinds = (Kind.DATA_ARRIVED, Kind.SNAPSHOT_CREATED)
    chain = {event.id for event in _chain(finished, log)}
    found = [e for e in log.values() if e.kind in kinds and (e.id in chain or e.cause in chain)]
    arrived = [e for e in found if e.kind == Kind.DATA_ARRIVED] or found
    return max(arrived, key=lambda e: e.id, default=None)


def _chain(event: Event, log: Mapping[int, Event]) -> Iterator[Event]:
    """Yield an event and its causes, up to the root; a cause is always older, so a forged circle ends too."""
    current: Event | None = event
    while current is not None:
        yield current
        older = log.get(current.cause) if current.cause is not None else None
        current = older if older is not None and older.id < current.id else None


def _ancestor(event: Event, log: Mapping[int, Event], kind: Kind) -> Event | None:
    return next((cause for cause in _chain(event, log) if cause.kind == kind), None)


def _is_personal(event: Event) -> bool:
    return event.actor.startswith("person:") and event.kind not in _PERSONAL


def _of(log: Mapping[int, Event], kind: Kind) -> list[Event]:
    return [event for event in log.values() if event.kind == kind]


def _moment(event: Event, clock: Clock) -> datetime:
    return event.data_at if clock is Clock.DATA and event.data_at is not None else event.at


def _seconds(start: Event, end: Event, clock: Clock) -> float:
    """Return the time between two events; by the wall unless both have a time on the data's clock."""
    both = Clock.WALL if start.data_at is None or end.data_at is None else clock
    return max(0.0, (_moment(end, both) - _moment(start, both)).total_seconds())


def _middle(name: str, spans: list[float]) -> Measure:
    return _known(name, median(spans), "seconds", len(spans)) if spans else _unknown(name, "seconds")


def _share(name: str, part: int, whole: int, said: str) -> Measure:
    if not whole:
        return _unknown(name, "share")
    return Measure(name, part / whole, "share", whole, f"{part} of {whole} {said}")


def _known(name: str, value: float, unit: str, count: int) -> Measure:
    said = duration(value) if unit == "seconds" else f"{value:.2g} {unit}"
    return Measure(name, value, unit, count, f"{said}, of {count} release{'s' if count != 1 else ''}")


def _unknown(name: str, unit: str) -> Measure:
    return Measure(name, None, unit, 0, "not enough data")


def duration(seconds: float) -> str:
    """Return a span of time as people say it: ``"42 s"``, ``"5.0 min"``, ``"3.2 h"``, ``"1.5 days"``."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < _DAY else f"{seconds / _DAY:.1f} days"
