"""What a pipeline's run records beside its results."""

import io
import json
import subprocess
import sys

import polars as pl
import pytest

from kaizenml.loop.wiring import open_house, read_settings

PROJECT = """
import os
import kaizenml as kz
import polars as pl

project = kz.Project("shop", source=kz.files("data.csv"), target="late", id="order")

@project.step
def select(raw: pl.DataFrame, scale: float = 1.0) -> pl.DataFrame:
    print("the user's words")
    os.system("echo said by a child")
    with kz.run("within", params={"scale": scale}) as run:
        run.log(rows=len(raw))
    return raw
"""


def cli(folder, *words, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "kaizenml", *words, "--json"], cwd=folder, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    (folder / "project.py").write_text(PROJECT)
    rows = [{"order": f"o{i}", "weight": i % 17, "late": (i * 7 % 17 > 8)} for i in range(400)]
    pl.DataFrame(rows).write_csv(folder / "data.csv")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-qb", "main"], ["add", "project.py"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True, cwd=folder)
    (folder / "project.py").write_text(PROJECT.replace("scale: float = 1.0", "scale: float = 2.0"))
    cli(folder, "run")
    return folder


@pytest.fixture(scope="module")
def run(shop):
    house = open_house(read_settings(shop))
    with house.records.reading() as books:
        [line] = [each for each in books.runs.newest() if each.kind == "pipeline"]
        return house, line


def test_its_code_console_data_and_machine_are_recorded(run):
    house, found = run

    assert (found.code.branch, found.code.is_dirty) == ("main", True)
    assert b"+def select(raw: pl.DataFrame, scale: float = 2.0)" in house.blobs.get(found.code.diff)
    said = house.blobs.get(found.console.content)
    assert b"the user's words\n" in said
    assert b"said by a child\n" in said
    assert list(found.data) == ["shop@1"]
    assert found.latest["system/memory_bytes"] > 1e6
    assert found.parameters["select.scale"] == 2.0
    assert found.author.startswith("person:")


def test_the_loss_of_every_test_row_is_kept(run):
    house, found = run

    losses = pl.read_parquet(io.BytesIO(house.blobs.get(found.artefacts["losses.parquet"])))

    assert losses.columns == ["key", "loss", "block"]
    assert losses["key"].str.starts_with("o").all()
    assert losses["key"].is_unique().all()
    assert losses["loss"].is_finite().all()


def test_a_run_that_a_step_begins_is_a_child(shop, run):
    _, found = run

    [child] = cli(shop, "runs", "kind = 'script'")["runs"]

    assert (child["parent"], child["name"], child["state"]) == (found.id, "within", "finished")
    assert child["metrics"]["rows"] == 400


def test_runs_are_found_by_what_they_hold(shop):
    assert len(cli(shop, "runs", "metrics.roc_auc > 0.5 AND params.select.scale = 2")["runs"]) == 1
    assert cli(shop, "runs", "metrics.roc_auc > 5")["runs"] == []
    error = cli(shop, "runs", "metrics.roc_acu > 0.5", code=2)["error"]
    assert (error["code"], error["details"]["position"]) == ("query", 0)
    assert "metrics.roc_auc" in error["hint"]
