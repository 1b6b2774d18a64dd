"""Rows that broke a hard rule are repaired, released and dropped by a person; a looser contract needs a reason."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kaizenml.interfaces.cli.main import main

CODE = """import kaizenml as kz
from sklearn.linear_model import LogisticRegression

project = kz.Project("till", source=kz.files("data/*.csv"), target="late", id="id")


@project.step
def estimator():
    return LogisticRegression()
"""
Call = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def kaizen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([*words, "--project", str(tmp_path), "--json"])
        return int(left.value.code or 0), json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "project.py").write_text(CODE)
    rng = random.Random(4)
    rows = [f"{at},{rng.random():.3f},{rng.randrange(9)}" for at in range(150)]
    lines = [f"{row},{'yes' if float(row.split(',')[1]) > 0.5 else 'no'}" for row in rows]
    lines[3] = "3,0.5O,2,yes"
    lines[5] = "5,lots,2,yes"
    lines[8] = lines[7]
    lines[9] = "2,0.9,1,yes"
    (tmp_path / "data" / "t.csv").write_text("\n".join(["id,amount,visits,late", *lines]) + "\n")
    return tmp_path


def held(kaizen: Call) -> dict[str, dict[str, Any]]:
    return {f"{each['column']} {each['value']}": each for each in kaizen("quarantine")[1]["quarantine"]}


def test_rows_are_repaired_dropped_and_join_the_next_snapshot(kaizen: Call, folder: Path) -> None:
    before = (folder / "data" / "t.csv").read_bytes()
    kaizen("run")
    rows = held(kaizen)
    assert sorted(rows) == ["amount 0.5O", "amount lots", "id 2", "id 7"]
    typo, lots, again, twin = (rows[name]["id"] for name in ("amount 0.5O", "amount lots", "id 2", "id 7"))

    assert kaizen("quarantine", "repair", typo, "--suggested")[0] == 0
    assert kaizen("quarantine", "repair", lots, "--suggested")[0] == 2
    assert kaizen("quarantine", "repair", lots, "--set", "amount=many")[0] == 1
    assert kaizen("quarantine", "repair", lots, "--set", "amuont=0.7")[0] == 2
    assert kaizen("quarantine", "repair", lots, "--set", "amount=0.7")[0] == 0
    assert kaizen("quarantine", "release", again)[0] == 1
    assert kaizen("quarantine", "repair", again, "--set", "id=7")[0] == 1
    assert kaizen("quarantine", "repair", again, "--set", "id=2000")[0] == 0
    assert kaizen("quarantine", "release", twin)[0] == 1
    assert kaizen("quarantine", "drop", twin, "--because", "sent twice")[0] == 0
    assert held(kaizen) == {}

    kaizen("run")
    newest, first = kaizen("snapshots")[1]["snapshots"]

    assert (first["rows"], newest["rows"]) == (146, 149)
    assert held(kaizen) == {}
    states = {each["id"]: each["state"] for each in kaizen("quarantine", "--all")[1]["quarantine"]}
    assert states == {typo: "repaired", lots: "repaired", again: "repaired", twin: "dropped"}
    shown = kaizen("quarantine", "show", lots)[1]
    assert shown["payload"] == {"id": "5", "amount": "lots", "visits": "2", "late": "yes"}
    assert shown["decision"]["changes"] == {"amount": "0.7"}
    assert (folder / "data" / "t.csv").read_bytes() == before


def test_a_looser_contract_is_refused_until_it_is_accepted_for_a_reason(kaizen: Call, folder: Path) -> None:
    kaizen("run")
    page = folder / "contract.yaml"
    learned = page.read_text("utf-8")
    assert kaizen("contract", "diff")[1]["changes"] == []

    page.write_text(learned.replace("hard: [missing, type]", "hard: [missing, type, range]"))
    assert kaizen("contract", "diff")[1]["is_accepted"]
    page.write_text(learned.replace("min_rows: 15", "min_rows: 1"))
    assert not kaizen("contract", "diff")[1]["is_accepted"]

    code, said = kaizen("run")
    assert code == 1
    assert "min_rows" in said["error"]["message"]
    assert kaizen("contract", "accept", "--because", " ")[0] == 2
    assert kaizen("contract", "accept", "--because", "a small shop")[0] == 0
    assert kaizen("contract", "accept", "--because", "again")[0] == 1
    assert "error" not in kaizen("run")[1]
    events = kaizen("events")[1]["events"]
    assert [each["facts"]["because"] for each in events if each["subject"] == "contract:till"] == ["a small shop"]

    page.write_text(learned)
    assert "error" not in kaizen("run")[1]
    page.write_text(learned.replace("min_rows: 15", "min_rows: 1"))
    assert "error" not in kaizen("run")[1], "the same step was agreed to"


def test_an_option_before_the_word_is_refused(kaizen: Call, folder: Path) -> None:
    code, said = kaizen("quarantine", "--limit", "3", "list")

    assert code == 2
    assert "before 'list'" in said["error"]["message"]


def test_cleaning_is_told_and_writes_nothing(kaizen: Call, folder: Path) -> None:
    code, said = kaizen("clean")

    assert code == 0
    assert said["rows"] == 150
    assert {column["name"]: column["repairs"]["unreadable"] for column in said["columns"]}["amount"] == 2
    assert kaizen("snapshots")[1]["snapshots"] == []
