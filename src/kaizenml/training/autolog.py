"""Logging what libraries do by themselves: their fits are watched, and work as before whatever the watching does."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from kaizenml.training.track import TrackedRun, plain

#: Gives the run that goes on, or one around the fit of a model of this name.
Around = Callable[[str], AbstractContextManager[TrackedRun]]
#: Undoes what was patched.
Undo = Callable[[], None]
LIBRARIES = ("sklearn", "lightgbm", "xgboost", "torch")
_CURVES = {"train_score_": "train_score", "validation_score_": "validation_score", "loss_curve_": "loss"}
_depth = threading.local()


def patched(library: str, around: Around, current: Callable[[], TrackedRun | None]) -> Undo:
    """Watch a library that is installed; return what undoes it."""
    if importlib.util.find_spec(library) is None:
        return lambda: None
    if library == "torch":
        return _torch(current)
    return {"sklearn": _sklearn, "lightgbm": _lightgbm, "xgboost": _xgboost}[library](around)


@contextmanager
def _outermost() -> Iterator[bool]:
    """Say whether this is no fit within another one, such as that of a pipeline's part."""
    before = getattr(_depth, "fits", 0)
    _depth.fits = before + 1
    try:
        yield before == 0
    finally:
        _depth.fits = before


@contextmanager
def _safely() -> Iterator[None]:
    """Let nothing that goes wrong while watching reach the user's program."""
    try:
        yield
    except Exception as error:
        warnings.warn(f"Autologging left something out: {type(error).__name__}: {error}"[:300], stacklevel=3)


def _watched(name: str, parameters: Mapping[str, object], around: Around, call: Callable[[Any], Any]) -> Any:
    """Call a fit within a run, and log its parameters and how long it took."""
    with contextlib.ExitStack() as stack:
        run = _opened(stack, around, name)
        if run is None:
            return call(None)
        with _safely():
            fits = getattr(run, "fits", 0) + 1
            run.fits = fits
            prefix = "" if fits == 1 else f"{name}.{fits}."
            run.log_params({f"{prefix}{key}"[:250]: plain(value) for key, value in parameters.items()})
            run.set_tags({f"{prefix}model": name})
        began = time.perf_counter()
        value = call(run)
        with _safely():
            run.log(fit_seconds=time.perf_counter() - began)
        return value


def _opened(stack: contextlib.ExitStack, around: Around, name: str) -> TrackedRun | None:
    try:
        return stack.enter_context(around(name))
    except Exception as error:
        warnings.warn(f"Autologging is left out: {type(error).__name__}: {error}"[:300], stacklevel=4)
        return None


def _replaced(places: list[tuple[Any, str, Any]]) -> Undo:
    """Put something in the place of functions; return what puts them back."""
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in places]
    for owner, name, value in places:
        setattr(owner, name, value)

    def undo() -> None:
        for owner, name, value in before:
            setattr(owner, name, value)

    return undo


def _sklearn(around: Around) -> Undo:
    from sklearn.utils import all_estimators

    found = dict.fromkeys(base for _, each in all_estimators() for base in each.__mro__)
    classes = [each for each in found if each.__module__.startswith("sklearn.") and callable(vars(each).get("fit"))]
    return _replaced([(each, "fit", _sklearn_fit(vars(each)["fit"], around)) for each in classes])


def _sklearn_fit(fit: Callable[..., Any], around: Around) -> Callable[..., Any]:
    @functools.wraps(fit)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _outermost() as is_mine:
            if not is_mine:
                return fit(self, *args, **kwargs)

            def call(run: TrackedRun | None) -> Any:
                value = fit(self, *args, **kwargs)
                if run is not None:
                    with _safely():
                        _log_curves(run, self)
                return value

            return _watched(type(self).__name__, _parameters(self), around, call)

    return watched


def _parameters(estimator: Any) -> dict[str, object]:
    try:
        return dict(estimator.get_params(deep=False))
    except Exception:  # an estimator of the user's need not say
        return {}


