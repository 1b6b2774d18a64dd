"""Who answers where: the whole table that one reference assignment replaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock

from kaizenml.core.digest import Digest
from kaizenml.core.endpoint import Route, Routes, answering
from kaizenml.core.scorer import Scorer
from kaizenml.errors import NotFoundError, UnavailableError
from kaizenml.serving.pace import Pace
from kaizenml.serving.rowcheck import RowCheck


@dataclass(frozen=True, eq=False)
class Loaded:
    """A release that is ready to answer."""

    release: str
    digest: Digest
    scorer: Scorer
    pace: Pace = field(default_factory=Pace, repr=False, compare=False)
    lock: Lock = field(default_factory=Lock, repr=False, compare=False)  # one thread at a time

    @cached_property
    def check(self) -> RowCheck:
        """What its rows must look like."""
        return RowCheck(self.scorer.signature)


@dataclass(frozen=True, slots=True)
class Lane:
    """One endpoint's route, with the releases that it names."""

    route: Route
    champion: Loaded
    challenger: Loaded | None

    def answering(self, key: str) -> Loaded:
        """Return who answers a request with this key."""
        if self.challenger and answering(self.route, key) == self.challenger.release:
            return self.challenger
        return self.champion

    def beside(self, answering: Loaded) -> str:
        """Return the name of the other release that scores the same rows, heard or not; empty if none does."""
        other = self.shadowing(answering)
        return other.release if other else ""

    def shadowing(self, answering: Loaded) -> Loaded | None:
        """Return who scores the same rows without being heard, if anyone does."""
        if not self.route.is_shadowed or self.challenger is None:
            return None
        return self.champion if answering is self.challenger else self.challenger


@dataclass(frozen=True, slots=True)
class Table:
    """Every endpoint's lane; ``unready`` are endpoints without one, and why. Generation 0: no routes were read yet."""

    generation: int = 0
    lanes: Mapping[str, Lane] = field(default_factory=dict)
    unready: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    loaded: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether every route's champion is loaded and checked."""
        return self.generation > 0 and not self.unready

    def serving(self) -> dict[str, Loaded]:
        """Return the releases that some lane needs, by name."""
        both = (loaded for lane in self.lanes.values() for loaded in (lane.champion, lane.challenger))
        return {loaded.release: loaded for loaded in both if loaded}

    def lane(self, endpoint: str) -> Lane:
        """Return the endpoint's lane, or raise: `NotFoundError` for a name nobody serves, else `UnavailableError`."""
        lane = self.lanes.get(endpoint)
        if lane is not None:
            return lane
        if endpoint in self.unready or not self.generation:
            reason = self.unready.get(endpoint, "the server is starting")
            raise UnavailableError(f"Endpoint {endpoint[:80]!r} is not ready: {reason}", "Send it again in a while.")
        raise NotFoundError("endpoint", endpoint[:80], sorted(self.lanes), "`GET /` lists the endpoints.")


def named(route: Route) -> Iterator[str]:
    """Yield the releases that a route names, the champion first."""
    yield route.champion
    if route.challenger:
        yield route.challenger
    yield from route.warm


def next_table(routes: Routes, held: Mapping[str, Loaded], refused: Mapping[str, str], before: Table) -> Table:
    """Return the table for these routes, given the releases that could be loaded.

    A route whose champion or challenger could not be loaded does not move: the lane before it stays.
    """
    lanes: dict[str, Lane] = {}
    unready: dict[str, str] = {}
    for route in routes.routes:
        lane = _lane(route, held) or before.lanes.get(route.endpoint)
        if lane:
            lanes[route.endpoint] = lane
        else:
            unready[route.endpoint] = refused.get(route.champion) or refused.get(route.challenger, "not loaded")
    table = Table(routes.generation, lanes, unready, dict(refused))
    return replace(table, loaded=tuple(sorted({*held, *table.serving()})))


def _lane(route: Route, held: Mapping[str, Loaded]) -> Lane | None:
    champion, challenger = held.get(route.champion), held.get(route.challenger)
    if champion is None or (route.challenger and challenger is None):
        return None
    return Lane(route, champion, challenger)
