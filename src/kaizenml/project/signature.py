"""What the arguments of a step say: which are its inputs, which its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
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
    for name, default in _defaults(function).items():
        if default is inspect.Parameter.empty:
            inputs.append(name)
        elif isinstance(default, Each):
            items[name] = default
        else:
            defaults[name] = default
    return Arguments(tuple(inputs), defaults, items)


def defaults_of(function: Step) -> Mapping[str, object]:
    """Return the parameters of a step that have a default, by name; items of other steps are no parameters."""
    return arguments_of(function).defaults


def inputs_of(function: Step) -> tuple[str, ...]:
    """Return the names of the step's inputs: its parameters without a default."""
    return arguments_of(function).inputs


def _defaults(function: Step) -> Mapping[str, object]:
    """Return the default of every argument, of one without `inspect.Parameter.empty`."""
    if type(function) is FunctionType and not vars(function) and not function.__code__.co_posonlyargcount:
        return _defaults_of_plain(function)
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(function).parameters
    return {name: each.default for name, each in found.items() if each.kind not in open_ended}


def _defaults_of_plain(function: FunctionType) -> Mapping[str, object]:
    """Return the same of a function that nothing wraps, at a tenth of the cost."""
    code = function.__code__
    count = code.co_argcount
    found: dict[str, object] = dict.fromkeys(
        code.co_varnames[: count + code.co_kwonlyargcount], inspect.Parameter.empty
    )
    given = function.__defaults__ or ()
    found |= dict(zip(code.co_varnames[count - len(given) : count], given, strict=True))
    return found | (function.__kwdefaults__ or {})
