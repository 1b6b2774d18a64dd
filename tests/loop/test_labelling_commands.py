"""`kaizen label`: from a file of Label Studio to labels and back, as people and programs call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kaizenml.interfaces.cli.main import main
from kaizenml.loop import collecting, label_files
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import House, open_house

Call = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def kaizen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    (tmp_path / "project.py").write_text("")

    def call(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(["label", "till", *words, "--project", str(tmp_path), "--json"])
        return int(left.value.code or 0), json.loads(capsys.readouterr().out)

    return call


def write(folder: Path) -> Path:
    file = folder / "tasks.json"
    file.write_text(json.dumps([{"id": at, "data": {"amount": at}} for at in range(3)]))
    return file


def test_from_a_file_to_labels_and_back(kaizen: Call, tmp_path: Path) -> None:
    options = ("--choices", "yes,no", "--wanted", "2", "--control", "0")
    assert kaizen("import", str(write(tmp_path)), *options) == (0, {"queued": 3, "labels": 0, "cancelled": 0})

    for who, value in (("ada", "yes"), ("bob", "no")):
        _, found = kaizen("next", "--by", who)
        assert (found["task"]["id"], found["choices"]) == ("0", ["yes", "no"])
        code, said = kaizen("give", "0", value, "--by", who)
        assert (code, said["repeated"]) == (0, False)
    assert kaizen("next", "--by", "ada")[1]["task"]["id"] == "1"
    assert kaizen("skip", "--by", "ada") == (0, {"skipped": "1"})

    status = kaizen("status")[1]
    assert (status["tasks"], status["finished"], status["annotators"]) == (3, 1, {"person:ada": 1, "person:bob": 1})
    assert kaizen("agreement")[1]["agreement"]["disputed"] == ["0"]
    assert kaizen("review") == (0, {"queued": 1})
    assert kaizen("export", str(tmp_path / "out.json"))[0] == 0
    assert len(json.loads((tmp_path / "out.json").read_text())[0]["annotations"]) == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("next",), 1, "Nothing of"),
        (("next", "--by", "a b"), 2, "is no name"),
        (("fill",), 1, "waits for a label"),
        (("import", "nowhere.json"), 2, "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_with_a_hint(kaizen: Call, words: tuple[str, ...], code: int, said: str) -> None:
    found, error = kaizen(*words)

    assert (found, said in error["error"]["message"], bool(error["error"]["hint"])) == (code, True, True)


def answered(house: House) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [
        (f"r{one}", at, at + timedelta(hours=one), "till/1", "answer", '"no"', [0.5 + one / 100, 0.5 - one / 100],
         json.dumps({"amount": one}), "q", 0.1, "")
        for one in range(40)
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=collecting.PREDICTIONS, orient="row")
    house.tables.append(collecting.predictions_of("till"), frame, key="1")
    known = pl.DataFrame([("r0", '"no"', at, at)], schema=collecting.LABELS, orient="row")
    house.tables.append(collecting.labels_of("till"), known, key="1")


def test_answered_rows_without_their_truth_are_queued(kaizen: Call, tmp_path: Path) -> None:
    answered(open_house(settings(tmp_path, {})))

    assert kaizen("fill", "--control", "0.1", "--choices", "yes,no") == (0, {"queued": 39})

    found = kaizen("next")[1]["task"]
    assert (found["suggestion"], found["model"]) == ("no", "till/1")
    order = label_files.export_file(open_house(settings(tmp_path, {})), "till")
    assert "r0" not in {one["data"]["kaizen_id"] for one in json.loads(order)}
