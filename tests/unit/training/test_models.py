"""What the `estimator` step may return, and what is said of what it may not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from kaizenml.core.extras import EXTRAS, install_hint
from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.errors import ProjectError
from kaizenml.training.fit import fit
from kaizenml.training.graph import step_failed
from kaizenml.training.model import checked_model

COLUMNS = (Column("a", ColumnKind.NUMBER), Column("b", ColumnKind.NUMBER))


@pytest.mark.parametrize(
    ("estimator", "task", "said"),
    [
        (None, Task.BINARY, "returned a NoneType"),
        ("LogisticRegression", Task.BINARY, "returned a str"),
        (LogisticRegression, Task.BINARY, "the class LogisticRegression"),
        (LinearRegression(), Task.MULTICLASS, "the target has classes"),
        (LogisticRegression(), Task.REGRESSION, "the target is a number"),
        (LinearSVC(), Task.BINARY, "CalibratedClassifierCV"),
    ],
)
def test_what_cannot_learn_the_task_is_refused_with_what_to_do(estimator, task, said):
    with pytest.raises(ProjectError) as refused:
        checked_model(estimator, task)

    assert said in str(refused.value)


@pytest.mark.parametrize("estimator", [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())])
def test_an_estimator_or_a_pipeline_is_a_model(estimator):
    assert checked_model(estimator, Task.BINARY) is estimator


@pytest.mark.parametrize(
    ("library", "kind"), [("lightgbm", "LGBMClassifier"), ("xgboost", "XGBClassifier"), (None, None)]
)
def test_a_class_that_no_training_row_has_gets_no_probability(library, kind):
    estimator = LogisticRegression()
    if library:
        module = pytest.importorskip(library, reason=f"kaizenml[{library}] is not installed")
        estimator = getattr(module, kind)(n_estimators=5, **({"verbose": -1} if library == "lightgbm" else {}))
    rng = np.random.default_rng(0)
    rows = pl.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    y = np.where(rows["a"].to_numpy() > 0, 3.0, 1.0)  # of the classes 0 to 3 only these two

    fitted = fit(estimator, rows, y, columns=COLUMNS, task=Task.MULTICLASS, classes=tuple("wxyz"), seed=0)
    found = fitted.predict(rows)

    assert found.shape == (200, 4)
    assert np.array_equal(found[:, [0, 2]], np.zeros((200, 2)))
    assert (found.argmax(axis=1) == y).mean() > 0.9


@pytest.mark.parametrize(("module", "extra"), EXTRAS.items())
def test_a_library_that_is_not_installed_is_named_with_its_extra(module, extra):
    assert f"'kaizenml[{extra}]'" in install_hint(ModuleNotFoundError("no", name=f"{module}.sklearn"))


def test_a_step_that_misses_a_library_says_how_to_install_it():
    def estimator():
        raise ModuleNotFoundError("No module named 'lightgbm'", name="lightgbm")

    error = step_failed("estimator", estimator, ModuleNotFoundError("No module named 'lightgbm'", name="lightgbm"))

    assert "pip install 'kaizenml[lightgbm]'" in error.hint
    assert install_hint(ModuleNotFoundError("no", name="somebodys_own")) == ""
    assert install_hint(ValueError("no")) == ""
