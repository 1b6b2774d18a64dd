"""What waits for people, besides releases and alerts: moves that were refused, and rows without a label."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import kaizenml as kz
from clocks import NOW, Clock
from kaizenml.core.approval import Review
from kaizenml.core.declaration import Declaration, Delivery
from kaizenml.core.digest import digest_of
from kaizenml.core.event import Kind
from kaizenml.core.labelling import LabelTask
from kaizenml.core.run import Code, Environment, Run, RunState
from kaizenml.errors import PermissionDeniedError, UsageError
from kaizenml.loop import aliases, labelling, models
from kaizenml.loop.aliases import ProtectedAliasError
from kaizenml.loop.move_requests import remembering
from kaizenml.loop.reporting import sentence
from kaizenml.loop.waiting import waiting
from kaizenml.loop.wiring import House, open_house, read_settings


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A home with a model of two versions, whose project asks two people and protects `live`."""
    of = replace(open_house(read_settings(tmp_path)), clock=Clock())
    code, environment = Code(digest_of("x"), "abc"), Environment("3.11", "linux", {}, 2, 2**30)
    delivery = Delivery(review=Review(2, days=14.0), protected=("live",))
    with of.records.writing() as books:
        books.declarations.save(Declaration("shop", str(tmp_path), "y", "id", None, (), delivery, ()))
        books.runs.save(Run("run-1", "shop", RunState.FINISHED, NOW, code, environment, finished_at=NOW))
        books.runs.save(replace(books.runs.get("run-1"), id="run-2", project="shelf"))
        for _ in range(2):
            models.register_run(books, NOW, "churn", "run-1", "person:ada")
    yield of
    of.records.close()


def move(house: House, alias: str, number: int | None, by: str = "person:ada") -> None:
    with remembering(house) as books:
        aliases.move(books, house, "churn", alias, number, by)


def waits(house: House) -> list[tuple[str, str]]:
    with house.records.reading() as books:
        return [(item.subject, item.says) for item in waiting(books, house, "shop")]


def asked(house: House) -> list[Any]:
    with house.records.reading() as books:
        return books.events.find(Kind.APPROVAL_REQUESTED)


def test_a_move_that_is_refused_waits_in_the_inbox_until_it_may_be(house: House) -> None:
    for _ in range(3):
        with pytest.raises(ProtectedAliasError, match="0 of 2 people"):
            move(house, "champion", 1)
    says = "person:ada asked: champion of churn shall name churn:1; {} of 2 people have approved it."
    assert waits(house) == [("model:churn:1", says.format(0))]
    (event,) = asked(house)
    assert (event.project, event.actor, event.subject) == ("shop", "person:ada", "model:churn:1")
    assert sentence(event) == "churn:1 waits for 2 people to decide"

    with house.records.writing() as books:
        aliases.approve(books, house, "churn", "champion", 1, "person:eve")
    assert waits(house) == [("model:churn:1", says.format(1))]
    with house.records.writing() as books:
        aliases.approve(books, house, "churn", "champion", 1, "person:zoe")
    assert waits(house) == []
    move(house, "champion", 1)
    assert waits(house) == []
    assert len(asked(house)) == 1


def test_another_wish_takes_the_place_of_the_one_before_and_a_wish_lapses(house: House) -> None:
    for number in (1, 2):
        with suppress(ProtectedAliasError):
            move(house, "champion", number)
    assert [subject for subject, _ in waits(house)] == ["model:churn:2"]

    house.clock.at = NOW + timedelta(days=15)  # type: ignore[attr-defined]
    assert waits(house) == []
    with suppress(ProtectedAliasError):
        move(house, "champion", 2)
    assert [subject for subject, _ in waits(house)] == ["model:churn:2"]
    assert len(asked(house)) == 3

    with house.records.writing() as books:
        models.delete_version(books, house, models.get_version(books, "churn", 2), "person:ada")
    assert waits(house) == []


def test_what_a_project_protects_is_protected_besides_what_the_home_does(house: House) -> None:
    move(house, "best", 1)
    for alias in ("live", "LIVE", "champion"):
        with pytest.raises(PermissionDeniedError, match="is protected"):
            move(house, alias, 1)
    with house.records.writing() as books:
        models.register_run(books, NOW, "other", "run-2", "person:ada")
        aliases.move(books, house, "other", "live", 1, "person:ada")  # of a project that protects nothing
        for who in ("eve", "zoe"):
            aliases.approve(books, house, "churn", "live", 1, f"person:{who}")
    move(house, "live", 1)
    with house.records.writing() as books, pytest.raises(PermissionDeniedError, match="protected alias live"):
        models.delete_version(books, house, models.get_version(books, "churn", 1), "person:ada")
    with pytest.raises(PermissionDeniedError):
        move(house, "live", None)
    assert ("model:churn", "person:ada asked: live of churn shall be taken away; 0 of 2 people have approved it.") in (
        waits(house)
    )


def test_a_project_says_what_it_protects() -> None:
    project = kz.Project("shop", source=kz.files("data/*.csv"), target="y")
    project.serve(protected=["live", "Staging"])
    assert project.delivery.protected == ("live", "Staging")
    with pytest.raises(UsageError, match="latest"):
        project.serve(protected=["latest"])


def test_rows_wait_for_a_label_until_they_have_it(house: House) -> None:
    assert waits(house) == []
    labelling.fill(house, "shop", [LabelTask(f"row-{number}", {"x": number}) for number in range(3)])
    assert waits(house) == [("queue:shop", "3 rows of shop wait for a label.")]

    for left in (2, 1, 0):
        handed = labelling.next_task(house, "shop", "eve")
        assert handed is not None
        labelling.give(house, "shop", handed.task.id, "yes", "eve")
        assert waits(house) == (
            [("queue:shop", f"{left} row{'s' if left > 1 else ''} of shop wait for a label.")] if left else []
        )
