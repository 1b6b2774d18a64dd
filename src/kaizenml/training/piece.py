"""Pieces of one execution's work: what is known of a step's code, a task before it is done, a fan-out on its way."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Protocol

from kaizenml.core.step import Ingredients, Symbol
from kaizenml.core.task import Outcome, Ref
from kaizenml.training.graph import Node

#: Items of a fan-out are kept so many at a time, and wait no longer than this for others.
MOST_TOGETHER, TOGETHER_SECONDS = 64, 0.05


@dataclass(frozen=True, slots=True)
class CodeOfStep:
    """What is known of a step's code before it runs.

    Parameters
    ----------
    digest
        Of everything it reaches.
    symbols
        Makes what it reaches by name, with texts to show: asked for only where something is to be told.
    forbids
        Why its result must never be used again.
    """

    digest: str
    symbols: Callable[[], Mapping[str, Symbol]] = dict
    packages: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    forbids: tuple[str, ...] = ()


class Codebase(Protocol):
    """Knows the code of the steps, and whether what a step was seen to read is still so."""

    def of(self, node: Node) -> CodeOfStep:
        """Return what a step reaches."""
        ...

    def of_value(self, value: object) -> str:
        """Return the identity of a value, or raise `UnhashableError`."""
        ...

    def differs(self, observed: Mapping[str, object]) -> str:
        """Return what is no longer as a step was seen to read it; empty where all still holds."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of work before it is known whether it must be done."""

    node: Node
    code: CodeOfStep
    ingredients: Ingredients
    values: Mapping[str, Ref]
    parameters: Mapping[str, object]
    forbids: tuple[str, ...]
    key: str
    item: int | None = None
    items: int = 1

    def in_full(self) -> Ingredients:
        """Return the ingredients with the texts of the code."""
        return replace(self.ingredients, symbols=self.code.symbols())

    @property
    def title(self) -> str:
        """Name of the step, and of the item."""
        return self.node.name if self.item is None else f"{self.node.name}[{self.item}]"


@dataclass(slots=True)
class Fan:
    """A fan-out on its way: the places of its results, and the items that were begun and are not kept yet."""

    refs: list[Ref | None]
    begun: deque[tuple[int, Piece, Future[Outcome]]] = field(default_factory=deque)
    count: int = 0
    attempts: int = 1
    why: tuple[tuple[str, ...], Mapping[str, str]] | None = None
    notes: dict[str, None] = field(default_factory=dict)
    last: tuple[Piece, Outcome] | None = None
    settled_at: float = field(default_factory=time.monotonic)

    def is_due(self) -> bool:
        """Say whether items that are over have waited long enough for others to be kept with."""
        return self.begun[0][2].done() and time.monotonic() - self.settled_at > TOGETHER_SECONDS
