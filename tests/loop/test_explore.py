"""`kaizen explore` before any run, on a snapshot, against another, and on one that is not there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kaizenml.interfaces.cli.main import main

CODE = """import kaizenml as kz
import polars as pl
from sklearn.linear_model import LogisticRegression

project = kz.Project("till", source=kz.files("data/*.csv"), target="late", id="id")


@project.step
def select(raw: pl.DataFrame) -> pl.DataFrame:
    return raw.filter(pl.col("hours").is_not_null()).with_columns(late=pl.col("hours") > 1)


@project.step
def estimator():
    return LogisticRegression()
"""
Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def kaizen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*words: str, text: bool = False) -> tuple[int, Any]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([*words, "--project", str(tmp_path), *([] if text else ["--json"])])
        said = capsys.readouterr().out
        return int(left.value.code or 0), said if text else json.loads(said)

    return call


def write(folder: Path, shift: float) -> None:
    rng = random.Random(4)
    rows = [f"{at},{rng.gauss(shift, 1):.3f},{rng.choice(['0.5', '2', ''])}" for at in range(300)]
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "t.csv").write_text("\n".join(["id,amount,hours", *rows]) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project.py").write_text(CODE)
    write(tmp_path, 0)
    return tmp_path


def test_a_fresh_project_is_explored_from_its_files(kaizen: Call, folder: Path) -> None:
    code, found = kaizen("explore")

    assert code == 0
    assert (found["data"], found["rows"]) == ("source", 300)
    assert {each["column"] for each in found["findings"] if each["kind"] == "leakage"} == {"hours"}
    assert found["missing"]["cells"] == 300 - sum(each["rows"] for each in found["target_views"]["columns"][0]["bins"])
    assert not (folder / "contract.yaml").exists()


def test_the_page_goes_into_the_home_or_where_it_is_asked_for(kaizen: Call, folder: Path) -> None:
    code, said = kaizen("explore", text=True)

    assert code == 0
    assert str(folder / ".kaizen" / "explore.html") in said
    kaizen("explore", "--out", str(folder / "other.html"))
    pages = [(folder / name).read_text() for name in ("other.html", ".kaizen/explore.html")]
    one, other = (page.partition("<iframe")[0] for page in pages)  # what skrub adds has names that it makes up
    assert one == other


def test_a_snapshot_is_compared_with_another(kaizen: Call, folder: Path) -> None:
    kaizen("run")
    write(folder, 2)
    kaizen("run")

    found = kaizen("explore", "--against", "till@1")[1]

    assert (found["data"], found["drift"]["against"]) == ("till@2", "till@1")
    assert found["drift"]["columns"][0]["column"] == "amount"
    assert found["drift"]["columns"][0]["size"] == "large"
    assert found["note"].startswith("the step `select`")
    again = kaizen("explore", "1", "--against", "source")[1]
    assert (again["data"], again["drift"]["against"]) == ("till@1", "source")
    assert kaizen("explore", "2", "--against", "2")[1]["drift"]["columns"][0]["size"] == "none"


def test_a_snapshot_that_is_not_there_is_told_the_closest(kaizen: Call, folder: Path) -> None:
    assert "kaizen run" in kaizen("explore", "till@1")[1]["error"]["hint"]
    kaizen("run")

    code, said = kaizen("explore", "tll@1")

    assert code == 2
    assert "till@1" in said["error"]["hint"]
    assert kaizen("explore", "--against", "till@9")[0] == 2


def test_a_select_that_raises_is_told(kaizen: Call, folder: Path) -> None:
    (folder / "project.py").write_text(CODE.replace('pl.col("hours") > 1', 'pl.col("nothing")'))

    code, said = kaizen("explore")

    assert code == 3
    assert "select" in said["error"]["message"]
