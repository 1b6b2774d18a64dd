"""What a person reads who calls a command with too little, or with the wrong words: what happened, and a way out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cli_calls import Kaizen, project

from kaizenml.interfaces.cli.main import COMMANDS

GROUPS = ["contract", "data", "import", "notify", "token", "user"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path / "shop", "")


@pytest.mark.parametrize("words", [(), *((group,) for group in GROUPS)], ids=["kaizen", *GROUPS])
def test_a_command_of_commands_that_is_called_alone_shows_its_help_as_no_error(kaizen: Kaizen, words: tuple[str, ...]):
    said = kaizen(*words)

    assert said.code == 2
    assert said.err.startswith("Usage: kaizen")
    assert (said.error, said.hint, said.out) == ("", "", "")


def test_a_program_that_calls_a_command_of_commands_alone_reads_json(kaizen: Kaizen):
    said = kaizen("token", "--json")

    assert (said.code, json.loads(said.out)["error"]["code"]) == (2, "usage")


@pytest.mark.parametrize("group", [*GROUPS, "events", "models", "quarantine", "ci"])
def test_lists_of_commands_say_whole_sentences(kaizen: Kaizen, group: str):
    said = kaizen(group, "--help")

    listed = said.out.partition("Commands:")[2]
    assert listed
    assert "..." not in listed


def test_a_misspelt_command_is_told_the_closest_or_all(kaizen: Kaizen, folder: Path):
    close = kaizen("token", "lst", "--project", folder)
    none = kaizen("data", "xyz", "--project", folder)

    assert close.error == "There is no command 'lst' of `kaizen token`. Did you mean `kaizen token list`?"
    assert none.error.startswith("There is no command 'xyz' of `kaizen data`. Known: diff, erase, gc")
    assert none.code == 2


@pytest.mark.parametrize("address", ["s3://bucket/backups", "gs://bucket/x", "file:///tmp/x"])
def test_a_backup_is_no_folder_that_is_called_like_an_address(
    kaizen: Kaizen, folder: Path, address: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(folder)

    for words in (("backup", address), ("restore", address), ("restore", folder, "--to", address)):
        said = kaizen(*words)
        assert said.code == 2
        assert "is an address" in said.error
    assert not any(":" in path.name for path in folder.iterdir())


def test_a_folder_with_a_blank_is_written_so_that_it_can_be_pasted(kaizen: Kaizen, folder: Path, tmp_path: Path):
    said = kaizen("new", tmp_path / "my shop", "--from", folder / "data" / "t.csv", "--target", "churned")

    assert re.search(r"^Next: cd '.*/my shop' && kaizen run$", said.out, re.MULTILINE)


def test_the_first_admins_name_is_looked_at_before_anybody_is_asked_for_a_token(kaizen: Kaizen):
    said = kaizen("setup", "http://127.0.0.1:9", "a b/c")

    assert (said.code, said.error) == (2, "'a b/c' cannot be the name of an owner.")


def test_a_role_in_a_project_that_is_not_there_is_pointed_out(kaizen: Kaizen, folder: Path):
    said = kaizen("token", "create", "ada", "--role", "shop:viewer", "--project", folder)

    assert said.code == 0
    assert "There is no project 'shop' yet: the role opens it once there is." in said.err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("rollback", "shop"), "kaizen up"),
        (("monitor", "shop"), "kaizen ship RELEASE"),
        (("approve", "shop/1"), "kaizen run"),
        (("user", "shut-out", "ada"), "tokens are other ones"),
        (("token", "revoke", "abc"), "kaizen token create NAME"),
        (("notify", "test", "ops"), "kaizen notify add NAME ADDRESS"),
        (("label", "shop", "next"), "kaizen label shop fill"),
    ],
    ids=["rollback", "monitor", "approve", "user", "token", "notify", "label"],
)
def test_what_is_not_there_yet_comes_with_what_makes_it(
    kaizen: Kaizen, folder: Path, words: tuple[str, ...], hint: str
):
    said = kaizen(*words, "--project", folder)

    assert said.code in (1, 2)
    assert hint in said.hint


def test_every_command_of_commands_is_tried_here(kaizen: Kaizen):
    alone = [name for name in COMMANDS if kaizen(name, "--help").out.partition("Commands:")[2]]

    assert set(alone) == {*GROUPS, "events", "models", "quarantine", "ci", "label"}


@pytest.mark.parametrize("command", ["run", "tune"])
def test_a_place_that_no_step_runs_at_is_refused_before_anything_is_done(kaizen: Kaizen, folder: Path, command: str):
    said = kaizen(command, "--on", "slurm", "--project", folder)

    assert (said.code, said.error) == (2, "There is no runner 'slurm'.")
    assert "ray://HOST:PORT" in said.hint
    assert json.loads(kaizen("runs", "--json", "--project", folder).out)["runs"] == []


def test_a_parameter_where_steps_have_none_comes_with_how_one_is_made(kaizen: Kaizen, folder: Path):
    said = kaizen("run", "--set", "features.days=3", "--project", folder)

    assert said.code == 2
    assert "an argument with a default" in said.hint
