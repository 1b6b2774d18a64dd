"""Delivery metrics are walks over the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kaizenml.core.event import Draft, Event, Kind, chained
from kaizenml.improvement.delivery import Clock, Measure, delivery, duration

START = datetime(2026, 1, 1, tzinfo=UTC)
DATA = datetime(2013, 1, 1, tzinfo=UTC)

Line = tuple[float, Kind, int | None] | tuple[float, Kind, int | None, str] | tuple[float, Kind, int | None, str, dict]


def log(*lines: Line) -> list[Event]:
    """Return events from (minutes, kind, cause, actor, facts); a minute of the wall is a day of the data."""
    events: list[Event] = []
    for minutes, kind, cause, *more in lines:
        actor = more[0] if more else "system:controller"
        facts = more[1] if len(more) > 1 else {}
        draft = Draft("flights", actor, kind, "rollout:r", cause, DATA + timedelta(days=minutes), facts)
        after = events[-1] if events else None
        events.append(chained(draft, after=after, at=START + timedelta(minutes=minutes)))
    return events


def measures(events: list[Event], clock: Clock = Clock.WALL) -> dict[str, Measure]:
    return {measure.name: measure for measure in delivery(events, clock=clock)}


CLOSED_LOOP: list[Line] = [
    (0, Kind.DATA_ARRIVED, None),
    (1, Kind.ALERT_OPENED, 1, "monitor:performance"),
    (2, Kind.TRIGGER_FIRED, 2),
    (3, Kind.RUN_STARTED, 3),
    (4, Kind.RUN_FINISHED, 4),
    (5, Kind.GATE_PASSED, 5),
    (6, Kind.RELEASE_PROPOSED, 6),
    (7, Kind.APPROVAL_GRANTED, 7, "person:ada"),
    (8, Kind.RELEASE_PACKAGED, 8),
    (9, Kind.ROLLOUT_STARTED, 9),
    (10, Kind.ROLLOUT_STEP, 10),
    (11, Kind.ROLLOUT_FINISHED, 11),
]


def test_an_empty_log_says_not_enough_data_of_everything() -> None:
    assert all((m.value, m.count, m.sentence) == (None, 0, "not enough data") for m in delivery([]))


def test_a_closed_loop_is_measured_along_its_causes() -> None:
    found = measures(log(*CLOSED_LOOP))

    assert found["loop_closure_time"].value == 600
    assert found["lead_time_data"].value == 660
    assert found["deployment_frequency"].value == 1
    assert found["change_failure_rate"].value == 0
    assert found["automation_rate"].value == 1
    assert found["retrain_yield"].value == 1
    assert found["recovery_time"].value is None


def test_by_the_clock_of_the_data_a_rehearsal_takes_days() -> None:
    found = measures(log(*CLOSED_LOOP), Clock.DATA)

    assert found["loop_closure_time"].value == 10 * 86_400
    assert found["deployment_frequency"].value == pytest.approx(7 / 11)


def test_data_that_a_run_read_counts_though_it_caused_nothing() -> None:
    events = log(
        (0, Kind.RUN_STARTED, None, "person:ada"),
        (1, Kind.SNAPSHOT_CREATED, 1),
        (2, Kind.ROLLOUT_STARTED, 1),
        (5, Kind.ROLLOUT_FINISHED, 3),
    )

    assert measures(events)["lead_time_data"].value == 240


def test_a_release_that_a_person_began_is_not_automatic() -> None:
    events = log(
        (0, Kind.RUN_STARTED, None, "person:ada"),
        (1, Kind.ROLLOUT_STARTED, 1),
        (2, Kind.ROLLOUT_FINISHED, 2),
    )

    assert measures(events)["automation_rate"] == Measure(
        "automation_rate", 0.0, "share", 1, "0 of 1 releases needed no person but to approve"
    )


def test_an_abort_and_a_rollback_are_failures_and_recovered_from() -> None:
    events = log(
        (0, Kind.ROLLOUT_STARTED, None),
        (2, Kind.ROLLOUT_ABORTED, 1),
        (10, Kind.ROLLOUT_STARTED, None),
        (11, Kind.ROLLOUT_FINISHED, 3),
        (16, Kind.ROLLBACK_FINISHED, 4),
        (20, Kind.ROLLOUT_STARTED, None),
        (21, Kind.ROLLOUT_FINISHED, 6),
    )
    found = measures(events)

    assert found["change_failure_rate"].sentence == "2 of 3 rollouts that users met failed"
    assert found["recovery_time"].value == (2 + 6) * 60 / 2


def test_an_abort_in_shadow_is_no_failure_because_no_user_met_it() -> None:
    events = log((0, Kind.ROLLOUT_STARTED, None), (2, Kind.ROLLOUT_ABORTED, 1, "system:c", {"max_share": 0.0}))

    assert measures(events)["change_failure_rate"].value is None


def test_a_rollback_without_cause_belongs_to_the_last_rollout_of_its_subject() -> None:
    events = log((0, Kind.ROLLOUT_STARTED, None), (1, Kind.ROLLOUT_FINISHED, 1), (3, Kind.ROLLBACK_FINISHED, None))

    assert measures(events)["recovery_time"].value == 180


def test_a_rollback_that_an_abort_causes_is_one_failure() -> None:
    events = log((0, Kind.ROLLOUT_STARTED, None), (1, Kind.ROLLOUT_ABORTED, 1), (2, Kind.ROLLBACK_FINISHED, 2))

    assert measures(events)["change_failure_rate"].count == 1
    assert measures(events)["recovery_time"].value == 120


def test_causes_that_are_not_in_the_log_end_the_walk() -> None:
    events = log(*CLOSED_LOOP)[4:]

    assert measures(events)["loop_closure_time"].value is None
    assert measures(events)["deployment_frequency"].count == 1


@pytest.mark.parametrize(
    ("seconds", "said"), [(4.25, "4.25 s"), (90, "1.5 min"), (5400, "1.5 h"), (129_600, "1.5 days")]
)
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said
