"""What a model is to a run: anything that behaves like a scikit-learn estimator, and says so.

A project's `estimator` step returns an unfitted `Model`: an estimator or pipeline of scikit-learn, of LightGBM or
XGBoost through their scikit-learn classes, or what `kz.torch` makes. Nothing else of a library is asked for.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from kaizenml.core.metric import Task
from kaizenml.errors import ProjectError

_RETURN = "Return an unfitted estimator of scikit-learn, LightGBM or XGBoost, or kz.torch(...)."


@runtime_checkable
class Model(Protocol):
    """The least that a run and an endpoint need of a model.

    Classifiers also have ``predict_proba(X)``, shape (n, k), and ``classes_`` once they are fitted. A ``random_state``
    parameter that is None gets the project's seed. Tags of scikit-learn say whether NaN and sparse matrices are taken.
    ``keeps_columns = True`` says that no column may be left out, not even one with a single value.
    """

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803  scikit-learn's word
        """Learn from a matrix, shape (n, d), and class codes or values, shape (n,)."""
        ...

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Return class codes or values, shape (n,)."""
        ...


def checked_model(estimator: Any, task: Task) -> Model:
    """Return what the `estimator` step returned, when it can learn this task.

    Raises
    ------
    ProjectError
        For what is no estimator, for a class in place of an object, and for one of the other kind of task.
    """
    kind = getattr(estimator, "__name__", None) or type(estimator).__name__
    if isinstance(estimator, type):
        raise ProjectError(f"The step `estimator` returned the class {kind}.", f"Return an object: `{kind}()`.")
    if not isinstance(estimator, Model):
        raise ProjectError(f"The step `estimator` returned a {kind}, which cannot be fitted.", _RETURN)
    from sklearn.base import is_classifier, is_regressor

    if task is Task.REGRESSION:
        if is_classifier(estimator):
            raise ProjectError(f"{kind} tells classes apart, and the target is a number.", "Return a regressor.")
        return estimator
    if is_regressor(estimator):
        raise ProjectError(f"{kind} predicts numbers, and the target has classes.", "Return a classifier.")
    if not hasattr(estimator, "predict_proba"):
        raise ProjectError(
            f"{kind} gives no probabilities.", f"Wrap it: `CalibratedClassifierCV({kind}())`, from sklearn.calibration."
        )
    return estimator


def keeps_columns(estimator: object) -> bool:
    """Say whether a model needs every column, because its shape was made for them."""
    return bool(getattr(estimator, "keeps_columns", False))
