"""Prose is read for its words: the example trains, and answers over HTTP what it answers in a file."""

import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from loop_processes import Up, called, soon, up

EXAMPLE = Path(__file__).parents[2] / "examples" / "text"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text") / "text"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".*", "data", "__pycache__"))
    subprocess.run([sys.executable, "make_data.py"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def served(folder: Path):
    done = called("run", "--project", folder)
    assert (done["status"], done["gate"]["passed"]) == ("finished", True)
    assert done["metrics"]["balanced_accuracy"]["low"] > 0.8
    called("ship", "text/1", "--project", folder)
    with up(folder) as running:
        soon(lambda: running.is_serving("text"))
        yield running


def test_the_example_answers_over_http_what_it_answers_in_a_file(served: Up, folder: Path, tmp_path: Path):
    called("predict", "text/1", folder / "data" / "texts.csv", "--out", tmp_path / "out.parquet", "--project", folder)
    scored = pl.read_parquet(tmp_path / "out.parquet").head(40)
    asked = pl.read_csv(folder / "data" / "texts.csv").head(40).select("text_id", "text")

    answer = served.predict("text", asked.to_dicts())

    assert answer.status_code == 200
    chances = [list(each["probabilities"].values()) for each in answer.json()["predictions"]]
    numbers = [name for name in scored.columns if scored[name].dtype.is_float()]
    for one, other in zip(chances, scored.select(numbers).rows(), strict=True):
        assert sorted(one) == pytest.approx(sorted(other), abs=1e-9)


@pytest.mark.parametrize(
    "text",
    ["", "   ", "🙂 🙂 🙂", "ein Text in einer anderen Sprache", "word " * 20_000],
    ids=["empty", "blank", "signs", "foreign", "long"],
)
def test_any_text_gets_an_answer(served: Up, text: str):
    answer = served.predict("text", [{"text_id": "x", "text": text}])

    assert answer.status_code == 200, answer.text
    assert sum(answer.json()["predictions"][0]["probabilities"].values()) == pytest.approx(1)


def test_one_line_leaves_it_out_again(folder: Path, tmp_path: Path):
    other = tmp_path / "text"
    shutil.copytree(folder, other, ignore=shutil.ignore_patterns(".kaizen"))
    with (other / "project.py").open("a") as code:
        code.write('\nproject.prepare("text", encode="drop")\n')

    error = called("run", "--project", other, code=2)["error"]

    assert "Every feature is dropped" in error["message"]
