"""What is asked of the event log, as people write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kaizenml.core.event import Kind
from kaizenml.core.trail import Trail, actor_of, is_called, kinds_of, moment
from kaizenml.errors import NotFoundError, UsageError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_name_without_a_sort_is_a_persons() -> None:
    assert [actor_of(said) for said in ("ada", "service:ci", "policy:", "")] == [
        "person:ada", "service:ci", "policy:", ""
    ]  # fmt: skip


def test_a_word_is_a_kind_or_all_kinds_that_begin_so() -> None:
    assert kinds_of(["gate.passed"]) == {Kind.GATE_PASSED}
    assert kinds_of(["gate", "run.started"]) == {
        Kind.GATE_PASSED, Kind.GATE_FAILED, Kind.GATE_OVERRIDDEN, Kind.RUN_STARTED
    }  # fmt: skip
    assert kinds_of([]) == frozenset()
    for wrong, meant in (("gate.pased", "gate.passed"), ("tokn", "token")):
        with pytest.raises(NotFoundError, match=wrong) as told:
            kinds_of([wrong])
        assert meant in told.value.hint


@pytest.mark.parametrize(("said", "found"), [
    ("2026-02-01", datetime(2026, 2, 1, tzinfo=UTC)),
    ("2026-02-01T10:00:00Z", datetime(2026, 2, 1, 10, tzinfo=UTC)),
    ("2026-02-01T10:00:00+02:00", datetime(2026, 2, 1, 8, tzinfo=UTC)),
    ("24h", NOW - timedelta(hours=24)),
    ("7d", NOW - timedelta(days=7)),
])  # fmt: skip
def test_a_time_is_a_date_or_so_long_ago(said: str, found: datetime) -> None:
    assert moment(said, NOW) == found


@pytest.mark.parametrize("said", ["", "yesterday", "2026-13-01", "-1h", "99999999999d"])
def test_what_is_no_time_is_refused(said: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        moment(said, NOW)


def test_a_name_is_letter_by_letter_or_begins_so_behind_its_sign() -> None:
    assert is_called("release:flights/12", "release:flights/", ":/@")
    assert not is_called("release:flights/12", "release:flights/1", ":/@")
    assert is_called("anything", "", ":")
    assert not is_called("person:ada/x", "person:ada/", ":")


def test_what_no_database_takes_is_the_name_of_nothing() -> None:
    for wrong in ("person:a\x00", "a\n"):
        with pytest.raises(UsageError, match="name of nothing"):
            Trail(actor=wrong)
        with pytest.raises(UsageError, match="name of nothing"):
            Trail(subject=wrong)
