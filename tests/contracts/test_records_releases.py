"""Releases, endpoints, rollouts and alerts change only from what was seen, in every database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_samples import NOW, alert, endpoint, later, model, release, rollout

from kaizenml.core.alert import AlertState
from kaizenml.core.ports import Books
from kaizenml.core.release import ReleaseState
from kaizenml.core.rollout import Phase
from kaizenml.errors import ConflictError, NotFoundError, StateError


@pytest.mark.parametrize("name", ["flights", "flights/", "/1", "flights/x", "flights/1/2", "", "flights/²"])
def test_a_name_that_is_no_release_is_not_found(books: Books, name: str) -> None:
    books.releases.add(release(1))

    with pytest.raises(NotFoundError):
        books.releases.get(name)


def test_a_release_moves_only_from_the_state_that_was_seen(books: Books) -> None:
    books.releases.add(release())
    approved = replace(release(), state=ReleaseState.APPROVED, approved_by="eve", approved_at=NOW)

    books.releases.move(approved, seen=ReleaseState.GATED)

    assert books.releases.get("flights/1") == approved
    with pytest.raises(ConflictError, match="approved, not gated"):
        books.releases.move(replace(release(), state=ReleaseState.DECLINED), seen=ReleaseState.GATED)
    with pytest.raises(ConflictError, match="already"):
        books.releases.add(release())
    with pytest.raises(NotFoundError):
        books.releases.move(release(9), seen=ReleaseState.GATED)


def test_the_newest_releases_come_first(books: Books) -> None:
    for number in (1, 3, 2):
        books.releases.add(release(number))
    books.releases.add(release(1, project="taxis"))

    assert [one.name for one in books.releases.newest("flights", limit=2)] == ["flights/3", "flights/2"]
    assert len(books.releases.newest()) == 4


def test_the_newest_of_a_project_is_that_of_the_highest_number_whatever_the_clock_said(books: Books) -> None:
    for number, at in [(1, NOW), (2, later(2)), (3, later(1))]:
        books.releases.add(replace(release(number), created_at=at))
        books.models.add(replace(model(number), created_at=at))

    assert [one.number for one in books.releases.newest("flights")] == [3, 2, 1]
    assert [one.number for one in books.models.newest("flights")] == [3, 2, 1]
    assert [one.number for one in books.releases.newest()] == [2, 3, 1]


def test_an_endpoint_changes_only_from_the_generation_that_was_seen(books: Books) -> None:
    assert books.endpoints.find("flights") is None
    books.endpoints.save(endpoint(1), seen=0)

    books.endpoints.save(endpoint(2, champion="flights/2"), seen=1)

    assert books.endpoints.get("flights").champion == "flights/2"
    with pytest.raises(ConflictError, match="generation 2, not 1"):
        books.endpoints.save(endpoint(2, champion="flights/3"), seen=1)
    with pytest.raises(ConflictError, match="already"):
        books.endpoints.save(endpoint(1), seen=0)
    with pytest.raises(NotFoundError, match="flights"):
        books.endpoints.get("flight")


def test_endpoints_are_listed_by_name(books: Books) -> None:
    for name in ("taxis", "flights"):
        books.endpoints.save(endpoint(name=name), seen=0)

    assert [one.name for one in books.endpoints.all()] == ["flights", "taxis"]


def test_a_rollout_that_ended_stays_as_it_is(books: Books) -> None:
    books.endpoints.save_rollout(rollout(1))
    books.endpoints.save_rollout(rollout(2))
    aborted = replace(rollout(1), state=Phase.ABORTED, reason="too many errors")
    books.endpoints.save_rollout(aborted)

    assert books.endpoints.rollout("rollout-1") == aborted
    assert [one.id for one in books.endpoints.rollouts("flights")] == ["rollout-2", "rollout-1"]
    with pytest.raises(StateError, match="aborted"):
        books.endpoints.save_rollout(rollout(1))
    with pytest.raises(NotFoundError):
        books.endpoints.rollout("rollout-9")


def test_an_alert_changes_until_it_is_resolved(books: Books) -> None:
    for state in (AlertState.PENDING, AlertState.FIRING, AlertState.ACKNOWLEDGED):
        books.alerts.save(alert(state))
        assert [one.state for one in books.alerts.unresolved("flights")] == [state]

    books.alerts.save(alert(AlertState.RESOLVED))
    assert books.alerts.unresolved() == []
    assert len(books.alerts.newest()) == 1


def test_after_a_resolved_alert_the_next_is_a_new_entry(books: Books) -> None:
    books.alerts.save(alert(AlertState.RESOLVED))
    books.alerts.save(alert(AlertState.PENDING, hours=5))
    books.alerts.save(alert(AlertState.FIRING, hours=6))

    assert [one.state for one in books.alerts.newest()] == [AlertState.FIRING, AlertState.RESOLVED]
    assert books.alerts.unresolved("taxis") == []


def test_only_a_pending_alert_is_forgotten(books: Books) -> None:
    books.alerts.save(alert(AlertState.PENDING, subject="hour"))
    books.alerts.save(alert(AlertState.FIRING, subject="day"))

    for one in books.alerts.newest():
        books.alerts.forget(one.id)

    assert [one.subject for one in books.alerts.newest()] == ["day"]
