"""What a walk finds: symbols, and what it cannot know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from kaizenml.core.digest import Digest


class Effect(StrEnum):
    """What not knowing something means."""

    NOTE = "note"
    WIDENS = "widens"
    FORBIDS = "forbids"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that cannot be known about a step, and what follows from it.

    Parameters
    ----------
    reason
        A sentence without its full stop, such as "`features` reads the clock (datetime.now)".
    effect
        ``note``: it is only told. ``widens``: all code of the project counts. ``forbids``: the step's result is not
        kept, it runs each time.
    """

    reason: str
    effect: Effect


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function, class or value that a step reaches: its digest, and its text for showing what changed."""

    digest: Digest
    write: Callable[[], str]

    @property
    def text(self) -> str:
        """The source of code, or a value, shortened."""
        return self.write()
