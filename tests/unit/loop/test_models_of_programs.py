"""`kz.models`: the registry as programs and notebooks use it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import kaizenml as kz
from kaizenml.errors import (
    ApprovalError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    SettingError,
    UsageError,
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run that made a file, in a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "eve")
    monkeypatch.delenv("KAIZEN_SERVER", raising=False)
    with kz.run("try", console=False, system=False) as made:
        made.log_text("weights", "model.txt")
    return made.id


def test_a_program_registers_describes_tags_and_finds_versions(run: str) -> None:
    first = kz.models.register("churn", run, path="model.txt", tags={"team": "blue"})
    kz.models.register("churn", run, description="again")
    kz.models.describe("churn", "who leaves")
    kz.models.describe("churn:1", "the first")
    kz.models.tag("churn", {"kind": "tree"})
    kz.models.tag("churn:1", {"size": "small", "team": None})

    found = kz.models.get("churn")
    assert (first["name"], first["author"], first["run"]) == ("churn:1", "person:eve", run)
    assert (found["description"], found["tags"]) == ("who leaves", {"kind": "tree"})
    assert [each["name"] for each in kz.models("churn")] == ["churn:2", "churn:1"]
    assert kz.models("churn", limit=1) == kz.models(limit=1) == [kz.models.get("churn:2")]
    assert (kz.models.get("churn:1")["description"], kz.models.get("churn:1")["tags"]) == (
        "the first", {"size": "small"}
    )  # fmt: skip


def test_a_version_is_found_by_its_alias_and_the_alias_moves(run: str) -> None:
    kz.models.create("churn", description="x", tags={"a": "b"})
    for _ in range(2):
        kz.models.register("churn", run)
    kz.models.alias("churn:1", "best")
    kz.models.alias("churn@best", "kept")
    kz.models.alias("churn:2", "best")

    assert kz.models.get("churn@best")["name"] == "churn:2"
    assert kz.models.get("churn@kept")["name"] == "churn:1"
    assert "aliases: best" in kz.models.card("churn:2")
    assert "aliases: kept" in kz.models.card("churn@kept")
    kz.models.alias("churn", "best")
    with pytest.raises(NotFoundError, match="best"):
        kz.models.get("churn@best")


def test_a_protected_alias_needs_somebody_else(run: str) -> None:
    kz.models.register("churn", run)

    with pytest.raises(PermissionDeniedError, match="champion of churn is protected"):
        kz.models.alias("churn:1", "champion")
    with pytest.raises(ApprovalError, match="person:eve had a hand"):
        kz.models.approve("churn:1", "champion")
    assert kz.models.approve("churn:1", "champion", by="ada", because="better").is_enough
    kz.models.alias("churn:1", "champion")

    assert kz.models.get("churn@champion")["name"] == "churn:1"
    with pytest.raises(PermissionDeniedError):
        kz.models.alias("churn", "champion")


def test_a_model_is_renamed_and_deleted(run: str) -> None:
    kz.models.register("churn", run)
    kz.models.register("churn", run)
    kz.models.rename("churn", "left")
    kz.models.delete("left:2")
    assert [each["name"] for each in kz.models()] == ["left:1"]
    kz.models.delete("left")
    assert kz.models() == []
    assert kz.models.register("left", run)["name"] == "left:3"


def test_what_cannot_be_is_refused_and_changes_nothing(run: str) -> None:
    kz.models.register("churn", run)
    before = kz.models.get("churn")

    with pytest.raises(NotFoundError, match="chrun"):
        kz.models.get("chrun")
    with pytest.raises(UsageError, match="no name for a model"):
        kz.models.register("a/b", run)
    with pytest.raises(NotFoundError, match="nothing"):
        kz.models.register("churn", run, path="nothing")
    with pytest.raises(ConflictError, match="churn"):
        kz.models.create("churn")
    with pytest.raises(UsageError, match="latest"):
        kz.models.alias("churn:1", "latest")

    assert kz.models.get("churn") == before
    assert len(kz.models()) == 1


def test_many_threads_register_at_once_and_no_number_is_given_twice(run: str) -> None:
    numbers = []
    threads = [
        threading.Thread(target=lambda: numbers.append(kz.models.register("churn", run)["number"])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(numbers) == list(range(1, 9))


def test_where_a_server_has_the_registry_it_is_said_how_to_reach_it(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAIZEN_SERVER", "http://127.0.0.1:1")

    with pytest.raises(SettingError, match="so does its registry"):
        kz.models.register("churn", run)
