"""Tuning: from the project's own steps to better parameters, again and again, side by side, with what can go wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import polars as pl
import pytest
from loop_processes import KAIZEN, soon
from sklearn.datasets import load_breast_cancer

from kaizenml.core.process import is_running

PROJECT = """
import kaizenml as kz
from sklearn.linear_model import LogisticRegression

project = kz.Project("shop", source=kz.files("data.csv"), target="bad")

@project.step
def estimator(C: float = {default}):
    {body}
    return LogisticRegression(C=C, max_iter=500)

{more}
"""


def project(folder, body="pass", more="", default=1.0):
    folder.mkdir(exist_ok=True)
    data = load_breast_cancer()
    frame = pl.DataFrame(data.data[:240, :4], schema=["a", "b", "c", "d"])
    frame.with_columns(bad=pl.Series(data.target[:240]) == 0).write_csv(folder / "data.csv")
    (folder / "project.py").write_text(PROJECT.format(body=body, more=more, default=default), "utf-8")
    return folder


def kaizen(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "kaizenml", *words], cwd=folder, capture_output=True, text=True, timeout=200, check=False
    )


def tuned(folder, *words):
    done = kaizen(folder, "tune", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


SPACE = 'project.tune({"estimator.C": kz.between(1e-4, 100.0, log=True)}, metric="log_loss", folds=2)'


def test_a_search_begins_with_the_defaults_and_goes_on_where_it_was(tmp_path):
    folder = project(tmp_path / "shop", more=SPACE, default=0.0001)
    first, _ = tuned(folder, "--trials", "3")
    more, said = tuned(folder, "--trials", "5")
    done, silent = tuned(folder, "--trials", "5")

    assert first["trials"][0]["parameters"] == {"estimator.C": 0.0001}
    assert [each["parameters"] for each in more["trials"][:3]] == [each["parameters"] for each in first["trials"]]
    assert len(more["trials"]) == 5
    assert "trial 4 of 5" in said
    assert "trial 3" not in said
    assert "trial" not in silent.replace("trials", "")
    assert done["best"] == more["best"]
    assert more["best"]["value"] <= first["trials"][0]["value"]
    assert more["gained"]["value"] > 0
    runs = json.loads(kaizen(folder, "runs", "--json").stdout)["runs"]
    assert {run["kind"] for run in runs} == {"tuning"}


def test_the_score_of_a_trial_is_that_of_scikit_learn_on_the_same_folds(tmp_path):
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from step_projects import kept

    from kaizenml.loop.loading import load_folder
    from kaizenml.loop.steps import fold_score
    from kaizenml.loop.tuning import space_of
    from kaizenml.training.crossval import folds

    folder = project(tmp_path / "shop", more=SPACE)
    found, _ = tuned(folder, "--trials", "1")
    assert space_of(load_folder(folder).project)
    assert kaizen(folder, "run", "--json").returncode in (0, 1)
    from kaizenml.loop.wiring import open_house, read_settings

    with open_house(read_settings(folder.resolve(), {})).records.reading() as books:
        run = next(each for each in books.runs.newest() if each.kind == "pipeline")
    split, problem = kept(folder, run, "split"), kept(folder, run, "problem")

    expected = []
    for fold in folds(problem, split.train, 2):
        train, test = split.train[fold.train], split.train[fold.test]
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        model.fit(train.select("a", "b", "c", "d").to_numpy(), train["bad"].to_numpy())
        said = model.predict_proba(test.select("a", "b", "c", "d").to_numpy())
        expected.append(log_loss(test["bad"].to_numpy(), said))

    assert np.allclose(found["trials"][0]["scores"], expected, atol=1e-6)
    assert fold_score.__doc__


def test_trials_run_side_by_side_in_processes(tmp_path):
    folder = project(tmp_path / "shop", more=SPACE)

    found, _ = tuned(folder, "--trials", "4", "--jobs", "2")

    assert [each["state"] for each in found["trials"]] == ["complete"] * 4


def interrupt(folder, pid, how):
    if how == "ctrl-c":
        os.killpg(pid, signal.SIGINT)
    elif how == "kill -9":
        os.kill(pid, signal.SIGKILL)
    else:
        (run,) = json.loads(kaizen(folder, "runs", "--json").stdout)["runs"]
        done = kaizen(folder, "cancel", run["id"])
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("how", "code", "state"),
    [("ctrl-c", 130, "cancelled"), ("kaizen cancel", 130, "cancelled"), ("kill -9", -signal.SIGKILL, "failed")],
)
def test_an_interrupted_search_stops_at_once_begins_its_trials_anew_and_can_be_followed(tmp_path, how, code, state):
    place = tmp_path / "seen"
    place.mkdir()
    body = f"""import os, time
    open("{place}/" + str(os.getpid()), "w").close()
    while not os.path.exists("{place}.go"):
        time.sleep(0.05)"""
    folder = project(tmp_path / "shop", body, SPACE, default=0.0001)
    with (tmp_path / "said").open("w") as said:
        search = subprocess.Popen(
            [*KAIZEN, "tune", "--trials", "3", "--jobs", "2"], cwd=folder, stdout=said, stderr=said, process_group=0
        )
        try:
            soon(lambda: len(list(place.iterdir())) == 2, within=120)
            interrupt(folder, search.pid, how)
            assert search.wait(60) == code
        finally:
            search.kill()
            search.wait()
    soon(lambda: not any(is_running(int(each.name)) for each in place.iterdir()))

    for each in place.iterdir():
        each.unlink()
    with (tmp_path / "found").open("w") as found, (tmp_path / "said").open("w") as said:
        again = subprocess.Popen(
            [*KAIZEN, "tune", "--trials", "3", "--jobs", "2", "--json"], cwd=folder, stdout=found, stderr=said
        )
        try:
            soon(lambda: len(list(place.iterdir())) == 2, within=120)
            runs = {run["state"]: run["id"] for run in json.loads(kaizen(folder, "runs", "--json").stdout)["runs"]}
            (tmp_path / "seen.go").touch()
            followed = kaizen(folder, "show", runs["running"], "--follow")
            assert again.wait(120) == 0
        finally:
            again.kill()
            again.wait()
    found, said = json.loads((tmp_path / "found").read_text()), (tmp_path / "said").read_text()

    assert runs.keys() == {state, "running"}
    assert followed.returncode == 0, followed.stderr
    assert "of 3: log_loss" in followed.stdout
    assert "2 trials of an interrupted search are begun anew" in said
    states = [each["state"] for each in found["trials"]]
    assert states == ["failed", "failed", "complete", "complete", "complete"]
    again = [each["parameters"] for each in found["trials"]]
    assert again[0] == {"estimator.C": 0.0001}
    assert all(each in again[2:] for each in again[:2])


def test_a_guessed_range_is_widened_when_the_best_lies_on_its_bound(tmp_path):
    folder = project(tmp_path / "shop", more='project.tune(metric="log_loss", folds=2)', default=1e-6)

    found, said = tuned(folder, "--trials", "10")

    assert "lies on a bound of estimator.C" in said
    assert max(each["parameters"]["estimator.C"] for each in found["trials"]) > 1e-5


def test_a_declared_bound_is_told_and_kept(tmp_path):
    space = 'project.tune({"estimator.C": kz.between(1e-6, 2e-6, log=True)}, metric="log_loss", folds=2)'
    folder = project(tmp_path / "shop", more=space, default=2e-6)

    found, _ = tuned(folder, "--trials", "2")

    assert found["on_bound"] == ["estimator.C"]


@pytest.mark.parametrize(
    ("body", "more", "code", "says"),
    [
        ("raise ValueError('no C')", SPACE, 3, "raised ValueError: no C"),
        ("pass", 'project.tune({"estimator.c": kz.between(1, 2)})', 2, "estimator.C"),
        ("pass", 'project.tune({"estimator.C": kz.between(2, 1)})', 2, "nothing between 2 and 1"),
        ("pass", 'project.tune({"estimator.C": kz.between(1, 2)}, metric="roc_acu")', 2, "roc_auc"),
    ],
)
def test_what_cannot_be_tuned_says_why(tmp_path, body, more, code, says):
    done = kaizen(project(tmp_path / "shop", body, more), "tune", "--trials", "8")

    assert done.returncode == code, done.stderr
    assert says in done.stderr


def test_a_project_without_parameters_says_how_to_get_them(tmp_path):
    folder = project(tmp_path / "shop")
    text = (folder / "project.py").read_text().replace("C: float = 1.0", "").replace("C=C, ", "")
    (folder / "project.py").write_text(text)

    done = kaizen(folder, "tune")

    assert done.returncode == 2
    assert "nothing to tune" in done.stderr
    assert "project.tune(" in done.stderr
