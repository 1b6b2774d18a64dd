"""Logging what libraries do by themselves: their fits are watched, and work as before whatever the watching does."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from kaizenml.training import autolog_sklearn
from kaizenml.training.autolog_later import Later
from kaizenml.training.autolog_scope import Around, open_run, outermost, safely, watched
from kaizenml.training.track import TrackedRun

#: Undoes what was patched.
Undo = Callable[[], None]
LIBRARIES = ("sklearn", "lightgbm", "xgboost", "torch")


def patched(library: str, around: Around, current: Callable[[], TrackedRun | None]) -> Undo:
    """Watch a library from when it is imported on, or at once where it is; return what undoes it."""
    undo: list[Undo] = []

    def watch(module: ModuleType) -> None:
        with safely():
            undo.append(_watch(module, around, current))

    later = Later(_is_within("sklearn") if library == "sklearn" else library.__eq__, watch)
    later.begin()

    def undo_all() -> None:
        later.end()
        while undo:
            undo.pop()()

    return undo_all


def _is_within(library: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(f"{library}.")


def _watch(module: ModuleType, around: Around, current: Callable[[], TrackedRun | None]) -> Undo:
    if module.__name__ == "torch":
        return _torch(current)
    if module.__name__ in ("lightgbm", "xgboost"):
        return {"lightgbm": _lightgbm, "xgboost": _xgboost}[module.__name__](around)
    return _replaced(autolog_sklearn.places(module, around))


def _replaced(places: list[tuple[Any, str, Any]]) -> Undo:
    """Put something in the place of functions; return what puts them back."""
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in places]
    for owner, name, value in places:
        setattr(owner, name, value)

    def undo() -> None:
        for owner, name, value in before:
            setattr(owner, name, value)

    return undo


def _lightgbm(around: Around) -> Undo:
    import lightgbm

    def of(run: TrackedRun) -> Callable[[Any], None]:
        def callback(state: Any) -> None:
            with safely():
                found = {f"{each[0]}/{each[1]}": float(each[2]) for each in state.evaluation_result_list or ()}
                if found:
                    run.log(found, step=state.iteration)

        return callback

    return _train_patched("lightgbm", lightgbm.engine.train, "LightGBM", around, of)


def _xgboost(around: Around) -> Undo:
    import xgboost

    def of(run: TrackedRun) -> Any:
        def after_iteration(_self: Any, _model: Any, epoch: int, evals_log: Any) -> bool:
            with safely():
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

    signature = inspect.signature(train)

    def with_callback(run: TrackedRun, args: Any, kwargs: Any) -> inspect.BoundArguments | None:
        """Return what the call was given, with the callback behind the user's own; None where it cannot be."""
        given = None
        with safely():
            given = signature.bind(*args, **kwargs)
            given.arguments["callbacks"] = [*(given.arguments.get("callbacks") or ()), callback(run)]
        return given

    def called(run: TrackedRun | None, args: Any, kwargs: Any) -> Any:
        given = with_callback(run, args, kwargs) if run is not None else None
        if run is None or given is None:
            return train(*args, **kwargs)
        value = train(*given.args, **given.kwargs)
        with safely():
            best = _best_iteration(value)
            if best is not None:
                run.log(best_iteration=best)
        return value

    def parameters(args: Any, kwargs: Any) -> dict[str, object]:
        found: dict[str, object] = {}
        with safely():
            given = signature.bind(*args, **kwargs).arguments
            found |= {key: value for key, value in dict(given["params"]).items() if not callable(value)}
            found |= {key: given[key] for key in ("num_boost_round",) if key in given}
        return found

    @functools.wraps(train)
    def logged(*args: Any, **kwargs: Any) -> Any:
        with outermost() as is_mine:
            if not is_mine:
                return called(open_run(), args, kwargs)
            return watched(name, parameters(args, kwargs), around, lambda run: called(run, args, kwargs))

    modules = [module for key, module in list(sys.modules.items()) if key.partition(".")[0] == library]
    return _replaced([(each, "train", logged) for each in modules if vars(each).get("train") is train])


def _best_iteration(booster: Any) -> int | None:
    """Return the iteration with the best validation, counted from 0, where training stopped early."""
    if hasattr(booster, "attr") and callable(getattr(booster, "num_boosted_rounds", None)):  # XGBoost
        told = booster.attr("best_iteration")
        return None if told is None else int(told)
    best = int(getattr(booster, "best_iteration", 0) or 0)  # LightGBM counts from 1, and 0 or less is none
    return best - 1 if best > 0 else None


def _torch(current: Callable[[], TrackedRun | None]) -> Undo:
    """Watch PyTorch: within a run, the loss at each `backward`, the first optimizer and the first model."""
    import torch
    from torch.nn.modules.module import register_module_forward_pre_hook
    from torch.optim.optimizer import register_optimizer_step_post_hook

    backward = torch.Tensor.backward
    told: dict[str, set[str]] = {}

    @functools.wraps(backward)
    def logged(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = current()
        if run is not None and self.numel() == 1:
            with safely():
                run.log(loss=float(self.detach()))
        return backward(self, *args, **kwargs)

    def once(run: TrackedRun | None, what: str) -> TrackedRun | None:
        if run is None or what in told.setdefault(run.id, set()):
            return None
        told[run.id].add(what)
        return run

    def on_step(optimizer: Any, *_: Any) -> None:
        if (run := once(current(), "optimizer")) is not None:
            with safely():
                group = {key: value for key, value in optimizer.param_groups[0].items() if key != "params"}
                run.log_params(
                    {"optimizer": type(optimizer).__name__} | {f"optimizer.{k}": v for k, v in group.items()}
                )

    def on_forward(module: Any, _: Any) -> None:
        if (run := once(current(), "model")) is not None:
            with safely():
                size = sum(parameter.numel() for parameter in module.parameters())
                run.set_tags(model=type(module).__name__, model_parameters=size)

    handles = [register_optimizer_step_post_hook(on_step), register_module_forward_pre_hook(on_forward)]
    undo = _replaced([(torch.Tensor, "backward", logged)])

    def undo_all() -> None:
        undo()
        for handle in handles:
            handle.remove()

    return undo_all
