"""Logging the fits of scikit-learn: parameters, curves, and what a search found."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
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
_VALIDATION = "sklearn.model_selection._validation"
#: What fits copies of one model; `cross_val_score` is a call of the first.
_SEVERAL = ("cross_validate", "cross_val_predict", "learning_curve", "validation_curve", "permutation_test_score")


def places(module: ModuleType, around: Around) -> list[tuple[Any, str, Any]]:
    """Return each class of a module of scikit-learn that has a `fit` of its own, with what takes its place.

    Also what fits the same model many times, such as `cross_validate`: that is one run.
    """
    own = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
    fits = [(each, "fit", vars(each)["fit"]) for each in own if isinstance(vars(each).get("fit"), FunctionType)]
    found: list[tuple[Any, str, Any]] = [(owner, name, _fit(fit, around)) for owner, name, fit in fits]
    if module.__name__ == _VALIDATION:
        for name in _SEVERAL:
            function = vars(module)[name]
            holders = [each for key, each in list(sys.modules.items()) if key.startswith("sklearn.")]
            logged = _several(name, function, around)
            found += [(each, name, logged) for each in holders if vars(each).get(name) is function]
    return found


def _several(name: str, function: Callable[..., Any], around: Around) -> Callable[..., Any]:
    """Watch a function that fits a model once for each fold."""

    @functools.wraps(function)
    def logged(*args: Any, **kwargs: Any) -> Any:
        with outermost() as is_mine:
            if not is_mine:
                return function(*args, **kwargs)

            def call(run: TrackedRun | None) -> Any:
                value = function(*args, **kwargs)
                if run is not None and isinstance(value, Mapping):
                    with safely():
                        _log_folds(run, value)
                return value

            model = args[0] if args else kwargs.get("estimator")
            return watched(name, {"estimator": type(model).__name__, **_parameters(model)}, around, call)

    return logged


def _log_folds(run: TrackedRun, scores: Mapping[str, Any]) -> None:
    """Log the score of each fold, at its place, and the mean of them."""
    for name, values in scores.items():
        if name.startswith(("test_", "train_")):
            for step, value in enumerate(values):
                run.log({f"cv/{name}": float(value)}, step=step)
            run.log({f"mean_{name}": float(sum(values) / len(values))})


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
