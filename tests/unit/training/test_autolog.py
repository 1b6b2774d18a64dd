"""Fits that are logged by themselves."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
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
    assert run.name == "Pipeline"


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


def test_lightgbm_tells_every_iteration(home):
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is an extra")
    rows = lightgbm.Dataset(X, Y)
    lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 4}, rows, num_boost_round=5, valid_sets=[rows])

    [(run, series)] = runs(home)
    assert (run.tags["model"], run.parameters["num_leaves"]) == ("LightGBM", 4)
    assert len(series["training/binary_logloss"]) == 5


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
