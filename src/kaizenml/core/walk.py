"""All that a thing came of, or that came of it: links followed from one node, the important ones first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kaizenml.core.lineage import Link, Links, Node, Noun, Reach, Way

#: So many links of one level are looked at where each counts: towards endpoints, and upwards.
MOST_LOOKED_AT = 20_000
#: And so many of a level that leads to no endpoint, however few are to be shown.
FEWEST_LOOKED_AT = 1_000
#: No path is followed longer than this.
MOST_LEVELS = 1_000


#: The reaches of what leads on, but to no endpoint.
_NEAR = (Reach.RELEASE, Reach.MODEL, Reach.ON)


class Place(NamedTuple):
    """A node that was reached, so many links away: above zero what came of the start, below what it came of."""

    node: Node
    distance: int


@dataclass(frozen=True, slots=True)
class Graph:
    """What a walk found, nearest first.

    Parameters
    ----------
    left_off
        How many links were seen that are not among these, because there were too many.
    leads_further
        Whether more may lie behind those that were left off: then they are at least so many.
    reached
        All nodes that were reached and lead on, or to an endpoint, also those that are not among the places.
    """

    start: Node
    places: tuple[Place, ...]
    links: tuple[Link, ...]
    left_off: int = 0
    leads_further: bool = False
    reached: frozenset[Node] = field(default=frozenset(), repr=False, compare=False)

    def of(self, noun: Noun) -> list[str]:
        """Return the names of the nodes of a kind, nearest first."""
        return [place.node.name for place in self.places if place.node.noun is noun]

    @property
    def facts(self) -> dict[str, object]:
        """The graph as plain JSON: nodes with how far away they are (below zero: above the start), and links."""
        return {
            "start": str(self.start),
            "nodes": [{"node": str(place.node), "distance": place.distance} for place in self.places],
            "links": [
                {"parent": str(link.parent), "relation": link.relation, "child": str(link.child), "detail": link.detail}
                for link in self.links
            ],
            "left_off": self.left_off,
            "leads_further": self.leads_further,
            "is_complete": not self.left_off,
        }


def walk(links: Links, start: Node, way: Way = Way.BOTH, *, limit: int = 1000) -> Graph:
    """Return all that a node came of, or that came of it, or both.

    What leads to an endpoint is followed first and to its end, then what leads to a release, to a model, to anything.
    Of too many links those are kept that lead to the kinds of which there are fewest: of a snapshot that a hundred
    thousand runs have read, the endpoints, then the releases.

    Parameters
    ----------
    limit
        At most so many links each way.
    """
    ways = (Way.UP, Way.DOWN) if way is Way.BOTH else (way,)
    walks = [_one_way(links, start, each, limit) for each in ways]
    distances = {start: 0}
    for each, one in zip(ways, walks, strict=True):
        for node, distance in _distances(start, one.links, each).items():
            distances.setdefault(node, -distance if each is Way.UP else distance)
    found = {link: None for each in walks for link in each.links}
    places = sorted((Place(node, far) for node, far in distances.items()), key=_order)
    left_off, further = sum(each.left_off for each in walks), any(each.leads_further for each in walks)
    reached = frozenset(node for each in walks for node in each.reached)
    return Graph(start, tuple(places), tuple(found), left_off, further, reached)


class _Walk(NamedTuple):
    links: Sequence[Link]
    left_off: int
    leads_further: bool
    reached: Sequence[Node] = ()


def _one_way(links: Links, start: Node, way: Way, limit: int) -> _Walk:
    """Follow what leads on, farthest reach first; then add what does not, from the farthest level back."""
    levels, found, left_off, is_cut = [[start]], dict[Link, None](), 0, False
    for reach in (Reach.ON,) if way is Way.UP else (Reach.ENDPOINT, *_NEAR):
        if reach is _NEAR[0] and not links.leads([node for level in levels for node in level], _NEAR):
            break
        most = MOST_LOOKED_AT if way is Way.UP or reach is Reach.ENDPOINT else max(limit, FEWEST_LOOKED_AT)
        step = _followed(links, levels, way, reach, most)
        found.update(dict.fromkeys(step.links))
        left_off, is_cut = left_off + step.left_off, is_cut or step.leads_further
    every = [node for level in levels for node in level]
    kept = _kept(list(found), start, way, limit)
    left_off += len(found) - len(kept)
    reached = [start, *(_end(link, way) for link in kept)]
    ends = _ends(links, _by_level(levels, set(reached)), way, limit - len(kept))
    if len(kept) < len(found) or len(kept) + len(ends) >= limit:
        left_off += links.count(every, way, Reach.NOTHING) - len(ends)
    return _Walk([*kept, *ends], left_off, is_cut, every)


def _followed(links: Links, levels: list[list[Node]], way: Way, reach: Reach, most: int) -> _Walk:
    """Follow the links of one reach from every level; nodes that are new become part of the level they are on."""
    known = {node for level in levels for node in level}
    found, left_off, is_cut, number = list[Link](), 0, False, 0
    while number < len(levels):
        step = links.beyond(levels[number], way, reach, limit=most)
        if len(step) == most and (more := links.count(levels[number], way, reach) - most):
            left_off, is_cut = left_off + more, True
        found += step
        fresh = dict.fromkeys(end for link in step if (end := _end(link, way)) not in known)
        known.update(fresh)
        number += 1
        if fresh and number == len(levels) < MOST_LEVELS:
            levels.append([])
        if number < len(levels):
            levels[number] += fresh
        elif fresh:
            is_cut = True
    return _Walk(found, left_off, is_cut)


def _kept(found: Sequence[Link], start: Node, way: Way, limit: int) -> Sequence[Link]:
    """Return at most so many links: whole paths to the nodes of the rarest kinds, then to others, then what is left."""
    if len(found) <= limit:
        return found
    end = 0 if way is Way.UP else 2
    reached_by: dict[Node, Link] = {}
    for link in found:
        reached_by.setdefault(link[end], link)  # type: ignore[arg-type]
    kinds = defaultdict[Noun, list[Node]](list)
    for node in reached_by:
        kinds[node.noun].append(node)
    nearer = 1 if way is Way.UP else -1  # of as many of two kinds, those at the end of the way come first
    kept, there = dict[Link, None](), {start}
    for noun in sorted(kinds, key=lambda noun: (len(kinds[noun]), nearer * _RANKS[noun])):
        for node in kinds[noun]:
            path = _path(node, reached_by, there, way)
            if len(kept) + len(path) <= limit:
                kept.update(dict.fromkeys(path))
                there.update([_end(link, way) for link in path])
            if len(kept) == limit:
                return list(kept)
    whole = [link for link in found if link.parent in there and link.child in there and link not in kept]
    return [*kept, *whole[: limit - len(kept)]]


def _path(node: Node, reached_by: dict[Node, Link], there: set[Node], way: Way) -> list[Link]:
    """Return the links by which a node was reached, from a node that is there already."""
    path = []
    while node not in there:
        path.append(link := reached_by[node])
        node = link.child if way is Way.UP else link.parent
    return path[::-1]


def _by_level(levels: Sequence[Sequence[Node]], kept: set[Node]) -> list[list[Node]]:
    return [[node for node in level if node in kept] for level in levels]


def _ends(links: Links, levels: Sequence[Sequence[Node]], way: Way, limit: int) -> list[Link]:
    """Return links to what does not lead on."""
    found: list[Link] = []
    for level in reversed(levels):
        if len(found) < limit:
            found += links.beyond(level, way, Reach.NOTHING, limit=limit - len(found))
    return found


def _distances(start: Node, links: Iterable[Link], way: Way) -> dict[Node, int]:
    """Return how many links away each node is at least."""
    after = defaultdict[Node, list[Node]](list)
    for link in links:
        near, far = (link.child, link.parent) if way is Way.UP else (link.parent, link.child)
        after[near].append(far)
    distances, frontier = {start: 0}, [start]
    while frontier:
        fresh = dict.fromkeys(far for near in frontier for far in after[near] if far not in distances)
        distances.update(dict.fromkeys(fresh, distances[frontier[0]] + 1))
        frontier = list(fresh)
    return distances


def _end(link: Link, way: Way) -> Node:
    return link.parent if way is Way.UP else link.child


_RANKS = {noun: rank for rank, noun in enumerate(Noun)}


def _order(place: Place) -> tuple[int, int, str]:
    return abs(place.distance), _RANKS[place.node.noun], place.node.name
