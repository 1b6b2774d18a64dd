"""One turn of the loop, in order. Read this first.

::

    data ─→ run: ingest · contract · clean · train · evaluate · gate ─→ release ─→ rollout ─→ endpoint
      ↑                  (running.py, concluding.py)            (releasing.py)  (delivering.py)   │
      └── retrain ←── reason ←── alerts ←── findings ←── window of answered rows and labels ←─────┘
                      (improving.py) (alerting.py)  (watching.py)                (collecting.py)

The controller (`controller.py`) queues a turn when a window of the data's clock has passed; a worker (`worker.py`)
takes it. What a turn decides becomes jobs and rollouts, each with the event that caused it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from kaizenml.core.alert import Alert
from kaizenml.core.finding import Finding
from kaizenml.improvement.rollout import Move
from kaizenml.improvement.trigger import Decision
from kaizenml.loop import alerting, collecting, improving, watching
from kaizenml.loop.wiring import House


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one turn: what was found, what it set off, and what was decided."""

    start: datetime
    end: datetime
    findings: tuple[Finding, ...]
    opened: tuple[Alert, ...]
    move: Move | None
    decision: Decision


def go_round(house: House, endpoint: str) -> list[Turn]:
    """Take an endpoint round the loop once for every window that has passed since the last time."""
    collecting.settle(house)
    collecting.collect(house)
    turns = []
    while (window := watching.next_window(watching.situation(house, endpoint))) is not None:
        turns.append(turn(house, endpoint, *window))
    return turns


def turn(house: House, endpoint: str, start: datetime, end: datetime) -> Turn:
    """Take an endpoint once round the loop, and say what happened."""
    now = watching.situation(house, endpoint)
    seen = watching.seen(house, now, start, end)
    findings, standing, summary = watching.findings(house, now, seen)
    opened: list[Alert] = []
    with house.records.writing() as books:
        books.notes.put("standing", endpoint, msgspec.to_builtins(replace(standing, watched_until=end)))
        if len(seen.rows) or any(finding.is_breach for finding in findings):
            event = watching.tell(books, house, now.endpoint, seen, summary, findings)
            opened = alerting.raise_alerts(books, house, now.endpoint, findings, cause=event.id)
    move = improving.consider(house, now.endpoint, now.known.signature, end)
    with house.records.writing() as books:
        labelled_until = improving.labelled_until(books, endpoint, seen.labelled_until)
        decision = improving.decide(books, house, books.endpoints.get(endpoint), labelled_until=labelled_until)
    return Turn(start, end, tuple(findings), tuple(opened), move, decision)
