"""Which fit is the one to be logged: the outermost, also where its parts are fitted by threads of joblib's."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

from kaizenml.training.track import TrackedRun, plain

#: Gives the run that goes on, or one around the fit of a model of this name.
Around = Callable[[str], AbstractContextManager[TrackedRun]]
#: More parameters than this are not logged: a composition of models has those of every part.
MOST_PARAMETERS = 300
_JOBLIB = "joblib/parallel.py"
_here = threading.local()
_lock = threading.Lock()
_going_on: list[int] = []  # the threads of the outermost fits


@contextmanager
def outermost() -> Iterator[bool]:
    """Say whether this is no fit within another one, such as that of a pipeline's part or of a search's candidate."""
    depth = getattr(_here, "depth", 0)
    is_mine = depth == 0 and not (_going_on and _is_part_of_another())
    if is_mine:
        with _lock:
            _going_on.append(threading.get_ident())
    _here.depth = depth + 1
    try:
        yield is_mine
    finally:
        _here.depth = depth
        if is_mine:
            with _lock:
                _going_on.remove(threading.get_ident())


def _is_part_of_another() -> bool:
    """Say whether joblib fits in this thread what the fit of another thread asked for."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  who called is only known by the frames
    while frame is not None:
        if frame.f_code.co_filename.endswith(_JOBLIB):
            return threading.get_ident() not in _going_on
        frame = frame.f_back
    return False


@contextmanager
def open_to(run: TrackedRun | None) -> Iterator[None]:
    """Let a library that is called within a fit tell its curves to this run; None: to none."""
    before = getattr(_here, "run", None)
    _here.run = run
    try:
        yield
    finally:
        _here.run = before


def open_run() -> TrackedRun | None:
    """Return the run to which a library within a fit tells its curves."""
    return getattr(_here, "run", None)


@contextmanager
def safely() -> Iterator[None]:
    """Let nothing that goes wrong while watching reach the user's program."""
    try:
        yield
    except Exception as error:
        warnings.warn(f"Autologging left something out: {type(error).__name__}: {error}"[:300], stacklevel=3)


def watched(name: str, parameters: Mapping[str, object], around: Around, call: Callable[[Any], Any]) -> Any:
    """Call a fit within a run, and log its parameters and how long it took."""
    with contextlib.ExitStack() as stack:
        run = _opened(stack, around, name)
        if run is None:
            return call(None)
        with safely():
            fits = getattr(run, "fits", 0) + 1
            run.fits = fits
            prefix = "" if fits == 1 else f"{name}.{fits}."
            listed = list(parameters.items())[:MOST_PARAMETERS]
            run.log_params({f"{prefix}{key}"[:250]: plain(value) for key, value in listed})
            run.set_tags({f"{prefix}model": name})
        began = time.perf_counter()
        value = call(run)
        with safely():
            run.log(fit_seconds=time.perf_counter() - began)
        return value


def _opened(stack: contextlib.ExitStack, around: Around, name: str) -> TrackedRun | None:
    try:
        return stack.enter_context(around(name))
    except Exception as error:
        warnings.warn(f"Autologging is left out: {type(error).__name__}: {error}"[:300], stacklevel=4)
        return None
