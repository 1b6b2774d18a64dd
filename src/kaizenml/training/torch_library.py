"""PyTorch, imported where it is used: with a seed, and with names looked up by what a project writes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kaizenml.core.extras import install_hint
from kaizenml.errors import ProjectError, WrongEnvironmentError, bounded, close_match


def imported_torch() -> Any:
    """Return PyTorch.

    Raises
    ------
    WrongEnvironmentError
        When it is not installed, with the extra that brings it.
    """
    try:
        import torch as lib
    except ModuleNotFoundError as error:
        raise WrongEnvironmentError("The model is a PyTorch network, and PyTorch is not installed.", install_hint(
            ModuleNotFoundError(name="torch"))) from error  # fmt: skip
    return lib


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[Any]:
    """Yield PyTorch with a seed, deterministic algorithms and so many threads; leave it as it was found."""
    lib = imported_torch()
    before, strict = lib.get_num_threads(), lib.are_deterministic_algorithms_enabled()
    with lib.random.fork_rng(devices=[]):
        lib.manual_seed(seed)
        lib.use_deterministic_algorithms(True)
        lib.set_num_threads(threads)
        try:
            yield lib
        finally:
            lib.set_num_threads(before)
            lib.use_deterministic_algorithms(strict)


def named(place: Any, name: str, what: str) -> Any:
    """Return what PyTorch calls by this name.

    Raises
    ------
    ProjectError
        For a name that is not there, with the closest one.
    """
    found = getattr(place, name, None)
    if inspect.isclass(found):
        return found
    known = [each for each in dir(place) if inspect.isclass(getattr(place, each)) and not each.startswith("_")]
    match = close_match(name, known)
    raise ProjectError(
        f"PyTorch has no {what} {name!r}.", f"Did you mean {match!r}?" if match else f"Known: {bounded(known)}."
    )
