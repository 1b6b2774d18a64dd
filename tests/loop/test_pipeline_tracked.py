"""What a pipeline's run records beside its results."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import polars as pl
import pytest

from kaizenml.core.run import RunState
from kaizenml.loop.observing import Observed
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


def test_two_runs_are_compared_by_what_differs_and_by_the_rows_that_both_were_tested_on(shop, run):
    _, first = run
    second = cli(shop, "run", "--set", "select.scale=3.0")["run"]

    found = cli(shop, "compare", first.id, second)

    assert found["parameters"] == {"select.scale": [2.0, 3.0]}
    assert (found["code"], found["files"], found["environment"], found["data"]) == ({}, {}, {}, {})
    assert [(each["word"], each["after"] - each["before"]) for each in found["metrics"]] == [("the same", 0.0)]
    assert cli(shop, "compare", first.id, "nobody", code=2)["error"]["code"] == "not_found"


def test_the_functions_and_constants_that_changed_between_two_runs_are_named(shop, run):
    _, first = run
    before = (shop / "project.py").read_text()
    new = before.replace('print("the user', 'print("# the user').replace("\n@project", "\nLIMIT = 3\n\n@project")
    (shop / "project.py").write_text(new)
    try:
        second = cli(shop, "run")["run"]
    finally:
        (shop / "project.py").write_text(before)

    found = cli(shop, "compare", first.id, second)

    [file] = found["symbols"][second]
    named = {each["name"]: (each["kind"], each["change"]) for each in found["symbols"][second][file]}
    assert file == "project.py"
    assert named == {"select": ("function", "changed"), "LIMIT": ("constant", "added")}
    assert list(found["files"][second]) == [file]


def test_an_old_run_gives_the_same_again_although_code_and_data_have_changed(shop, run):
    house, first = run
    before = (shop / "project.py").read_text(), (shop / "data.csv").read_text()
    (shop / "project.py").write_text(before[0].replace("return raw", "raise RuntimeError('newer code')"))
    (shop / "data.csv").write_text(before[1].replace("true", "false", 30))
    try:
        done = cli(shop, "rerun", first.id, "--within", "0")
    finally:
        (shop / "project.py").write_text(before[0])
        (shop / "data.csv").write_text(before[1])

    assert (done["original"], done["largest"], done["predictions"]) == (first.id, 0.0, 0.0)
    assert done["metrics"]["roc_auc"] == 0.0
    with house.records.reading() as books:
        again = books.runs.get(done["run"])
    assert (again.kind, again.again, again.parameters) == ("rerun", first.id, first.parameters)


def test_another_environment_is_refused_by_name(shop, run):
    house, first = run
    older = {**first.environment.packages, "polars": "0.1.0"}
    with house.records.writing() as books:
        books.runs.save(replace(first, id="older", environment=replace(first.environment, packages=older)))

    error = cli(shop, "rerun", "older", code=3)["error"]

    assert "polars" in error["message"]
    assert "instead of 0.1.0" in error["message"]
    assert "--anyway" in error["hint"]


def test_a_tracked_program_is_executed_again_from_the_code_of_then(shop):
    (shop / "numbers.txt").write_text("1 2 3")
    (shop / "try.py").write_text(
        "import sys, kaizenml as kz\nwith kz.run('sum', seed=1) as run:\n"
        "    run.log(total=sum(map(int, open('numbers.txt').read().split())) * int(sys.argv[1]))\n"
    )
    subprocess.run([sys.executable, "try.py", "2"], cwd=shop, check=True, timeout=60)
    (shop / "try.py").write_text("raise SystemExit('newer code')")

    same = cli(shop, "rerun", "sum")
    (shop / "numbers.txt").write_text("1 2 4")
    other = cli(shop, "rerun", "sum")

    assert (same["metrics"], same["largest"]) == ({"total": 0.0}, 0.0)
    assert other["largest"] == 2.0


def test_a_run_whose_model_fails_has_its_data_in_the_record_and_is_executed_again_on_them(shop, tmp_path):
    folder = tmp_path / "failing"
    folder.mkdir()
    (folder / "project.py").write_text(PROJECT + "\n@project.step\ndef estimator():\n    raise ValueError('no luck')\n")
    (folder / "data.csv").write_bytes((shop / "data.csv").read_bytes())
    cli(folder, "run", code=3)
    [then] = cli(folder, "runs", "kind = 'pipeline'")["runs"]

    told = cli(folder, "rerun", then["id"], code=3)["error"]["message"]

    shown = cli(folder, "show", then["id"])
    [again] = cli(folder, "runs", "kind = 'rerun'")["runs"]
    assert "no luck" in told
    assert (then["snapshot"], again["snapshot"]) == ("shop@1", "shop@1")
    assert list(shown["data"]) == ["shop@1"], shown


def test_what_fails_after_the_steps_still_tells_what_they_used(run, tmp_path):
    house, found = run
    begun = replace(found, id="late", latest={}, console=None, state=RunState.RUNNING, finished_at=None)
    with house.records.writing() as books:
        books.runs.save(begun)
    with Observed(house, begun) as seen:
        once = seen.ended(begun)
        with house.records.writing() as books:
            seen.keep(books)
        again = seen.noted(begun)

    assert again.latest == once.latest
    assert again.latest["system/memory_bytes"] > 1e6
    with house.records.reading() as books:
        points = {name: books.series.read("late", name) for name in once.latest}
    assert {name: [each.value for each in found] for name, found in points.items()} == {
        name: [value] for name, value in once.latest.items()
    }
