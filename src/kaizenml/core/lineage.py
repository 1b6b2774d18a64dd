"""What came of what: source → snapshot → run → model version → release → endpoint, and the predictions at its end.

A link goes from what was there first to what was made of it. Links are derived from the records themselves, and are
written with them; a link never becomes false, so none is taken away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from kaizenml.core.digest import digest_of
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.model import ModelVersion
from kaizenml.core.release import Release
from kaizenml.core.rollout import Rollout
from kaizenml.core.run import Run
from kaizenml.core.snapshot import Snapshot

#: A longer name is cut and ends with its digest: databases bound what an index holds.
LONGEST_NAME = 500


class Noun(StrEnum):
    """What a node is."""

    SOURCE = "source"
    SNAPSHOT = "snapshot"
    RUN = "run"
    MODEL = "model"
    RELEASE = "release"
    ENDPOINT = "endpoint"
    PREDICTION = "prediction"


class Way(StrEnum):
    """Which way the links are followed."""

    UP = "up"  # what made this
    DOWN = "down"  # what this touches
    BOTH = "both"


class Node(NamedTuple):
    """One thing, written ``kind:name``: ``source:flights/data/may.csv``, ``snapshot:flights@3``, ``run:…``,
    ``model:flights:3``, ``release:flights/3``, ``endpoint:flights``, ``prediction:flights/…``.
    """

    noun: Noun
    name: str

    def __str__(self) -> str:
        return f"{self.noun}:{self.name}"


class Link(NamedTuple):
    """One thing was made of another; ``detail`` is a word more, such as the step whose result was used."""

    parent: Node
    relation: str
    child: Node
    detail: str = ""


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
        How many links were seen and not followed, because there were too many. What they lead to is missing here.
    """

    start: Node
    places: tuple[Place, ...]
    links: tuple[Link, ...]
    left_off: int = 0

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
        }


class Links(Protocol):
    """The links between what is in the books."""

    def note(self, links: Iterable[Link]) -> None:
        """Write links; those that are there already change nothing."""
        ...

    def has(self, node: Node) -> bool:
        """Say whether any link begins or ends here."""
        ...

    def beyond(self, nodes: Collection[Node], way: Way, *, leads_on: bool, limit: int) -> list[Link]:
        """Return the links from these nodes one step up or down, to what leads further or to what does not."""
        ...

    def count(self, nodes: Collection[Node], way: Way, *, leads_on: bool) -> int:
        """Return how many such links there are."""
        ...


def walk(links: Links, start: Node, way: Way = Way.BOTH, *, limit: int = 1000) -> Graph:
    """Return all that a node came of, or that came of it, or both.

    What leads further is followed first: a snapshot that a hundred thousand runs have read still shows, within a few
    links, the runs that made models, and where these are served.

    Parameters
    ----------
    limit
        At most so many links each way.
    """
    ways = (Way.UP, Way.DOWN) if way is Way.BOTH else (way,)
    walks = [_one_way(links, start, each, limit) for each in ways]
    distances = {start: 0}
    for each in walks:
        for node, distance in each.distances.items():
            distances.setdefault(node, distance)
    found = {link: None for each in walks for link in each.links}
    places = sorted((Place(node, far) for node, far in distances.items()), key=_order)
    return Graph(start, tuple(places), tuple(found), sum(each.left_off for each in walks))


class _Walk(NamedTuple):
    distances: dict[Node, int]
    links: list[Link]
    left_off: int


def _one_way(links: Links, start: Node, way: Way, limit: int) -> _Walk:
    """Follow what leads further, level by level; then add what does not, from the farthest level back."""
    sign = -1 if way is Way.UP else 1
    distances, found, left_off = {start: 0}, list[Link](), 0
    levels: list[list[Node]] = []
    frontier = [start]
    while frontier:
        levels.append(frontier)
        step, more = _step(links, frontier, way, leads_on=True, limit=limit - len(found))
        found, left_off = found + step, left_off + more
        frontier = _reached(step, way, distances, sign * len(levels))
    leading = set(distances)
    for number, level in reversed(list(enumerate(levels, start=1))):
        step, more = _step(links, level, way, leads_on=False, limit=limit - len(found))
        found, left_off = found + step, left_off + more
        ends = {link.parent if way is Way.UP else link.child for link in step} - leading
        distances.update(dict.fromkeys(ends, sign * number))
    return _Walk(distances, found, left_off)