def _log_curves(run: TrackedRun, fitted: Any) -> None:
    for attribute, name in _CURVES.items():
        curve = vars(fitted).get(attribute)
        for step, value in enumerate([] if curve is None else curve):
            run.log({name: float(value)}, step=step)


def _lightgbm(around: Around) -> Undo:
    import lightgbm

    def of(run: TrackedRun) -> Callable[[Any], None]:
        def callback(state: Any) -> None:
            with _safely():
                found = {f"{each[0]}/{each[1]}": float(each[2]) for each in state.evaluation_result_list or ()}
                if found:
                    run.log(found, step=state.iteration)

        return callback

    return _train_patched("lightgbm", lightgbm.engine.train, "LightGBM", around, of)


def _xgboost(around: Around) -> Undo:
    import xgboost

    def of(run: TrackedRun) -> Any:
        def after_iteration(_self: Any, _model: Any, epoch: int, evals_log: Any) -> bool:
            with _safely():
                found = {
                    f"{data}/{name}": float(values[-1][0] if isinstance(values[-1], tuple) else values[-1])
                    for data, metrics in evals_log.items()
                    for name, values in metrics.items()
                }
                if found:
                    run.log(found, step=epoch)
            return False

        kind = type("Autolog", (xgboost.callback.TrainingCallback,), {"after_iteration": after_iteration})
        return kind()

    return _train_patched("xgboost", xgboost.training.train, "XGBoost", around, of)


def _train_patched(library: str, train: Any, name: str, around: Around, callback: Callable[[TrackedRun], Any]) -> Undo:
    """Watch a library's `train`, wherever it was imported to."""

    @functools.wraps(train)
    def watched(params: Any, *args: Any, **kwargs: Any) -> Any:
        with _outermost() as is_mine:
            if not is_mine:
                return train(params, *args, **kwargs)

            def call(run: TrackedRun | None) -> Any:
                more = dict(kwargs)
                if run is not None:
                    more["callbacks"] = [*(kwargs.get("callbacks") or ()), callback(run)]
                return train(params, *args, **more)

            given = {key: value for key, value in dict(params).items() if not callable(value)}
            rounds = kwargs.get("num_boost_round", args[1] if len(args) > 1 else None)
            return _watched(name, given | ({} if rounds is None else {"num_boost_round": rounds}), around, call)

    modules = [module for key, module in list(sys.modules.items()) if key.partition(".")[0] == library]
    return _replaced([(each, "train", watched) for each in modules if vars(each).get("train") is train])


def _torch(current: Callable[[], TrackedRun | None]) -> Undo:
    """Watch PyTorch: within a run, the loss at each `backward`, the first optimizer and the first model."""
    import torch
    from torch.nn.modules.module import register_module_forward_pre_hook
    from torch.optim.optimizer import register_optimizer_step_post_hook

    backward = torch.Tensor.backward
    told: dict[str, set[str]] = {}

    @functools.wraps(backward)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = current()
        if run is not None and self.numel() == 1:
            with _safely():
                run.log(loss=float(self.detach()))
        return backward(self, *args, **kwargs)

    def once(run: TrackedRun | None, what: str) -> TrackedRun | None:
        if run is None or what in told.setdefault(run.id, set()):
            return None
        told[run.id].add(what)
        return run

    def on_step(optimizer: Any, *_: Any) -> None:
        if (run := once(current(), "optimizer")) is not None:
            with _safely():
                group = {key: value for key, value in optimizer.param_groups[0].items() if key != "params"}
                run.log_params(
                    {"optimizer": type(optimizer).__name__} | {f"optimizer.{k}": v for k, v in group.items()}
                )

    def on_forward(module: Any, _: Any) -> None:
        if (run := once(current(), "model")) is not None:
            with _safely():
                size = sum(parameter.numel() for parameter in module.parameters())
                run.set_tags(model=type(module).__name__, model_parameters=size)

    handles = [register_optimizer_step_post_hook(on_step), register_module_forward_pre_hook(on_forward)]
    undo = _replaced([(torch.Tensor, "backward", watched)])

    def undo_all() -> None:
        undo()
        for handle in handles:
            handle.remove()

    return undo_all
