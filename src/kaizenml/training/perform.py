"""Performing a task: the step is called, watched, and what it returns is written down."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from kaizenml.core.task import Outcome, Ref, Task
from kaizenml.errors import StepFailedError
from kaizenml.training.graph import Node, called
from kaizenml.training.serialize import UnkeepableError, serialized
from kaizenml.training.values import OfCode, UnhashableError, value_digest


class Watch(Protocol):
    """Watches what a step reads while it executes."""

    def __call__(self, call: Callable[[], Any]) -> tuple[Any, Mapping[str, object], tuple[str, ...]]:
        """Return what the call returned, what it was seen to read, and why it cannot be told what it read."""
        ...


def unwatched(call: Callable[[], Any]) -> tuple[Any, Mapping[str, object], tuple[str, ...]]:
    """Call without watching."""
    return call(), {}, ()


def performed(
    task: Task, node: Node, load: Callable[[Ref], Any], *, of_code: OfCode, watch: Watch = unwatched
) -> Outcome:
    """Execute a task here.

    Raises
    ------
    StepFailedError
        When the step raises, or returns what its annotation excludes, or what cannot be kept although it should be.
    """
    arguments = {name: load(ref) for name, ref in task.values.items()} | dict(task.parameters) | _handed_in(task, node)
    begun = time.perf_counter()
    value, observed, why_not = watch(lambda: called(node, arguments))
    seconds = time.perf_counter() - begun
    try:
        content = serialized(value)
    except UnkeepableError as error:
        if task.needs_bytes:
            raise StepFailedError(
                f"The step `{node.name}` returned what cannot be kept: {error.message}", error.hint, {"step": node.name}
            ) from error
        return Outcome("", None, seconds, value, observed, (error.message,))
    return Outcome(
        identity(value, content, of_code), content, seconds, value, observed, why_not, size_bytes=len(content)
    )


def identity(value: object, content: bytes, of_code: OfCode) -> str:
    """Return the identity of a value: its own digest; that of its bytes where it has none."""
    try:
        return value_digest(value, of_code)
    except UnhashableError:
        return value_digest(content)


def _handed_in(task: Task, node: Node) -> dict[str, Any]:
    if task.seed is None:
        return {}
    found: dict[str, Any] = {}
    if "seed" in node.handed_in:
        found["seed"] = task.seed % 2**32  # what every library takes
    if "rng" in node.handed_in:
        import numpy as np

        found["rng"] = np.random.default_rng(task.seed)
    return found
