"""The graph of steps: which needs which, and in which order they can run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

from kaizenml.core.extras import install_hint
from kaizenml.core.step import Each, StepOptions
from kaizenml.errors import KaizenError, NotFoundError, ProjectError, StepFailedError, bounded, close_match
from kaizenml.project import Step, arguments_of, defaults_of
from kaizenml.training.typed import fits, hints_of, may_be, said

#: Arguments that every step may ask for without a step that makes them.
HANDED_IN = ("seed", "rng")

_NO_PARAMETER = "The steps have none: one is an argument with a default, such as `def features(rows, days=7)`."


@dataclass(frozen=True, slots=True)
class Node:
    """One step: what it is called, which steps feed it, which parameters it has, and what is asked of its execution.

    Parameters
    ----------
    inputs
        Arguments that are the value of the step of that name.
    items
        Arguments that are one item of another step's value.
    handed_in
        Those of `HANDED_IN` that it asks for.
    code
        The function that tells what the step does, where ``function`` only wraps it.
    is_built_in
        Whether it is part of this package, not of the project.
    """

    name: str
    function: Step
    inputs: tuple[str, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)
    items: Mapping[str, Each] = field(default_factory=dict)
    handed_in: tuple[str, ...] = ()
    options: StepOptions = field(default_factory=StepOptions)
    code: Step | None = None
    is_built_in: bool = False

    @property
    def is_typed(self) -> bool:
        """Whether its annotations are the project's, and say what it takes and gives."""
        return not self.is_built_in and self.code is None

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of everything that must be there before it can run."""
        when = (self.options.when,) if self.options.when and self.options.when not in self.parameters else ()
        return tuple(dict.fromkeys((*self.inputs, *(each.of for each in self.items.values()), *when)))


def graph(
    steps: Mapping[str, Step],
    given: Iterable[str],
    parameters: Mapping[str, object] | None = None,
    options: Mapping[str, StepOptions] | None = None,
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
    options
        What is asked of the execution of some of the steps.

    Raises
    ------
    ProjectError
        For an input that nothing makes, and for steps that need each other.
    NotFoundError
        For a parameter that no step has.
    """
    own = [name for name, function in steps.items() if not getattr(function, "is_built_in", False)]
    known = [*dict.fromkeys((*own, *steps, *given))]  # the project's own first: they are likelier to be meant
    settings = _by_step(parameters or {}, steps)
    nodes = {
        name: _node(name, function, known, settings.get(name, {}), (options or {}).get(name, StepOptions()))
        for name, function in steps.items()
    }
    for node in nodes.values():
        _check(node, known)
        _check_types(node, nodes)
    try:
        order = list(
            TopologicalSorter({name: set(node.needs) & set(steps) for name, node in nodes.items()}).static_order()
        )
    except CycleError as error:
        raise ProjectError(f"These steps need each other: {' → '.join(error.args[1])}.", "Break the circle.") from error
    return [nodes[name] for name in order]


def needed_for(nodes: Collection[Node], goals: Iterable[str]) -> list[Node]:
    """Return the steps that the goals need, the goals among them, in the order they came.

    Raises
    ------
    NotFoundError
        For a goal that is no step.
    """
    by_name = {node.name: node for node in nodes}
    wanted: set[str] = set()
    waiting = list(goals)
    for goal in waiting:
        if goal not in by_name:
            raise NotFoundError("step", goal, by_name)
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in wanted:
            wanted.add(name)
            waiting += by_name[name].needs
    return [node for node in nodes if node.name in wanted]


def downstream(nodes: Iterable[Node], start: str) -> set[str]:
    """Return the names of a step and of every step that depends on it."""
    found = {start}
    for node in nodes:
        if found & set(node.needs):
            found.add(node.name)
    return found


