"""`kaizen models`, as it is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_calls import Kaizen, Said, project

import kaizenml as kz

Models = Any


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two runs that made a file each."""
    monkeypatch.setenv("LOGNAME", "eve")
    monkeypatch.delenv("KAIZEN_SERVER", raising=False)
    here = project(tmp_path / "shop", "")
    monkeypatch.chdir(here)
    for name in ("one", "two"):
        with kz.run(name, console=False, system=False) as run:
            run.log_text(name, "model/weights.txt")
    return here


@pytest.fixture
def models(kaizen: Kaizen, folder: Path) -> Models:
    def call(*words: object) -> Said:
        return kaizen("models", *words, "--project", folder)

    return call


def told(said: Said) -> Any:
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_a_version_is_registered_shown_described_tagged_and_listed(models: Models) -> None:
    assert "No model versions yet" in models().err + models().out
    made = told(models("register", "churn", "--run", "one", "--path", "model", "--tag", "team=blue", "--json"))
    assert (made["name"], made["tags"], made["author"]) == ("churn:1", {"team": "blue"}, "person:eve")
    assert told(models("describe", "churn", "who leaves", "--json"))["description"] == "who leaves"
    assert told(models("describe", "churn:1", "the first", "--json"))["description"] == "the first"
    assert told(models("tag", "churn:1", "size=small", "team", "--json"))["tags"] == {"size": "small"}
    assert told(models("tag", "churn", "kind=tree", "--json"))["tags"] == {"kind": "tree"}

    shown = told(models("show", "churn", "--json"))
    version = told(models("show", "churn:1", "--json"))
    listed = told(models("--json"))["models"]

    assert (shown["description"], shown["tags"], shown["last_number"]) == ("who leaves", {"kind": "tree"}, 1)
    assert (version["description"], version["run"].split("-")[0]) == ("the first", "one")
    assert listed == shown["versions"] == [version]
    assert "who leaves" in models("show", "churn").out
    assert "churn:1" in models("--model", "churn").out


def test_the_card_of_a_version_is_printed(models: Models) -> None:
    models("register", "churn", "--run", "one", "--tag", "team=blue")
    before = models("card", "churn:1")
    models("alias", "churn:1", "best")

    assert before.out.startswith("# churn:1\n\n- registered: ")
    assert "tags: team=blue" in before.out
    assert "aliases: best" not in before.out
    assert "aliases: best" in told(models("card", "churn:1", "--json"))["card"]
    assert models("card", "churn:2").code == 2
    assert models("card", "churn").code == 2


def test_an_alias_names_a_version_and_moves_only_as_it_was_seen(models: Models) -> None:
    for run in ("one", "two"):
        models("register", "churn", "--run", run)

    assert told(models("alias", "churn:1", "best", "--seen", 0, "--json"))["aliases"] == {"best": 1}
    late = models("alias", "churn:2", "best", "--seen", 2)
    assert (late.code, "names version 1, not version 2 as it did when this was decided" in late.error) == (1, True)
    assert told(models("alias", "churn:2", "best", "--seen", 1, "--json"))["aliases"] == {"best": 2}
    assert "best" in models().out
    assert told(models("alias", "churn", "best", "--json"))["aliases"] == {}


def test_a_protected_alias_moves_only_once_somebody_else_has_approved(models: Models) -> None:
    models("register", "churn", "--run", "one")

    refused = models("alias", "churn:1", "champion")
    own = models("approve", "churn:1", "--alias", "champion")
    free = models("approve", "churn:1", "--alias", "best", "--as", "ada")
    approved = models("approve", "churn:1", "--alias", "champion", "--as", "ada", "--because", "it is better")
    moved = told(models("alias", "churn:1", "champion", "--json"))
    kept = models("delete", "churn:1")

    assert (refused.code, refused.hint) == (
        1, "Ask an approver to run `kaizen models approve churn:1 --alias champion`."
    )  # fmt: skip
    assert (own.code, "registered it" in own.error) == (1, True)
    assert (free.code, "is not protected" in free.error) == (2, True)
    assert "1 of 1 people have approved. It may move" in approved.out
    assert moved["aliases"] == {"champion": 1}
    assert (kept.code, "champion" in kept.error) == (1, True)


def test_a_model_is_created_renamed_and_deleted_and_no_number_is_given_twice(models: Models) -> None:
    assert told(models("create", "churn", "--description", "x", "--tag", "a=b", "--json"))["tags"] == {"a": "b"}
    models("register", "churn", "--run", "one")
    assert told(models("rename", "churn", "left", "--json"))["name"] == "left"
    assert told(models("delete", "left:1", "--json")) == {"deleted": "left:1"}
    assert told(models("register", "left", "--run", "two", "--json"))["name"] == "left:2"
    assert told(models("delete", "left", "--json")) == {"deleted": "left"}
    assert told(models("--json"))["models"] == []


@pytest.mark.parametrize(
    ("words", "error", "code"),
    [
        (("show", "chrun"), "chrun", 2),
        (("show", "churn:9"), "churn:9", 2),
        (("show", "churn:x"), "churn:x", 2),
        (("register", "churn", "--run", "nobody"), "nobody", 2),
        (("register", "churn", "--run", "two", "--path", "nothing"), "nothing", 2),
        (("register", "a/b", "--run", "two"), "a/b", 2),
        (("create", "churn"), "churn", 1),
        (("create", "x", "--tag", "bare"), "bare", 2),
        (("alias", "churn:1", "latest"), "latest", 2),
        (("alias", "churn:9", "best"), "churn:9", 2),
        (("rename", "churn", "../x"), "../x", 2),
        (("delete", "nothing"), "nothing", 2),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_what_cannot_be_is_refused_in_a_sentence_and_changes_nothing(
    models: Models, words: tuple[str, ...], error: str, code: int
) -> None:
    models("register", "churn", "--run", "one")
    before = models("show", "churn", "--json").out

    said = models(*words)

    assert (said.code, error in said.error, bool(said.hint)) == (code, True, True), said
    assert models("show", "churn", "--json").out == before
    assert len(told(models("--json"))["models"]) == 1
