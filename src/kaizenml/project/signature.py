"""What the arguments of a step say: which are its inputs, which its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from kaizenml.core.step import Each

Step = Callable[..., Any]


def each(step: str) -> Any:
    """Return the default of an argument that is one item of what a step returned: the step runs for every item.

    ``def scored(part=kz.each("parts"), model=None)``; what comes of it is a list, in the order of the items. Several
    such arguments are taken side by side. Called by hand, the function takes one item.
    """
    return Each(step)


def defaults_of(function: Step) -> Mapping[str, object]:
    """Return the parameters of a step that have a default, by name; items of other steps are no parameters."""
    found = _parameters(function)
    return {
        name: each.default
        for name, each in found.items()
        if each.default is not inspect.Parameter.empty and not isinstance(each.default, Each)
    }


def inputs_of(function: Step) -> tuple[str, ...]:
    """Return the names of the step's inputs: its parameters without a default."""
    found = _parameters(function)
    return tuple(name for name, each in found.items() if each.default is inspect.Parameter.empty)


def items_of(function: Step) -> Mapping[str, Each]:
    """Return the arguments that are one item of another step's value, by name."""
    found = _parameters(function)
    return {name: each.default for name, each in found.items() if isinstance(each.default, Each)}


def _parameters(function: Step) -> Mapping[str, inspect.Parameter]:
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(function).parameters
    return {name: each for name, each in found.items() if each.kind not in open_ended}
