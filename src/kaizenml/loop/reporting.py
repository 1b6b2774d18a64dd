"""What the event log says of the loop: delivery metrics by both clocks, and the timeline with its causes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaizenml.core.event import Event, Kind
from kaizenml.core.ports import Books
from kaizenml.improvement.delivery import Clock, delivery

#: What a timeline leaves out: things that happen at every window.
ROUTINE = frozenset({Kind.WINDOW_WATCHED, Kind.CLOCK_ADVANCED})
_ALL = 10_000_000


def delivery_of(books: Books) -> dict[str, dict[str, Any]]:
    """Return every delivery metric by name: by the wall's clock, and by the data's."""
    log = books.events.after(0, limit=_ALL)
    wall, data = delivery(log, clock=Clock.WALL), delivery(log, clock=Clock.DATA)
    return {
        each.name: {
            "value": each.value,
            "unit": each.unit,
            "count": each.count,
            "by_data_clock": beside.value,
            "note": each.sentence,
        }
        for each, beside in zip(wall, data, strict=True)
    }


def timeline(books: Books) -> list[Event]:
    """Return what happened, oldest first, without what happens at every window."""
    return [event for event in books.events.after(0, limit=_ALL) if event.kind not in ROUTINE]


def sentence(event: Event) -> str:
    """Return an event in a line for people."""
    facts, what = event.facts, event.facts.get("release", "?")
    match event.kind:
        case Kind.ALERT_OPENED | Kind.ALERT_RESOLVED:
            return str(facts.get("said", ""))
        case Kind.ROLLOUT_STEP:
            return f"{what} takes {_number(facts, 'share'):.0%} of the traffic"
        case Kind.ROLLOUT_STARTED:
            return f"{what} beside {facts.get('champion', '?')}, steps {facts.get('steps', '?')} %"
        case Kind.ROLLOUT_ABORTED | Kind.TRIGGER_FIRED | Kind.TRIGGER_HELD:
            return str(facts.get("because", ""))
        case Kind.GATE_OVERRIDDEN | Kind.CONTRACT_ACCEPTED | Kind.ROWS_ERASED | Kind.ROW_DECIDED:
            return str(facts.get("because", ""))
        case Kind.ROLLBACK_FINISHED:
            seconds, share = _number(facts, "seconds_to_restore"), _number(facts, "max_share")
            return f"{what} taken back in {seconds:.1f} s; it never had more than {share:.0%} of the traffic"
        case Kind.APPROVAL_GRANTED if _number(facts, "needed") > 1:
            return f"{_number(facts, 'given'):.0f} of {_number(facts, 'needed'):.0f}"
        case Kind.CHAMPION_CHANGED | Kind.ROLLOUT_FINISHED:
            return f"{what} serves" + (f" in place of {facts.get('before', '?')}" if facts.get("before") else "")
        case Kind.BACKTEST_FINISHED:
            return str(facts.get("evidence", ""))
        case Kind.GATE_PASSED | Kind.GATE_FAILED:
            checks = facts.get("checks", {})
            return " ".join(map(str, checks.values())) if isinstance(checks, dict) else ""
        case Kind.SNAPSHOT_CREATED:
            return f"{_number(facts, 'rows'):,.0f} rows, {_number(facts, 'live'):,.0f} of them answered by the endpoint"
        case Kind.QUEUE_FILLED:
            return f"{_number(facts, 'tasks'):,.0f} rows to label, {_number(facts, 'control'):,.0f} of them by chance"
        case Kind.LABEL_ADDED:
            return str(facts.get("value", ""))
        case Kind.LABELS_IMPORTED:
            return f"{_number(facts, 'labels'):,.0f} labels"
        case Kind.LABELS_JOINED:
            joined, waiting = _number(facts, "joined"), _number(facts, "waiting")
            return f"{joined:,.0f} labels joined, {waiting:,.0f} wait for their row"
        case Kind.ROWS_QUARANTINED:
            return f"{_number(facts, 'rows'):,.0f} rows kept aside"
        case Kind.DATA_ARRIVED:
            return f"{facts.get('file', '?')}: {_number(facts, 'rows'):,.0f} rows"
        case Kind.APPROVAL_REQUESTED:
            people = _number(facts, "needed") or 1
            return f"{_name(event)} waits for {people:.0f} {'person' if people == 1 else 'people'} to decide"
        case Kind.ALIAS_MOVED:
            to = facts.get("version")
            return f"{facts.get('alias', '?')} is {'no version any more' if to is None else f'version {to}'}"
        case Kind.RUN_FAILED | Kind.JOB_FAILED:
            return str(facts.get("error", ""))
        case Kind.BLOB_DAMAGED:
            more, by = _number(facts, "needed") - 1, facts.get("needed_by")
            record, _, what = str(by[0] if isinstance(by, list) and by else "").partition(": ")
            whose = f"it is the {what!r} of {record}" if record else "nothing needs it"
            return f"damaged, and in quarantine: {whose}{f', and {more:,.0f} more need it' if more > 0 else ''}"
        case Kind.LETTER_DIED:
            return f"gave up after {_number(facts, 'attempts'):.0f} attempts: {facts.get('said', '')}"
        case Kind.SUBSCRIPTION_PAUSED:
            return str(facts.get("because", ""))
        case Kind.SUBSCRIPTION_TESTED:
            return "This is a test: nothing has happened."
        case _:
            return ""


def _name(event: Event) -> str:
    return event.subject.partition(":")[2]


def _number(facts: Mapping[str, object], name: str) -> float:
    value = facts.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0
