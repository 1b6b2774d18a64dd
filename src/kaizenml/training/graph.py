"""The graph of steps: which needs which, and one execution of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from kaizenml.errors import KaizenError, NotFoundError, ProjectError, StepFailedError, bounded
from kaizenml.project import Step, defaults_of, inputs_of

#: Called with a step's name and function around its execution; returns what the step returns.
Around = Callable[[str, Callable[[], Any]], Any]


@dataclass(frozen=True, slots=True)
class Node:
    """One step: what it is called, which steps feed it, which parameters it has."""

    name: str
    function: Step
    inputs: tuple[str, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)


def graph(
    steps: Mapping[str, Step], given: Iterable[str], parameters: Mapping[str, object] | None = None
) -> list[Node]:
    """Return the steps in an order in which each has its inputs.

    Parameters
    ----------
    steps
        The functions by name.
    given
        Names of values that are there from the start.
    parameters
        Values that replace defaults, under ``step.parameter``.

    Raises
    ------
    ProjectError
        For an input that nothing makes, and for steps that need each other.
    NotFoundError
        For a parameter that no step has.
    """
    known = [*steps, *given]
    settings = _by_step(parameters or {}, steps)
    for name, function in steps.items():
        _check_inputs(name, function, known)
    try:
        order = list(
            TopologicalSorter({name: set(inputs_of(steps[name])) & set(steps) for name in steps}).static_order()
        )
    except CycleError as error:
        raise ProjectError(f"These steps need each other: {' → '.join(error.args[1])}.", "Break the circle.") from error
    return [Node(name, steps[name], inputs_of(steps[name]), settings.get(name, {})) for name in order]


def execute(nodes: Iterable[Node], given: Mapping[str, Any], around: Around) -> dict[str, Any]:
    """Run the steps in order and return every value, given and made.

    Raises
    ------
    StepFailedError
        When a step of the user raises; errors of our own pass as they are.
    """
    values = dict(given)
    for node in nodes:
        values[node.name] = around(node.name, lambda node=node: _call(node, values))  # type: ignore[misc]
    return values


def _call(node: Node, values: Mapping[str, Any]) -> Any:
    try:
        return node.function(**{name: values[name] for name in node.inputs}, **node.parameters)
    except KaizenError:
        raise
    except Exception as error:
        raise step_failed(node.name, node.function, error) from error


def step_failed(name: str, function: Step, error: Exception) -> StepFailedError:
    """Return the error that says where in the user's step what was raised."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == function.__code__.co_filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f" (line {line})" if line else ""
    return StepFailedError(
        f"The step `{name}`{where} raised {type(error).__name__}: {str(error)[:400]}",
        f"Call `{name}` by hand, in a test or a notebook: a step is a plain function.",
        {"step": name, "line": line},
    )


def _check_inputs(name: str, function: Step, known: list[str]) -> None:
    for wanted in inputs_of(function):
        if wanted not in known:
            raise ProjectError(
                f"The step `{name}` asks for `{wanted}`, which no step makes.",
                f"Give it a default to make it a parameter, or name one of: {bounded(known)}.",
            )


def _by_step(parameters: Mapping[str, object], steps: Mapping[str, Step]) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    known = {f"{name}.{each}" for name, function in steps.items() for each in defaults_of(function)}
    for path, value in parameters.items():
        if path not in known:
            raise NotFoundError("step parameter", path, sorted(known))
        name, _, parameter = path.partition(".")
        found.setdefault(name, {})[parameter] = value
    return found
