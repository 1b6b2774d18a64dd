"""Fits that are logged by themselves."""

import functools
import importlib
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, StackingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kaizenml as kz
from kaizenml.loop.wiring import open_house, read_settings

X = np.random.default_rng(0).normal(size=(80, 3))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kz.autolog()
    yield tmp_path
    kz.autolog(False)


def runs(home):
    house = open_house(read_settings(home))
    with house.records.reading() as books:
        return [(run, {n: [p.value for p in books.series.read(run.id, n)] for n in books.series.last(run.id)})
                for run in books.runs.newest()]  # fmt: skip


def quiet():
    return kz.run("mine", console=False, system=False)


def test_a_fit_makes_a_run_of_its_own_or_joins_the_one_that_goes_on(home):
    LogisticRegression(C=0.5).fit(X, Y)
    with quiet():
        GradientBoostingClassifier(n_estimators=7).fit(X, Y)

    (mine, series), (own, _) = runs(home)
    assert (own.name, own.parameters["C"], own.tags["model"]) == ("LogisticRegression", 0.5, "LogisticRegression")
    assert own.latest["fit_seconds"] > 0
    assert (mine.name, mine.parameters["n_estimators"]) == ("mine", 7)
    assert len(series["train_score"]) == 7


def test_a_fit_within_another_is_part_of_it(home):
    make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)

    [(run, _)] = runs(home)
    assert (run.name, run.parameters["logisticregression__C"]) == ("Pipeline", 1.0)


def test_the_curves_of_a_pipelines_last_part_are_the_pipelines(home):
    stopped = HistGradientBoostingClassifier(max_iter=6, early_stopping=True, random_state=0)
    make_pipeline(StandardScaler(), stopped).fit(X, Y)

    [(run, series)] = runs(home)
    assert run.parameters["histgradientboostingclassifier__max_iter"] == 6
    assert len(series["validation_score"]) == len(series["train_score"]) == len(stopped.validation_score_)
    assert run.latest["n_iter"] == stopped.n_iter_


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_network_that_stops_early_tells_its_validation(home):
    network = MLPClassifier(early_stopping=True, max_iter=5).fit(X, Y)

    [(_, series)] = runs(home)
    assert series["validation_score"] == network.validation_scores_
    assert series["loss"] == network.loss_curve_


@pytest.mark.parametrize("backend", [None, "threading"])
def test_a_search_is_one_run_that_tells_every_candidate_and_the_best(home, backend):
    search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.01, 9]})
    with joblib.parallel_config(backend or "sequential", n_jobs=2 if backend else 1):
        search.fit(X, Y)

    [(run, series)] = runs(home)
    assert run.name == "GridSearchCV"
    assert run.parameters["best.logisticregression__C"] == search.best_params_["logisticregression__C"]
    assert series["cv/test_score"] == list(search.cv_results_["mean_test_score"])
    assert run.latest["best_score"] == search.best_score_


def test_preparing_data_alone_is_no_run(home):
    StandardScaler().fit(X)

    assert runs(home) == []


def test_what_stands_around_one_model_is_one_run(home):
    TransformedTargetRegressor(LinearRegression(), transformer=StandardScaler()).fit(X, X[:, 0])

    [(run, _)] = runs(home)
    assert run.name == "TransformedTargetRegressor"


def test_a_second_fit_in_a_run_is_logged_beside_the_first(home):
    with quiet():
        LogisticRegression(C=1.0).fit(X, Y)
        LogisticRegression(C=2.0).fit(X, Y)

    [(run, _)] = runs(home)
    assert (run.parameters["C"], run.parameters["LogisticRegression.2.C"]) == (1.0, 2.0)


def test_an_error_of_the_fit_is_the_users_own(home):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LogisticRegression().fit(X, Y[:3])

    [(run, _)] = runs(home)
    assert run.state == "failed"


def test_switching_off_puts_everything_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = vars(LogisticRegression)["fit"]
    kz.autolog()
    kz.autolog()
    assert vars(LogisticRegression)["fit"] is not before

    kz.autolog(False)

    assert vars(LogisticRegression)["fit"] is before


def test_switched_off_no_library_is_slowed(home):
    kz.autolog(False)
    places = [("lightgbm", "engine.train"), ("lightgbm", "train"), ("xgboost", "train"), ("torch", "Tensor.backward")]
    before = {place: found(*place) for place in places}
    hooks = [found("torch.nn.modules.module", "_global_forward_pre_hooks"),
             found("torch.optim.optimizer", "_global_optimizer_post_hooks")]  # fmt: skip
    sizes = [len(each or ()) for each in hooks]

    kz.autolog()
    changed = [place for place in places if before[place] is not None and found(*place) is not before[place]]
    kz.autolog(False)

    assert changed == [place for place in places if before[place] is not None]
    assert {place: found(*place) for place in places} == before
    assert [len(each or ()) for each in hooks] == sizes


def found(library, path):
    try:
        value = importlib.import_module(library)
    except ImportError:
        return None
    return functools.reduce(getattr, path.split("."), value)


def test_lightgbm_tells_every_iteration(home):
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is an extra")
    rows = lightgbm.Dataset(X, Y)
    lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 4}, rows, num_boost_round=5, valid_sets=[rows])

    [(run, series)] = runs(home)
    assert (run.tags["model"], run.parameters["num_leaves"]) == ("LightGBM", 4)
    assert len(series["training/binary_logloss"]) == 5


