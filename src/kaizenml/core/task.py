"""One execution of a step, wherever it happens: in this process, in another one, or on another machine."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from kaizenml.core.step import Ingredients, Kept, StepOptions

#: How the identity of a value begins that stays in memory: no two have the same.
LIVE = "live-"


@dataclass(frozen=True, slots=True)
class Ref:
    """A value that is on its way: its identity, and where its bytes are (empty: in this process only)."""

    digest: str
    blob: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it can be had in this process only, for it cannot be written down."""
        return self.digest.startswith(LIVE)


@dataclass(frozen=True, slots=True)
class Task:
    """What a runner is handed: which step, with which values.

    Parameters
    ----------
    id
        Of its own in the run.
    values
        The values of its inputs, by argument.
    parameters
        Plain arguments.
    seed
        What its randomness starts from, where it asks for it.
    item, items
        Which item of how many it is, where the step runs for each.
    needs_bytes
        Whether the result must come as bytes; else it may stay a live value.
    fence
        Grows when the task is handed out again: what an earlier holder says of it does not count.
    """

    id: str
    run: str
    step: str
    values: Mapping[str, Ref]
    parameters: Mapping[str, object]
    options: StepOptions
    seed: int | None = None
    item: int | None = None
    items: int = 1
    needs_bytes: bool = True
    fence: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task.

    Parameters
    ----------
    digest
        The identity of the value.
    content, blob
        Its bytes, or where in the cache they are already; neither for a value that stays in memory.
    size_bytes
        How many bytes it has.
    value
        The live value, where it was made in this process.
    observed
        What the step was seen to read: `Observed`, as plain JSON.
    why_not
        Why the result must not be used again, as far as its execution told.
    """

    digest: str
    content: bytes | None
    seconds: float
    value: Any = None
    observed: Mapping[str, object] = field(default_factory=dict)
    why_not: tuple[str, ...] = ()
    blob: str = ""
    size_bytes: int = 0


class Runner(Protocol):
    """Where steps execute."""

    def is_here(self, task: Task) -> bool:
        """Say whether the task will execute in this process, with its values; else they must be in the cache."""
        ...

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin a task. Its future raises `StepFailedError` when the step raised, or was stopped or lost."""
        ...

    def close(self) -> None:
        """End what is running, and give back what was taken."""
        ...


class StepCache(Protocol):
    """Results of steps, to be used again while nothing that made them has changed. What it loses is made anew."""

    def put(self, content: bytes) -> str:
        """Keep bytes, and return the sealed name under which they can be had."""
        ...

    def get(self, blob: str) -> bytes | None:
        """Return bytes whose seal holds; None where they are missing or damaged."""
        ...

    def find(self, *keys: str) -> list[Kept]:
        """Return the results under some keys, in the order of these, the newest of each first."""
        ...

    def keep(self, key: str, kept: Kept) -> None:
        """Keep a result under a key, beside those that are there."""
        ...

    def last(self, step: str) -> Ingredients | None:
        """Return what a step was made of when it last ran."""
        ...

    def remember(self, step: str, ingredients: Ingredients) -> None:
        """Note what a step was made of."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """Let what is written in a block be there as a whole when the block is over, even if the process then dies."""
        ...
