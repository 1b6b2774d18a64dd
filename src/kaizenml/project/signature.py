"""What the arguments of a step say: which are its inputs, which its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kaizenml.core.step import Each

Step = Callable[..., Any]


def each(step: str) -> Any:
    """Return the default of an argument that is one item of what a step returned: the step runs for every item.

    ``def scored(part=kz.each("parts"), model=None)``; what comes of it is a list, in the order of the items. Several
    such arguments are taken side by side. Called by hand, the function takes one item.
    """
    return Each(step)


class Arguments(NamedTuple):
    """The arguments of a step: its inputs, its parameters with their defaults, and those that are items."""

    inputs: tuple[str, ...]
    defaults: Mapping[str, object]
    items: Mapping[str, Each]


def arguments_of(function: Step) -> Arguments:
    """Return what each of a step's arguments is, in one look: reading a signature costs as much as a small step."""
    inputs, defaults, items = [], {}, {}
    for name, each in _parameters(function).items():
        if each.default is inspect.Parameter.empty:
            inputs.append(name)
        elif isinstance(each.default, Each):
            items[name] = each.default
        else:
            defaults[name] = each.default
    return Arguments(tuple(inputs), defaults, items)


def defaults_of(function: Step) -> Mapping[str, object]:
    """Return the parameters of a step that have a default, by name; items of other steps are no parameters."""
    return arguments_of(function).defaults


def inputs_of(function: Step) -> tuple[str, ...]:
    """Return the names of the step's inputs: its parameters without a default."""
    return arguments_of(function).inputs


def _parameters(function: Step) -> Mapping[str, inspect.Parameter]:
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(function).parameters
    return {name: each for name, each in found.items() if each.kind not in open_ended}