def step_failed(name: str, function: Step, error: BaseException) -> StepFailedError:
    """Return the error that says where in the user's step what was raised."""
    line, trace = None, error.__traceback__
    code = getattr(function, "__code__", None)
    while trace is not None:
        if code is not None and trace.tb_frame.f_code.co_filename == code.co_filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f" (line {line})" if line else ""
    return StepFailedError(
        f"The step `{name}`{where} raised {': '.join(filter(None, (type(error).__name__, str(error)[:400])))}",
        install_hint(error) or _hint(name, error),
        {"step": name, "line": line},
    )


def _hint(name: str, error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "A step ends by returning, or by raising what went wrong; it does not end the program."
    return f"Call `{name}` by hand, in a test or a notebook: a step is a plain function."


def called(node: Node, arguments: Mapping[str, object]) -> object:
    """Call a step; what it raises is told with the step's name and line, errors of our own pass as they are.

    Raises
    ------
    StepFailedError
        Also when it returns what its annotation excludes.
    """
    try:
        value = node.function(**arguments)
    except KaizenError:
        raise
    except (Exception, SystemExit) as error:  # a step that ends the program has not come to its end
        raise step_failed(node.name, node.code or node.function, error) from error
    hint = hints_of(node.function).get("return", Any) if node.is_typed else Any
    if fits(value, hint):
        return value
    raise StepFailedError(
        f"The step `{node.name}` returned a {type(value).__name__}, and its annotation says {said(hint)}.",
        "Mend what it returns, or the annotation.",
        {"step": node.name},
    )


def _node(
    name: str, function: Step, known: Collection[str], settings: Mapping[str, object], options: StepOptions
) -> Node:
    asked, defaults, items = arguments_of(function)
    return Node(
        name,
        function,
        tuple(each for each in asked if each in known or each not in HANDED_IN),
        {**defaults, **settings},
        items,
        tuple(each for each in asked if each in HANDED_IN and each not in known),
        options,
        getattr(function, "code", None),
        getattr(function, "is_built_in", False),
    )


def _check(node: Node, known: list[str]) -> None:
    when = node.options.when
    for wanted in (*node.inputs, *(each.of for each in node.items.values())):
        if wanted not in known:
            close = NotFoundError("step", wanted, known).hint
            raise ProjectError(
                f"The step `{node.name}` asks for `{wanted}`, which no step makes. {close}".strip(),
                f"Give it a default to make it a parameter, or name one of: {bounded(known)}.",
            )
    if when and when not in known and when not in node.parameters:
        there = [*node.parameters, *known]
        match = close_match(when, there)
        raise ProjectError(
            f"The step `{node.name}` runs when `{when}`, which is neither a step nor one of its parameters.",
            f"Did you mean {match!r}?" if match else f"Name one of: {bounded(there)}.",
        )
    if iscoroutinefunction(node.function) or isasyncgenfunction(node.function):
        raise ProjectError(
            f"The step `{node.name}` is an `async def`: calling it gives no value.",
            "Write `def`, and `return asyncio.run(…)` in it.",
        )


def _check_types(node: Node, nodes: Mapping[str, Node]) -> None:
    """Refuse that a step takes what another gives as something that it cannot be."""
    for name in node.inputs if node.is_typed else ():
        maker = nodes.get(name)
        if maker is None or not maker.is_typed or maker.items or maker.options.when:
            continue
        given, taken = hints_of(maker.function).get("return", Any), hints_of(node.function).get(name, Any)
        if not may_be(given, taken):
            raise ProjectError(
                f"The step `{node.name}` takes `{name}` as {said(taken)}, and `{name}` gives {said(given)}.",
                "Mend one of the two annotations.",
            )


def _by_step(parameters: Mapping[str, object], steps: Mapping[str, Step]) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    if not parameters:
        return found
    known = {f"{name}.{each}" for name, function in steps.items() for each in defaults_of(function)}
    for path, value in parameters.items():
        if path not in known:
            raise NotFoundError("step parameter", path, sorted(known), "" if known else _NO_PARAMETER)
        name, _, parameter = path.partition(".")
        found.setdefault(name, {})[parameter] = value
    return found
