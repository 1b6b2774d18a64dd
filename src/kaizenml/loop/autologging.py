"""`kz.autolog()`: the fits of libraries are logged by themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kaizenml.loop.tracking import current_run, run
from kaizenml.training.autolog import LIBRARIES, Undo, patched
from kaizenml.training.track import TrackedRun

_lock = threading.Lock()
_UNDO: list[Undo] = []  # what is patched in this process, which is where the libraries are


def autolog(on: bool = True) -> None:
    """Log the fits of scikit-learn, LightGBM, XGBoost and PyTorch by themselves, or no longer.

    Logged are the parameters, the model's type, how long the fit took, and metrics of every iteration where the library
    tells them. They go to the run that goes on; without one, a fit makes a run of its own (PyTorch, which has no fit,
    logs within a run only). A fit within another, such as in a pipeline or a search, is part of it. Off until it is
    called; what goes wrong while logging is a warning and never reaches the fit.

    Parameters
    ----------
    on
        False puts everything back as it was.
    """
    with _lock:
        while _UNDO:
            _UNDO.pop()()
        if on:
            _UNDO.extend(patched(library, _around, current_run) for library in LIBRARIES)


@contextmanager
def _around(name: str) -> Iterator[TrackedRun]:
    going_on = current_run()
    if going_on is not None:
        yield going_on
        return
    with run(name, console=False, system=False) as own:
        yield own