def _step(links: Links, nodes: Sequence[Node], way: Way, *, leads_on: bool, limit: int) -> tuple[list[Link], int]:
    step = links.beyond(nodes, way, leads_on=leads_on, limit=limit) if limit > 0 else []
    if len(step) < limit:
        return step, 0
    return step, links.count(nodes, way, leads_on=leads_on) - len(step)


def _reached(step: Sequence[Link], way: Way, distances: dict[Node, int], distance: int) -> list[Node]:
    """Note how far away the ends of these links are, and return those that are new."""
    ends = dict.fromkeys(link.parent if way is Way.UP else link.child for link in step)
    fresh = [node for node in ends if node not in distances]
    distances.update(dict.fromkeys(fresh, distance))
    return fresh


def _order(place: Place) -> tuple[int, int, str]:
    return abs(place.distance), list(Noun).index(place.node.noun), place.node.name


def node(noun: Noun, name: str) -> Node:
    """Return the node of a name; a name that is too long is cut, and ends with its digest."""
    if len(name.encode("utf-8", "replace")) <= LONGEST_NAME:
        return Node(noun, name)
    kept = name.encode("utf-8", "replace")[: LONGEST_NAME - 20].decode("utf-8", "ignore")
    return Node(noun, f"{kept}…{digest_of(name)[:16]}")


def links_of(value: Snapshot | Run | ModelVersion | Release | Endpoint | Rollout) -> list[Link]:
    """Return the links that end at a value of the books (of endpoints and rollouts: at the endpoint)."""
    match value:
        case Snapshot():
            found = _of_snapshot(value)
        case Run():
            found = _of_run(value)
        case ModelVersion():
            found = _link(Noun.RUN, value.run, "trained", node(Noun.MODEL, value.name))
        case Release():
            found = _link(Noun.MODEL, value.model_version, "is in", node(Noun.RELEASE, value.name))
            if not value.model_version:
                found = _link(Noun.RUN, value.run, "made", node(Noun.RELEASE, value.name))
        case Endpoint():
            at = node(Noun.ENDPOINT, value.name)
            found = [
                *_link(Noun.RELEASE, value.champion, "served at", at),
                *_link(Noun.RELEASE, value.previous, "served at", at),
            ]
        case Rollout():
            at = node(Noun.ENDPOINT, value.endpoint)
            found = _link(Noun.RELEASE, value.challenger, "was sent to", at)
    return list(dict.fromkeys(found))


def _of_snapshot(value: Snapshot) -> list[Link]:
    at = node(Noun.SNAPSHOT, value.name)
    contents: dict[str, list[str]] = {}
    for file in value.files:
        contents.setdefault(file.path, []).append(file.digest)
    files = [
        link
        for path, digests in contents.items()
        for link in _link(Noun.SOURCE, f"{value.project}/{path}", "was loaded into", at, _content(digests))
    ]
    tables = [
        link
        for table, version in value.pins.items()
        for link in _link(Noun.SOURCE, f"{value.project}/{table}", "was joined into", at, f"version {version}")
    ]
    return files + tables


def _content(digests: Sequence[str]) -> str:
    return f"content {digests[0][:12]}" if len(digests) == 1 else f"{len(digests)} batches"


def _of_run(value: Run) -> list[Link]:
    at = node(Noun.RUN, value.id)
    makers = {step.made_by: step.name for step in value.steps if step.made_by not in ("", value.id)}
    return [
        *_link(Noun.SNAPSHOT, value.snapshot, "was read by", at),
        *_link(Noun.RUN, value.parent, "started", at),
        *_link(Noun.RUN, value.again, "was executed again as", at),
        *(
            link
            for run, step in makers.items()
            for link in _link(Noun.RUN, run, "made a result that was used by", at, f"step {step}")
        ),
        *(
            link
            for name, digest in value.data.items()
            for link in _link(Noun.SOURCE, f"{value.project}/{name}", "was read by", at, _content([digest]))
        ),
    ]


def _link(noun: Noun, name: str, relation: str, child: Node, detail: str = "") -> list[Link]:
    """Return the link from a thing of this name; none where there is no name."""
    return [Link(node(noun, name), relation, child, detail)] if name and node(noun, name) != child else []
