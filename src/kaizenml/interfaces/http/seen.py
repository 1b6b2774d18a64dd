"""What the caller may see of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from kaizenml.interfaces.http.access import seen_projects

T = TypeVar("T")
_MORE = 4


def latest(fetch: Callable[[int], list[T]], projects: Callable[[T], Sequence[str]], limit: int) -> list[T]:
    """Return the first things of a list that are only of projects that the caller may see, ``limit`` at most.

    Parameters
    ----------
    fetch
        Returns the beginning of the list, so long.
    projects
        Returns those that a thing belongs to.
    """
    seen, asked = seen_projects(), limit
    if seen is None:
        return fetch(limit)
    while True:
        found = fetch(asked)
        kept = [each for each in found if seen.issuperset(projects(each))]
        if len(kept) >= limit or len(found) < asked:
            return kept[:limit]
        asked *= _MORE
