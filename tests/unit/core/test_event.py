"""The hash-chained log: any edit is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.digest import Digest
from kaizenml.core.event import GENESIS, Draft, Event, Kind, causes, chained, verify
from kaizenml.errors import IntegrityError

NOW = datetime(2024, 1, 1, tzinfo=UTC)
FACTS = st.dictionaries(
    st.text(max_size=8), st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=8)), max_size=3
)
DRAFTS = st.builds(
    Draft,
    project=st.text(max_size=5),
    actor=st.sampled_from(["person:ada", "system:loop"]),
    kind=st.sampled_from(Kind),
    subject=st.text(max_size=5),
    cause=st.none() | st.integers(1, 9),
    data_at=st.none() | st.just(NOW),
    facts=FACTS,
)
#: One change of each field that nobody may make unnoticed.
EDITS = {
    "id": lambda e: replace(e, id=e.id + 1),
    "at": lambda e: replace(e, at=e.at + timedelta(microseconds=1)),
    "project": lambda e: replace(e, project=e.project + "x"),
    "actor": lambda e: replace(e, actor="person:eve"),
    "kind": lambda e: replace(e, kind=next(kind for kind in Kind if kind is not e.kind)),
    "subject": lambda e: replace(e, subject=e.subject + "x"),
    "cause": lambda e: replace(e, cause=(e.cause or 0) + 1),
    "data_at": lambda e: replace(e, data_at=None if e.data_at else NOW),
    "facts": lambda e: replace(e, facts={**e.facts, "more": 1}),
    "previous": lambda e: replace(e, previous=Digest("f" * 64)),
    "hash": lambda e: replace(e, hash=Digest("f" * 64)),
}


def log_of(drafts: list[Draft]) -> list[Event]:
    log: list[Event] = []
    for number, draft in enumerate(drafts):
        log.append(chained(draft, after=log[-1] if log else None, at=NOW + timedelta(seconds=number)))
    return log


LOGS = st.lists(DRAFTS, min_size=1, max_size=6).map(log_of)


@given(LOGS)
def test_a_log_is_what_was_written(log):
    assert verify(log) == len(log)
    assert (log[0].previous, [event.id for event in log]) == (GENESIS, list(range(1, len(log) + 1)))


@given(LOGS, st.sampled_from(sorted(EDITS)), st.data())
def test_any_edit_is_found(log, field, data):
    at = data.draw(st.integers(0, len(log) - 1))

    with pytest.raises(IntegrityError):
        verify([*log[:at], EDITS[field](log[at]), *log[at + 1 :]])


@given(LOGS, st.data())
def test_an_event_that_was_taken_out_is_found_unless_it_was_the_last(log, data):
    at = data.draw(st.integers(0, len(log) - 1))
    left = [*log[:at], *log[at + 1 :]]

    if at == len(log) - 1:
        assert verify(left) == len(left)  # what nothing was chained to leaves no trace in the chain itself
    else:
        with pytest.raises(IntegrityError):
            verify(left)


@given(LOGS, DRAFTS, st.data())
def test_an_event_that_was_put_in_is_found(log, draft, data):
    at = data.draw(st.integers(0, len(log) - 1))
    forged = chained(draft, after=log[at - 1] if at else None, at=NOW)

    with pytest.raises(IntegrityError):
        verify([*log[:at], forged, *log[at:]])


@given(LOGS, st.randoms())
def test_events_in_another_order_are_found(log, rng):
    shuffled = list(log)
    rng.shuffle(shuffled)

    if [event.id for event in shuffled] == [event.id for event in log]:
        assert verify(shuffled) == len(log)
    else:
        with pytest.raises(IntegrityError):
            verify(shuffled)


def test_the_broken_event_is_named():
    log = log_of([Draft("p", "a", Kind.RUN_STARTED, "run:1")] * 3)

    with pytest.raises(IntegrityError, match="Event 2") as found:
        verify([log[0], EDITS["actor"](log[1]), log[2]])

    assert found.value.details == {"event": 2}


def test_causes_lead_to_the_root():
    log = log_of([Draft("p", "a", Kind.ALERT_OPENED, "x", cause) for cause in (None, 1, 1, 3)])
    by_id = {event.id: event for event in log}

    assert [event.id for event in causes(log[3], by_id)] == [4, 3, 1]