def test_lightgbm_in_a_pipeline_tells_its_iterations_and_where_it_stopped(home):
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is an extra")
    model = lightgbm.LGBMClassifier(n_estimators=40, learning_rate=1.0, verbose=-1, min_child_samples=2)
    held = np.random.default_rng(1).normal(size=(60, 3))
    stop = lightgbm.early_stopping(2, verbose=False)
    names = {"eval_X": held, "eval_y": held[:, 1] > 0, "callbacks": [stop]}
    names = {f"lgbmclassifier__{name}": value for name, value in names.items()}
    make_pipeline(StandardScaler(), model).fit(X, Y, **names)

    [(run, series)] = runs(home)
    assert (run.name, run.parameters["lgbmclassifier__n_estimators"]) == ("Pipeline", 40)
    assert series["valid_0/binary_logloss"] == model.evals_result_["valid_0"]["binary_logloss"]
    assert run.latest["best_iteration"] == model.best_iteration_ - 1
    assert len(series["valid_0/binary_logloss"]) < 40


def test_the_parts_of_an_ensemble_tell_no_curves(home):
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is an extra")
    parts = [("a", LogisticRegression()), ("b", lightgbm.LGBMClassifier(n_estimators=3, verbose=-1))]
    make_pipeline(StandardScaler(), StackingClassifier(parts, cv=2)).fit(X, Y)

    [(run, series)] = runs(home)
    assert (run.name, set(series)) == ("Pipeline", {"fit_seconds"})


def test_callbacks_that_are_given_by_place_are_called_too(home):
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is an extra")
    rows, seen = lightgbm.Dataset(X, Y), []
    params = {"objective": "binary", "verbose": -1}
    lightgbm.train(params, rows, 3, [rows], ["v"], None, None, False, [lambda state: seen.append(state.iteration)])

    [(run, series)] = runs(home)
    assert (run.state, seen, len(series["v/binary_logloss"])) == ("finished", [0, 1, 2], 3)


def test_a_call_that_the_library_refuses_is_refused_as_it_does(home):
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is an extra")
    with pytest.warns(UserWarning, match="Autologging left something out"), pytest.raises(TypeError, match="nonsense"):
        lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, Y), nonsense=1)


def test_xgboost_stopped_early_in_a_pipeline_tells_where(home):
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is an extra")
    model = xgboost.XGBClassifier(n_estimators=40, learning_rate=1.0, early_stopping_rounds=2)
    held = np.random.default_rng(1).normal(size=(60, 3))
    names = {"xgbclassifier__eval_set": [(held, held[:, 1] > 0)], "xgbclassifier__verbose": False}
    make_pipeline(StandardScaler(), model).fit(X, Y, **names)

    [(run, series)] = runs(home)
    assert series["validation_0/logloss"] == model.evals_result()["validation_0"]["logloss"]
    assert run.latest["best_iteration"] == model.best_iteration


def test_xgboost_tells_every_iteration(home):
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is an extra")
    rows = xgboost.DMatrix(X, Y)
    xgboost.train({"objective": "binary:logistic", "max_depth": 2}, rows, num_boost_round=5, evals=[(rows, "train")])

    [(run, series)] = runs(home)
    assert (run.tags["model"], run.parameters["max_depth"]) == ("XGBoost", 2)
    assert len(series["train/logloss"]) == 5


def test_pytorch_tells_every_loss_within_a_run(home):
    torch = pytest.importorskip("torch", reason="PyTorch is an extra")
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with quiet():
        for _ in range(4):
            optimizer.zero_grad()
            model(torch.zeros(2, 3)).pow(2).mean().backward()
            optimizer.step()

    [(run, series)] = runs(home)
    assert (run.parameters["optimizer"], run.tags["model"]) == ("SGD", "Linear")
    assert len(series["loss"]) == 4


@pytest.mark.parametrize("call", [cross_validate, cross_val_score, cross_val_predict])
def test_what_fits_a_model_once_for_each_fold_is_one_run(home, call):
    again = getattr(importlib.import_module("sklearn.model_selection"), call.__name__)

    again(LogisticRegression(C=0.5), X, Y, cv=4)

    [(run, series)] = runs(home)
    assert run.name in ("cross_validate", "cross_val_predict")
    assert (run.parameters["C"], run.parameters["estimator"]) == (0.5, "LogisticRegression")
    if call is not cross_val_predict:
        assert len(series["cv/test_score"]) == 4
        assert run.latest["mean_test_score"] == pytest.approx(np.mean(series["cv/test_score"]))


LATE = """
import sys
import kaizenml as kz

kz.autolog()
assert not {"sklearn", "lightgbm", "xgboost", "torch", "pandas", "scipy"} & set(sys.modules)

from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
import sklearn.linear_model._base as base
assert type(base.__loader__) is type(base.__spec__.loader) is not type(None)
assert "autolog" not in type(base.__loader__).__module__

LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
cross_val_score(LinearRegression(), [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0], cv=2)
kz.autolog(False)
LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
"""


def test_asking_for_it_imports_no_library_and_those_that_are_imported_later_are_watched(tmp_path):
    done = subprocess.run([sys.executable, "-c", LATE], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert [run.name for run, _ in runs(tmp_path)] == ["cross_validate", "LinearRegression"]
