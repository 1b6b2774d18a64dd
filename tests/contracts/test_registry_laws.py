"""Models, versions and aliases: what the loop lets people do with them, and what it tells the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from record_samples import declaration, model, release, run

from clocks import NOW, Clock
from kaizenml.core.digest import digest_of_bytes
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Event, Kind
from kaizenml.core.mlflow.rows import File
from kaizenml.core.ports import Books
from kaizenml.core.registered import RegisteredModel, RegisteredVersion
from kaizenml.core.release import ReleaseState
from kaizenml.errors import (
    ApprovalError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    StateError,
    UsageError,
)
from kaizenml.loop import aliases, models
from kaizenml.loop.delivering import roll_back
from kaizenml.loop.wiring import House, open_house, read_settings


@pytest.fixture
def house(tmp_path: Path) -> House:
    return replace(open_house(read_settings(tmp_path, {"database": "sqlite:///:memory:"})), clock=Clock())


@pytest.fixture
def books(house: House) -> Iterator[Books]:
    with house.records.writing() as opened:
        yield opened


def registered(books: Books, name: str = "churn", *, by: str = "person:ada", place: str = "1/m") -> RegisteredVersion:
    if books.registry.find(name) is None:
        models.create(books, NOW, name, by, project="shop")
    location = f"mlflow-artifacts:/{place}"
    return models.register(books, NOW, RegisteredVersion(name, 0, "shop", by, NOW, NOW, location, location), by=by)


def found(books: Books, name: str = "churn") -> RegisteredModel:
    return models.get(books, name)


def told(books: Books, kind: Kind) -> list[Event]:
    return books.events.find(kind)


def test_an_alias_moves_with_its_event_and_only_as_it_was_seen(books: Books, house: House) -> None:
    registered(books)
    registered(books)

    aliases.move(books, house, "churn", "candidate", 1, "person:ada", seen=None)
    aliases.move(books, house, "churn", "candidate", 2, "person:ada", seen=1)
    with pytest.raises(ConflictError, match="candidate of churn names version 2, not version 1"):
        aliases.move(books, house, "churn", "candidate", 1, "person:eve", seen=1)
    aliases.move(books, house, "churn", "candidate", None, "person:ada")
    aliases.move(books, house, "churn", "candidate", None, "person:ada")

    assert found(books).aliases == {}
    moved = [(each.facts["version"], each.facts["before"]) for each in told(books, Kind.ALIAS_MOVED)]
    assert moved == [(1, None), (2, 1), (None, 2)]


@pytest.mark.parametrize("alias", ["champion", "Champion", "production", "PRODUCTION"])
def test_a_protected_alias_moves_only_with_an_approval(books: Books, house: House, alias: str) -> None:
    registered(books)

    with pytest.raises(PermissionDeniedError, match="only with an approval, and 0 of 1 people have approved") as error:
        aliases.move(books, house, "churn", alias, 1, "person:ada")
    assert f"kaizen models approve churn:1 --alias {alias}" in error.value.hint
    assert found(books).aliases == {}

    standing = aliases.approve(books, house, "churn", alias, 1, "person:bob", because="it is better")
    aliases.move(books, house, "churn", alias, 1, "person:ada")

    assert standing.is_enough
    assert found(books).aliases == {alias: 1}
    assert told(books, Kind.ALIAS_MOVED)[0].cause == told(books, Kind.APPROVAL_GRANTED)[0].id


def test_an_approval_is_of_one_version_and_its_files_as_they_were(books: Books, house: House) -> None:
    registered(books, place="1/m/one")
    registered(books, place="1/m/two")
    books.clients.keep_file(File("1/m/one/model.pkl", digest_of_bytes(b"good"), 4))
    aliases.approve(books, house, "churn", "champion", 1, "person:bob")

    with pytest.raises(PermissionDeniedError):
        aliases.move(books, house, "churn", "champion", 2, "person:ada")
    with pytest.raises(PermissionDeniedError):
        aliases.move(books, house, "churn", "production", 1, "person:ada")
    books.clients.keep_file(File("1/m/one/model.pkl", digest_of_bytes(b"evil"), 4))
    with pytest.raises(PermissionDeniedError):
        aliases.move(books, house, "churn", "champion", 1, "person:ada")
    books.clients.keep_file(File("1/m/one/model.pkl", digest_of_bytes(b"good"), 4))
    aliases.move(books, house, "churn", "champion", 1, "person:ada")


def test_an_approval_lapses_and_one_that_this_home_did_not_seal_counts_for_nothing(books: Books, house: House) -> None:
    registered(books)
    aliases.approve(books, house, "churn", "champion", 1, "person:bob")
    note = cast("list[dict[str, object]]", books.notes.get("approvals", "model:churn@champion"))

    books.notes.put("approvals", "model:churn@champion", [{**note[0], "seal": "0" * 64}])
    with pytest.raises(PermissionDeniedError):
        aliases.move(books, house, "churn", "champion", 1, "person:ada")
    books.notes.put("approvals", "model:churn@champion", note)
    cast("Clock", house.clock).at = NOW + timedelta(days=31)
    with pytest.raises(PermissionDeniedError):
        aliases.move(books, house, "churn", "champion", 1, "person:ada")
    cast("Clock", house.clock).at = NOW + timedelta(days=29)
    aliases.move(books, house, "churn", "champion", 1, "person:ada")


def test_who_registered_a_version_or_made_its_run_does_not_approve_it(books: Books, house: House) -> None:
    books.runs.save(replace(run(1), author="person:eve"))
    models.create(books, NOW, "churn", "person:ada")
    models.register(books, NOW, RegisteredVersion("churn", 0, "shop", "", NOW, NOW, run="run-1"), by="person:ada")

    for who, hand in (("person:ada", "registered it"), ("person:eve", "made its run"), ("service:ci", "program")):
        with pytest.raises(ApprovalError, match=hand):
            aliases.approve(books, house, "churn", "champion", 1, who)
    aliases.approve(books, house, "churn", "champion", 1, "person:bob")
    with pytest.raises(ApprovalError, match="already"):
        aliases.approve(books, house, "churn", "champion", 1, "person:bob")


def test_a_project_says_how_many_people_of_which_approve(books: Books, house: House) -> None:
    books.declarations.save(declaration("shop"))  # two of ada and bob
    registered(books, by="person:eve")

    first = aliases.approve(books, house, "churn", "champion", 1, "person:bob")
    with pytest.raises(ApprovalError, match="not among the approvers of shop"):
        aliases.approve(books, house, "churn", "champion", 1, "person:zoe")
    with pytest.raises(PermissionDeniedError, match="1 of 2 people"):
        aliases.move(books, house, "churn", "champion", 1, "person:eve")
    second = aliases.approve(books, house, "churn", "champion", 1, "person:ada")
    aliases.move(books, house, "churn", "champion", 1, "person:eve")

    assert (first.is_enough, second.is_enough) == (False, True)


def test_what_a_protected_alias_names_cannot_be_taken_from_under_it(books: Books, house: House) -> None:
    version = registered(books)
    aliases.approve(books, house, "churn", "champion", 1, "person:bob")
    aliases.move(books, house, "churn", "champion", 1, "person:ada")

    for taking in (
        lambda: models.delete_version(books, house, version, "person:ada"),
        lambda: models.delete(books, house, "churn", "person:ada"),
        lambda: models.rename(books, house, "churn", "left", "person:ada"),
        lambda: aliases.move(books, house, "churn", "champion", None, "person:ada"),
    ):
        with pytest.raises(PermissionDeniedError):
            taking()
    aliases.approve(books, house, "churn", "champion", None, "person:bob")
    aliases.move(books, house, "churn", "champion", None, "person:ada")
    models.delete(books, house, "churn", "person:ada")


def test_what_is_protected_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / "kaizen.toml").write_text('protected = ["live", "blessed"]\n')
    house = open_house(read_settings(tmp_path, {"database": "sqlite:///:memory:"}))

    with house.records.writing() as books:
        registered(books)
        aliases.move(books, house, "churn", "champion", 1, "person:ada")
        with pytest.raises(PermissionDeniedError):
            aliases.move(books, house, "churn", "Live", 1, "person:ada")
        with pytest.raises(UsageError, match="champion of churn is not protected"):
            aliases.approve(books, house, "churn", "champion", 1, "person:bob")


def test_a_stage_is_protected_like_an_alias(books: Books, house: House) -> None:
    version = registered(books)

    with pytest.raises(PermissionDeniedError, match="Production of churn is protected"):
        aliases.check_stage(books, house, version, "Production", "person:ada")
    aliases.check_stage(books, house, version, "Staging", "person:ada")
    aliases.approve(books, house, "churn", "production", 1, "person:bob")
    aliases.check_stage(books, house, version, "Production", "person:ada")
    live = models.move_stage(books, NOW, version, "Production", "person:ada")
    with pytest.raises(PermissionDeniedError, match="moves away only with an approval"):
        aliases.check_stage(books, house, live, "Archived", "person:ada")


def test_numbers_are_not_given_twice(books: Books, house: House) -> None:
    registered(books)
    models.delete(books, house, "churn", "person:ada")
    with pytest.raises(NotFoundError):
        models.get(books, "churn")
    models.create(books, NOW, "churn", "person:ada")

    assert registered(books).name == "churn:2"
    models.rename(books, house, "churn", "left", "person:ada")
    models.create(books, NOW, "churn", "person:ada")
    assert registered(books).name == "churn:3"
    assert registered(books, "left").name == "left:3"


def test_a_taken_name_and_names_that_are_none_are_refused(books: Books, house: House) -> None:
    registered(books)
    models.create(books, NOW, "other", "person:ada")

    with pytest.raises(ConflictError):
        models.create(books, NOW, "churn", "person:ada")
    with pytest.raises(ConflictError):
        models.rename(books, house, "other", "churn", "person:ada")
    for name in ("", " ", "a/b", "a:b", "..", "a\nb", "x" * 257):
        with pytest.raises(UsageError):
            models.create(books, NOW, name, "person:ada")
    for alias in ("", "a b", "latest", "v3", "../x", "x" * 256):
        with pytest.raises(UsageError):
            aliases.move(books, house, "churn", alias, 1, "person:ada")
    with pytest.raises(UsageError, match="characters"):
        models.retag(books, NOW, found(books), {"k": "v" * 100_001}, "person:ada")


def test_each_tag_that_changes_is_told_and_one_that_stays_is_not(books: Books) -> None:
    registered(books)

    models.retag(books, NOW, found(books), {"team": "blue", "tier": "1"}, "person:ada")
    models.retag(books, NOW, found(books), {"team": "blue", "tier": None, "gone": None}, "person:bob")
    models.retag_version(books, NOW, models.get_version(books, "churn", 1), {"k": "v"}, "person:ada")

    assert [(each.actor, each.subject, each.facts) for each in told(books, Kind.TAG_CHANGED)] == [
        ("person:ada", "model:churn", {"key": "team", "value": "blue"}),
        ("person:ada", "model:churn", {"key": "tier", "value": "1"}),
        ("person:bob", "model:churn", {"key": "tier", "value": None}),
        ("person:ada", "model:churn:1", {"key": "k", "value": "v"}),
    ]


def test_what_is_new_is_told_with_its_texts_unless_they_are_very_long(books: Books) -> None:
    models.create(books, NOW, "long", "person:ada", description="d", tags={str(n): "x" * 90_000 for n in range(3)})
    models.create(books, NOW, "greeting", "person:ada", tags={"mlflow.prompt.is_prompt": "True"})

    long, prompt = (each.facts for each in told(books, Kind.MODEL_CREATED))
    assert long == {"left_out_characters": 270_004}
    assert prompt == {"description": "", "tags": {"mlflow.prompt.is_prompt": "True"}, "is_prompt": True}


def test_the_champions_alias_follows_the_endpoint_and_nobodys_hand(books: Books, house: House) -> None:
    for number in (1, 2):
        books.models.add(model(number))
    approved = replace(release(1), state=ReleaseState.LIVE)
    previous = replace(release(2), state=ReleaseState.RETIRED)
    books.releases.add(approved)
    books.releases.add(previous)
    books.endpoints.save(Endpoint("flights", "flights", "flights/1", "flights/2", changed_at=NOW), seen=0)

    with pytest.raises(PermissionDeniedError, match="names what endpoint flights serves"):
        aliases.move(books, house, "flights", "champion", 2, "person:ada")
    roll_back(books, house, "flights", "person:ada")

    assert found(books, "flights").aliases == {"champion": 2}
    moved = told(books, Kind.ALIAS_MOVED)[0]
    assert (moved.actor, moved.cause) == ("person:ada", told(books, Kind.CHAMPION_CHANGED)[0].id)


def test_what_a_project_trained_is_neither_deleted_nor_renamed(books: Books, house: House) -> None:
    books.models.add(model(1))
    mine = registered(books, "flights")

    with pytest.raises(StateError, match="trained by a project"):
        models.delete(books, house, "flights", "person:ada")
    with pytest.raises(StateError, match="trained by a project"):
        models.rename(books, house, "flights", "other", "person:ada")
    with pytest.raises(StateError, match="flights:1 was trained by a project"):
        models.delete_version(books, house, models.get_version(books, "flights", 1), "person:ada")
    models.delete_version(books, house, mine, "person:ada")
    books.models.add(model(3))

    assert [mine.number, found(books, "flights").last_number] == [2, 3]


def test_a_run_of_ours_is_registered_with_its_artefacts(books: Books) -> None:
    books.runs.save(run(1))

    made = models.register_run(books, NOW, "churn", "run-1", "person:ada", path="roc.svg", tags={"k": "v"})

    assert (made.name, made.source, made.run, made.project) == ("churn:1", "runs:/run-1/roc.svg", "run-1", "flights")
    with pytest.raises(NotFoundError, match="artefact"):
        models.register_run(books, NOW, "churn", "run-1", "person:ada", path="nothing")
    with pytest.raises(NotFoundError):
        models.register_run(books, NOW, "churn", "nobody", "person:ada")


def test_who_may_not_approve_a_release_may_not_let_its_model_serve(books: Books, house: House) -> None:
    books.models.add(model(1))
    books.runs.save(run(1))
    made = release(1, state=ReleaseState.GATED)  # by ada; Eve wrote its last commit
    books.releases.add(made)

    for who, did in (("person:ada", "made flights/1"), ("person:eve@example.org", "wrote its last commit")):
        with pytest.raises(ApprovalError, match=did):
            aliases.approve(books, house, "flights", "production", 1, who)
    assert aliases.approve(books, house, "flights", "production", 1, "person:zoe").is_enough
