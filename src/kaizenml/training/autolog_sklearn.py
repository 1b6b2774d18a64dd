"""Logging the fits of scikit-learn: parameters, curves, and what a search found."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kaizenml.training.autolog_scope import Around, open_run, open_to, outermost, safely, watched
from kaizenml.training.track import TrackedRun

_CURVES = {
    "train_score_": "train_score", "validation_score_": "validation_score", "validation_scores_": "validation_score",
    "loss_curve_": "loss", "oob_scores_": "oob_score",
}  # fmt: skip
#: What fits one model, that of its last part, and is told as that.
_AROUND_ONE = ("Pipeline", "TransformedTargetRegressor")
#: What a model can do; what can none of these only prepares data, and its fit alone is no training.
_MODELS = ("predict", "fit_predict", "score_samples")
_DEEPEST = 10


def places(around: Around) -> list[tuple[Any, str, Any]]:
    """Return each class of scikit-learn that has a `fit`, with what takes its place."""
    from sklearn.utils import all_estimators

    found = dict.fromkeys(base for _, each in all_estimators() for base in each.__mro__)
    classes = [each for each in found if each.__module__.startswith("sklearn.") and callable(vars(each).get("fit"))]
    return [(each, "fit", _fit(vars(each)["fit"], around)) for each in classes]


def _fit(fit: Callable[..., Any], around: Around) -> Callable[..., Any]:
    @functools.wraps(fit)
    def logged(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not any(hasattr(type(self), each) for each in _MODELS):
            return fit(self, *args, **kwargs)
        with outermost() as is_mine:
            is_around_one = type(self).__name__ in _AROUND_ONE
            if not is_mine:
                with open_to(open_run() if is_around_one else None):
                    return fit(self, *args, **kwargs)

            def call(run: TrackedRun | None) -> Any:
                with open_to(run if is_around_one else None):
                    value = fit(self, *args, **kwargs)
                if run is not None:
                    with safely():
                        _log_fitted(run, self)
                return value

            return watched(type(self).__name__, _parameters(self), around, call)

    return logged


def _parameters(estimator: Any) -> dict[str, object]:
    """Return the parameters, those of parts behind its own."""
    try:
        own = dict(estimator.get_params(deep=False))
        return own | dict(estimator.get_params(deep=True))
    except Exception:  # an estimator of the user's need not say
        return {}


def _log_fitted(run: TrackedRun, fitted: Any) -> None:
    for each in _parts(fitted):
        known = vars(each)
        if "cv_results_" in known:
            _log_search(run, known)
        for attribute, name in _CURVES.items():
            curve = known.get(attribute)
            for step, value in enumerate([] if curve is None else curve):
                run.log({name: float(value)}, step=step)
        if isinstance(iterations := getattr(each, "n_iter_", None), int):
            run.log(n_iter=iterations)


def _parts(fitted: Any) -> Iterator[Any]:
    """Give the model, and the one within it that it stands for: a pipeline's last, a search's best."""
    for _ in range(_DEEPEST):
        yield fitted
        known = vars(fitted)
        steps = known.get("steps") if type(fitted).__name__ == "Pipeline" else None
        within = steps[-1][1] if steps else known.get("best_estimator_", known.get("regressor_"))
        if not hasattr(within, "__dict__"):
            return
        fitted = within


def _log_search(run: TrackedRun, known: Mapping[str, Any]) -> None:
    """Log the mean score of each candidate, at its place, and the best with its parameters."""
    for name, values in known["cv_results_"].items():
        if name.startswith("mean_test_"):
            for step, value in enumerate(values):
                run.log({f"cv/{name.removeprefix('mean_')}": float(value)}, step=step)
    if isinstance(best := known.get("best_params_"), Mapping):
        run.log_params({f"best.{key}": value for key, value in best.items()})
    if "best_score_" in known:
        run.log(best_score=float(known["best_score_"]))
