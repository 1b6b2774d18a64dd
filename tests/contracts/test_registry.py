"""What every adapter of the `Registry` port does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_samples import NOW, endpoint, later, model, release, run

from kaizenml.adapters.sql.records import SqlRecords
from kaizenml.adapters.sql.registry import PROMPT, enlist
from kaizenml.adapters.sql.tables import REGISTERED_MODELS, REGISTERED_TAGS, REGISTERED_VERSIONS
from kaizenml.core.lineage import Noun, Way
from kaizenml.core.mlflow.filter import Comparison, Question, Sorting
from kaizenml.core.ports import Books
from kaizenml.core.registered import RegisteredModel, RegisteredVersion, changed, pointed
from kaizenml.core.release import ReleaseState
from kaizenml.errors import ConflictError
from kaizenml.loop.node_names import found_node
from kaizenml.loop.tracing import graph

CHURN = RegisteredModel("churn", "shop", "person:ada", NOW, NOW, "who leaves", {"team": "blue é"}, {"best": 1}, 2)


def version(number: int, *, of: str = "churn", hours: float = 0, **more: object) -> RegisteredVersion:
    made = RegisteredVersion(of, number, "shop", "person:ada", NOW, later(hours), "mlflow-artifacts:/1/m", run="run-1")
    return replace(made, **more)  # type: ignore[arg-type]


def names(records: SqlRecords, *asked: Comparison, order: tuple[Sorting, ...] = (), limit: int = 100) -> list[str]:
    with records.reading() as books:
        return [each.name for each in books.registry.versions(Question(asked, order), limit=limit)]


def above(books: Books, name: str, noun: Noun = Noun.MODEL) -> list[str]:
    return graph(books.lineage, found_node(books, f"model:{name}"), Way.UP).of(noun)


def test_a_model_and_a_version_are_found_as_they_were_written(records: SqlRecords) -> None:
    first = version(1, description="", tags={"k": "v\n'"}, stage="Staging", link="http://x", logged="m-1", location="l")

    with records.writing() as books:
        books.registry.save(CHURN, seen=0)
        books.registry.save_version(first)

    with records.reading() as books:
        assert books.registry.find("churn") == CHURN
        assert books.registry.find_version("churn", 1) == first
        assert books.registry.find("nobody") is None
        assert books.registry.find_version("churn", 2) is None


@pytest.mark.parametrize("number", [0, -1, 99, 2**31, 2**53, 2**63, 10**200], ids=lambda number: f"{number:.3g}")
def test_a_number_that_was_never_given_is_of_no_version(records: SqlRecords, number: int) -> None:
    with records.writing() as books:
        books.registry.save(CHURN, seen=0)
        books.registry.save_version(version(1))
        assert books.registry.find_version("churn", number) is None


def test_a_model_changes_only_as_it_was_seen(records: SqlRecords) -> None:
    with records.writing() as books:
        books.registry.save(CHURN, seen=0)
    moved = pointed(CHURN, "best", 2)

    with pytest.raises(ConflictError, match="churn is not as it was"), records.writing() as books:
        books.registry.save(CHURN, seen=0)
    with records.writing() as books:
        books.registry.save(moved, seen=1)
    with pytest.raises(ConflictError), records.writing() as books:
        books.registry.save(pointed(CHURN, "best", 3), seen=1)

    with records.reading() as books:
        assert books.registry.find("churn") == moved


def test_the_newest_version_of_each_stage_is_the_latest(records: SqlRecords) -> None:
    with records.writing() as books:
        for number, stage, is_deleted in ((1, "None", False), (2, "Production", False), (3, "None", False),
                                          (4, "None", True), (5, "Archived", True)):  # fmt: skip
            books.registry.save_version(version(number, stage=stage, is_deleted=is_deleted))
        books.registry.save_version(version(7, of="other"))

    with records.reading() as books:
        assert [each.name for each in books.registry.latest(["churn"])] == ["churn:3", "churn:2"]
        assert [each.name for each in books.registry.latest(["churn", "other", "no"])] == [
            "churn:3",
            "churn:2",
            "other:7",
        ]
        assert books.registry.latest([]) == []


def test_models_are_found_by_name_and_tags_and_prompts_only_when_asked_for(records: SqlRecords) -> None:
    made = [
        CHURN,
        RegisteredModel("Churn", "", "a", NOW, later(2), tags={"team": "red"}),
        RegisteredModel("greeting", "", "a", NOW, later(1), tags={PROMPT: "true", "team": "blue"}),
        RegisteredModel("gone", "", "a", NOW, NOW, tags={"team": "blue"}, is_deleted=True),
    ]
    with records.writing() as books:
        for each in made:
            books.registry.save(each, seen=0)

    def found(*asked: Comparison, order: tuple[Sorting, ...] = (), after: int = 0) -> list[str]:
        with records.reading() as books:
            return [each.name for each in books.registry.models(Question(asked, order), limit=9, after=after)]

    is_prompt = Comparison("tag", PROMPT, "=", "true")
    assert found() == ["Churn", "churn"]
    assert found(after=1) == ["churn"]
    assert found(Comparison("attribute", "name", "LIKE", "c%")) == ["churn"]
    assert found(Comparison("attribute", "name", "ILIKE", "c%")) == ["Churn", "churn"]
    assert found(Comparison("attribute", "name", "IN", ("churn", "greeting"))) == ["churn"]
    assert found(Comparison("tag", "team", "LIKE", "blue%")) == ["churn"]
    assert found(Comparison("tag", "team", "!=", "red")) == ["churn"]
    assert found(is_prompt) == found(is_prompt, Comparison("tag", "team", "=", "blue")) == ["greeting"]
    assert found(Comparison("tag", PROMPT, "!=", "true")) == ["Churn", "churn"]
    assert found(order=(Sorting("attribute", "last_updated_timestamp"),)) == ["churn", "Churn"]
    assert found(order=(Sorting("attribute", "name", is_ascending=False),)) == ["churn", "Churn"]


def test_versions_are_found_by_what_they_are_and_in_an_order(records: SqlRecords) -> None:
    with records.writing() as books:
        books.registry.save_version(version(1, hours=3, tags={"score": "9"}))
        books.registry.save_version(version(2, hours=1, run="run-2", source="s3://b/x", tags={"score": "7"}))
        books.registry.save_version(version(1, of="alpha", hours=2))
        books.registry.save_version(version(3, is_deleted=True))
        books.registry.save_version(version(1, of="greeting", tags={PROMPT: "true"}))

    assert names(records) == ["alpha:1", "churn:2", "churn:1"]
    assert names(records, limit=2) == ["alpha:1", "churn:2"]
    newest = (Sorting("attribute", "last_updated_timestamp", is_ascending=False),)
    assert names(records, order=newest) == ["churn:1", "alpha:1", "churn:2"]
    assert names(records, Comparison("attribute", "run_id", "=", "run-2")) == ["churn:2"]
    assert names(records, Comparison("attribute", "run_id", "NOT IN", ("run-2",))) == ["alpha:1", "churn:1"]
    assert names(records, Comparison("attribute", "source_path", "ILIKE", "S3:%")) == ["churn:2"]
    assert names(records, Comparison("attribute", "version_number", ">", 1.0)) == ["churn:2"]
    assert names(records, Comparison("tag", "score", "=", "9")) == ["churn:1"]
    assert names(records, Comparison("tag", PROMPT, "=", "true")) == ["greeting:1"]


def test_what_is_changed_is_found_by_its_new_tags_alone(records: SqlRecords) -> None:
    with records.writing() as books:
        books.registry.save_version(version(1, tags={"a": "1", "b": "1"}))
        books.registry.save_version(version(1, tags={"a": "2"}))

    assert names(records, Comparison("tag", "a", "=", "2")) == ["churn:1"]
    assert names(records, Comparison("tag", "a", "=", "1")) == names(records, Comparison("tag", "b", "=", "1")) == []


def test_a_renamed_model_takes_its_versions_along_in_place_of_a_deleted_one(records: SqlRecords) -> None:
    gone = RegisteredModel("left", "", "a", NOW, NOW, last_number=1, is_deleted=True)
    with records.writing() as books:
        books.registry.save(gone, seen=0)
        books.registry.save_version(version(1, of="left", is_deleted=True))
        books.registry.save(CHURN, seen=0)
        books.registry.save_version(version(1, tags={"a": "1"}))
        books.registry.save_version(version(2, is_deleted=True))
        books.registry.rename("churn", "left", later(1))

    with records.reading() as books:
        assert books.registry.find("left") == changed(CHURN, later(1), name="left")
        assert books.registry.find("churn") is None
        assert books.registry.find_version("churn", 1) is None
        assert books.registry.find_version("left", 1) == version(1, of="left", hours=1, tags={"a": "1"})
        assert books.registry.find_version("left", 2) is not None
        assert above(books, "left:1") == ["left:1", "churn:1"]
    assert names(records, Comparison("tag", "a", "=", "1")) == ["left:1"]


def test_a_version_is_linked_to_its_run_and_a_copy_to_what_it_is_of(records: SqlRecords) -> None:
    with records.writing() as books:
        books.runs.save(run(1))
        books.registry.save_version(version(1))
        books.registry.save_version(version(4, of="served", source="models:/churn/1"))

    with records.reading() as books:
        assert above(books, "served:4") == ["served:4", "churn:1"]
        assert "run-1" in above(books, "churn:1", Noun.RUN)


def test_what_projects_trained_before_there_was_a_registry_is_entered(records: SqlRecords) -> None:
    live = release(2, state=ReleaseState.LIVE)
    with records.writing() as books:
        books.models.add(model(1))
        books.models.add(model(2))
        books.models.add(model(1, name="taxis"))
        books.releases.add(live)
        books.endpoints.save(endpoint(champion=live.name), seen=0)

    with records.exclusively() as connection:
        for table in (REGISTERED_MODELS, REGISTERED_VERSIONS, REGISTERED_TAGS):
            connection.execute(table.delete())
        enlist(connection)

    with records.reading() as books:
        flights, taxis = books.registry.find("flights"), books.registry.find("taxis")
        entered = books.registry.find_version("flights", 2)
    assert flights is not None
    assert taxis is not None
    assert entered is not None
    assert (flights.aliases, flights.last_number, flights.project) == ({"champion": 2}, 2, "flights")
    assert (taxis.aliases, taxis.last_number) == ({}, 1)
    assert (entered.author, entered.run, entered.created_at) == ("system:loop", "run-1", model(2).created_at)
