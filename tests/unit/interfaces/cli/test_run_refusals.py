"""Commands called wrongly, and projects that cannot be: a sentence, a hint, an exit code, and no traceback."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from contextlib import closing

import pytest
from cli_calls import Kaizen, project

# ruff: noqa: E501  one case a line
STEP = "\n@project.step\n"
#: Code behind a good declaration, what the sentence must hold, the exit code, and whether a run is recorded.
PROJECTS = {
    "syntax error": ("def broken(:\n", "line 5", 2, False),
    "raises when read": ("raise RuntimeError('no licence')\n", "RuntimeError: no licence (project.py, line 5)", 2, False),
    "no project": ("del project\n", "declares no `project`", 2, False),
    "two steps of one name": (f"{STEP}def select(raw):\n    return raw\n{STEP}def select(raw):\n    return raw\n",
                              "two steps called 'select'", 2, False),
    "unknown input": (f"{STEP}def select(raww):\n    return raww\n", "asks for `raww`", 2, True),
    "circle": (f"{STEP}def a(b):\n    return b\n{STEP}def b(a):\n    return a\n", "need each other", 2, True),
    "raising step": (f"{STEP}def select(raw):\n    return raw.filter(pl.col('nothing') > 1)\n", "ColumnNotFoundError", 3, True),
    "step that returns too little": (f"{STEP}def features(rows):\n    return rows.head(3)\n", "returned 3 rows", 3, True),
    "target that no step makes": (f"{STEP}def select(raw):\n    return raw.drop('churned')\n", "no target column 'churned'", 2, True),
    "no rows left": (f"{STEP}def select(raw):\n    return raw.clear()\n", "", 2, True),
    "unknown metric in the gate": ("project.gate(kz.at_least('roc_ac', 0.1))\n", "no metric 'roc_ac'", 2, True),
}  # fmt: skip


@pytest.mark.parametrize("case", PROJECTS)
def test_a_project_that_cannot_run_says_why(kaizen: Kaizen, tmp_path, case):
    code, word, exit_code, is_recorded = PROJECTS[case]
    folder = project(tmp_path / "shop", code)

    said = kaizen("run", "--project", folder)

    assert (said.code, word in said.error) == (exit_code, True), said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    runs = json.loads(kaizen("runs", "--project", folder, "--json").out)["runs"]
    assert [run["state"] for run in runs] == (["failed"] if is_recorded else [])
    assert json.loads(kaizen("releases", "--project", folder, "--json").out)["releases"] == []
    assert all(
        job["state"] == "failed" for job in json.loads(kaizen("jobs", "--project", folder, "--json").out)["jobs"]
    )


def test_a_parameter_that_no_step_has_is_told_the_closest(kaizen: Kaizen, tmp_path):
    folder = project(
        tmp_path / "shop", f"{STEP}def estimator(strength=1.0):\n    return LogisticRegression(C=strength)\n"
    )

    said = kaizen("run", "--project", folder, "--set", "estimator.strenght=2")

    assert (said.code, "estimator.strength" in said.hint) == (2, True), said.err


@pytest.mark.parametrize("text", ["strength=2", "estimator.strength", "=", ""])
def test_a_setting_that_sets_nothing_is_refused(kaizen: Kaizen, tmp_path, text):
    folder = project(tmp_path / "shop", "")

    said = kaizen("run", "--project", folder, "--set", text)

    assert (said.code, said.hint) == (2, "Write --set step.parameter=value.")


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        (("frobnicate",), "no command 'frobnicate'", "--help"),
        (("rnu",), "no command 'rnu'", "`kaizen run`"),
        (("new",), "Missing argument", "kaizen new --help"),
        (("run", "--jsn"), "No such option", "--json"),
    ],
)
def test_a_command_that_nobody_knows_is_told_the_closest(kaizen: Kaizen, words, problem, hint):
    said = kaizen(*words)

    assert (said.code, problem in said.err, hint in said.err) == (2, True, True), said.err


@pytest.mark.parametrize("command", ["run", "releases", "runs", "up", "verify", "endpoints", "delivery"])
def test_outside_a_project_nothing_is_made(kaizen: Kaizen, tmp_path, command):
    said = kaizen(command, "--project", tmp_path)

    assert (said.code, "no project" in said.error, "kaizen new" in said.hint) == (2, True, True), said.err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("line", "problem", "hint"),
    [
        ("prot = 8400", "sets 'prot', which is no setting", "'port'"),
        ("port = ", "kaizen.toml cannot be read", "TOML"),
        ("port = 99999", "'99999' is no port", "65535"),
        ("port = 8401", "both 8401", "of its own"),
        ('clock = "moon"', "clock='moon' cannot be", "data"),
        ('database = "mysql://me:secret@host/db"', "database=", "sqlite"),
    ],
)
def test_a_setting_that_cannot_be_is_named(kaizen: Kaizen, tmp_path, line, problem, hint):
    folder = project(tmp_path / "shop", "")
    (folder / "kaizen.toml").write_text(line)

    said = kaizen("run", "--project", folder)

    assert (said.code, problem in said.error, hint in said.hint) == (2, True, True), said.err
    assert "secret" not in said.err
    assert not (folder / ".kaizen").exists()


def test_a_port_in_use_is_told_and_nothing_is_started(kaizen: Kaizen, tmp_path):
    folder = project(tmp_path / "shop", "")
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        port, other = taken.getsockname()[1], free.getsockname()[1]
        free.close()

        said = kaizen("up", "--project", folder, "--port", port, "--predict-port", other)

    assert (said.code, str(port) in said.error, "--port" in said.hint) == (2, True, True), said.err


def test_a_data_port_in_use_is_told_and_nothing_is_started(kaizen: Kaizen, tmp_path):
    folder = project(tmp_path / "shop", "")
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        port, other = taken.getsockname()[1], free.getsockname()[1]
        free.close()

        said = kaizen("up", "--project", folder, "--port", other, "--predict-port", port)

    assert (said.code, str(port) in said.error, "--predict-port" in said.hint) == (2, True, True), said.err


def test_errors_of_every_command_are_one_json_document_where_json_is_asked(kaizen: Kaizen, tmp_path):
    folder = project(tmp_path / "shop", "def broken(:\n")

    for words in (("frobnicate",), ("run", "--project", folder), ("approve", "shop/9", "--project", folder),
                  ("ship", "shop/9", "--project", folder), ("rollback", "shop", "--project", folder)):  # fmt: skip
        said = kaizen(*words, "--json")

        assert set(json.loads(said.out)["error"]) == {"code", "message", "hint", "details"}
        assert said.code == 2
        assert "Traceback" not in said.err


def test_a_gate_that_holds_a_release_back_ends_with_one(kaizen: Kaizen, tmp_path):
    folder = project(tmp_path / "shop", "project.gate(kz.at_least('roc_auc', 0.999))\n")

    said = kaizen("run", "--project", folder, "--json")

    document = json.loads(said.out)
    assert (said.code, document["status"], document["gate"]["passed"]) == (1, "refused", False)
    assert kaizen("approve", "shop/1", "--project", folder).code == 1
    assert kaizen("ship", "shop/1", "--project", folder).code == 1


@pytest.mark.parametrize(
    "edit",
    [
        "update events set body = replace(body, 'run.started', 'run.failed') where id = 1",
        "update events set body = replace(body, 'person:', 'person:eve-') where id = 1",
        "delete from events where id = 2",
    ],
)
def test_an_event_that_somebody_changed_is_found(kaizen: Kaizen, tmp_path, edit):
    folder = project(tmp_path / "shop", "project.gate(kz.at_least('roc_ac', 0.1))\n")
    kaizen("run", "--project", folder)
    whole = kaizen("verify", "--project", folder)

    with closing(sqlite3.connect(folder / ".kaizen" / "kaizen.db")) as database, database:
        assert database.execute(edit).rowcount == 1
    said = kaizen("verify", "--project", folder)

    assert (whole.code, "none changed" in whole.out) == (0, True)
    assert (said.code, bool(said.error)) == (3, True), said.out


def test_predictions_are_not_written_to_a_folder_that_is_not_there(kaizen: Kaizen, tmp_path):
    folder = project(tmp_path / "shop", "")

    said = kaizen(
        "predict", "shop/1", folder / "data" / "t.csv", "--out", tmp_path / "no" / "o.csv", "--project", folder
    )

    assert (said.code, "no folder" in said.error) == (2, True), said.err
