"""What commands do, a program or notebook does with functions of the same names."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from step_projects import laid

import kaizenml as kz
from kaizenml.errors import NotFoundError, QueryError, RefusedError, StateError, StepFailedError, UsageError

BODY = """
@project.step
def numbers(how_many=3):
    return list(range(how_many))

@project.step
def squared(number=kz.each("numbers"), power=2):
    return number ** power

@project.step
def total(squared, wanted=True):
    if not wanted:
        raise ValueError("not wanted")
    return sum(squared)

project.pipeline("all", total)
project.pipeline("both", squared, numbers)
"""


def quiet(_):
    pass


@pytest.fixture
def folder(tmp_path):
    return laid(tmp_path / "lab", BODY)


def states(done):
    return {step.name: str(step.state) for step in done.run.steps}


def test_a_pipeline_is_executed_and_gives_its_values(folder):
    first = kz.execute("all", {"squared.power": 3}, folder=folder, say=quiet)
    both = kz.execute("both", {"squared.power": 3}, folder=folder, say=quiet)
    told = []
    alone = kz.execute("all", {"squared.power": 3}, folder=folder, only="total", say=told.append)

    assert (first.values, states(first)) == ({"total": 9}, dict.fromkeys(("numbers", "squared", "total"), "done"))
    assert (both.values, states(both)) == ({"squared": [0, 1, 8], "numbers": [0, 1, 2]},
                                           {"numbers": "cached", "squared": "cached"})  # fmt: skip
    assert (alone.values, states(alone)) == ({"total": 9}, {"numbers": "cached", "squared": "cached", "total": "done"})
    assert any(line.startswith("total: ") for line in told)


def test_an_interrupted_run_is_gone_on_with_under_the_beginning_of_its_name(folder):
    with pytest.raises(StepFailedError, match="not wanted"):
        kz.execute("all", {"total.wanted": False, "numbers.how_many": 4}, folder=folder, say=quiet)
    [failed] = kz.runs("state = 'failed'", folder=folder)

    done = kz.execute(parameters={"total.wanted": True}, resume=failed.id[:-1], folder=folder, say=quiet)
    command = subprocess.run(
        [sys.executable, "-m", "kaizenml", "run", "--resume", failed.id[:-1], "--set", "total.wanted=true", "--json"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert (done.values, states(done)["numbers"]) == ({"total": 14}, "cached")
    assert [step["state"] for step in json.loads(command.stdout)["steps"]] == ["cached"] * 3, command.stderr
    with pytest.raises(NotFoundError, match="no run 'nobody'"):
        kz.execute(resume="nobody", folder=folder, say=quiet)


def test_what_is_no_run_of_a_pipeline_is_not_gone_on_with(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with kz.run("by hand", project="lab", console=False, system=False) as tracked:
        tracked.log(loss=1)

    with pytest.raises(StateError, match="no run of a pipeline"):
        kz.execute(resume="by hand", folder=folder, say=quiet)


def test_runs_are_found_compared_and_executed_again(folder):
    one = kz.execute("all", folder=folder, say=quiet).run.id
    other = kz.execute("all", {"squared.power": 4}, folder=folder, say=quiet).run.id

    found = kz.runs("params.squared.power > 2", folder=folder)
    apart = kz.compare(one, other, folder=folder)
    again = kz.rerun(other, folder=folder, say=quiet)

    assert [line.id for line in found] == [other]
    assert apart.parameters == {"squared.power": (2, 4)}
    assert (again.original, again.largest, again.steps) == (other, 0.0, ())
    with pytest.raises(QueryError, match=r"no run has params\.squared\.pwer"):
        kz.runs("params.squared.pwer > 2", folder=folder)


def test_a_harmless_change_is_accepted_and_logged(folder):
    kz.execute("all", folder=folder, say=quiet)
    laid(folder, BODY.replace("return sum(squared)", "found = sum(squared)\n    return found"))

    changed = kz.accept("total", "a name for the sum", folder=folder)

    assert states(kz.execute("all", folder=folder, say=quiet))["total"] == "cached"
    assert any("total" in name for name in changed)
    with pytest.raises(RefusedError, match="what it was"):
        kz.accept("total", "again", folder=folder)


@pytest.mark.parametrize("way", [{"pipeline": "all"}, {"only": "total"}], ids=["pipeline", "step"])
def test_studies_of_what_evaluates_no_model_are_refused(folder, way):
    with pytest.raises(UsageError, match="evaluates no model that could be studied"):
        kz.execute(**way, also=["learning_curve"], folder=folder, say=quiet)


def test_what_is_over_is_not_cancelled(folder):
    done = kz.execute("all", folder=folder, say=quiet)

    with pytest.raises(StateError, match="done already"):
        kz.cancel(done.run.id, folder=folder)


def test_a_search_and_a_trial_of_a_change_are_made_from_a_program(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    rows = [f"o{i},{i % 17},{int(i * 7 % 17 > 8)}" for i in range(200)]
    (folder / "data.csv").write_text("\n".join(["order,weight,late", *rows]), "utf-8")
    (folder / "project.py").write_text(
        "import kaizenml as kz\n"
        "from sklearn.linear_model import LogisticRegression\n"
        'project = kz.Project("shop", source=kz.files("data.csv"), target="late", id="order")\n'
        "@project.step\n"
        "def estimator(C: float = 1.0):\n"
        "    return LogisticRegression(C=C)\n"
        'project.tune({"estimator.C": kz.between(0.1, 10.0, log=True)}, folds=2)\n'
        'project.gate(kz.at_least("accuracy", 2.0))\n',
        "utf-8",
    )

    found = kz.tune(2, folder=folder, say=quiet)
    change = kz.ci(folder=folder, out=tmp_path / "report", say=quiet)

    assert (len(found.trials), dict(found.trials[0].parameters)) == (2, {"estimator.C": 1.0})
    assert (change.has_passed, [check.name for check in change.checks]) == (False, ["at_least(accuracy)"])
    assert (tmp_path / "report" / "junit.xml").exists()
    with pytest.raises(StateError, match="is a search for better parameters"):
        kz.rerun(found.run, folder=folder, say=quiet)
