"""What came of what, asked for by the name that people use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from kaizenml.core.lineage import Link, Links, Node, Noun, Reach, Way, node
from kaizenml.core.ports import Books
from kaizenml.core.walk import Graph, Place, walk
from kaizenml.errors import NotFoundError, UsageError
from kaizenml.loop.answered_rows import Touched, counted, listed
from kaizenml.loop.answered_rows import found as found_rows
from kaizenml.loop.belonging import narrowed
from kaizenml.loop.node_names import found_node
from kaizenml.loop.wiring import House, open_house, read_settings

#: Of so many nodes, the nearest of those that the books know, it is said what they are.
MOST_FACTS = 40


@dataclass(frozen=True, slots=True)
class Traced:
    """A walk, in a few words what the nearest of its nodes are, and how many rows were answered at its end."""

    graph: Graph
    facts: Mapping[Node, Mapping[str, object]]
    predictions: tuple[Touched, ...] = ()

    @property
    def document(self) -> dict[str, object]:
        """The walk as it is printed and sent."""
        nodes = [
            {
                "node": str(place.node), "kind": str(place.node.noun), "name": place.node.name,
                "distance": place.distance, "facts": self.facts.get(place.node, {}),
            }
            for place in self.graph.places
        ]  # fmt: skip
        return {**self.graph.facts, "nodes": nodes, "predictions": self.predictions}


def lineage(word: str, *, way: Way | str = Way.BOTH, limit: int = 1000, folder: Path | str = ".") -> Traced:
    """Return what a thing of the project in a folder came of, and what came of it.

    Parameters
    ----------
    word
        Such as ``snapshot:flights@3``, ``flights/3``, how the id of one run begins, or the id of a prediction.
    way
        ``up`` (what it came of), ``down`` (what came of it) or ``both``.
    limit
        At most so many links each way, 1 to 100,000.

    Returns
    -------
    Traced
        Its ``graph`` has places and links, its ``predictions`` how many rows were answered by what came of it.

    Raises
    ------
    NotFoundError
        When there is no such thing, with the close match.
    UsageError
        When the word means several things, or the way or limit is none.
    """
    if way not in list(Way):
        raise UsageError(f"There is no way {way!r}.", f"Known: {', '.join(Way)}.")
    return traced(open_house(read_settings(Path(folder))), word, Way(way), limit=limit)


def traced(house: House, text: str, way: Way, *, limit: int = 1000, projects: frozenset[str] | None = None) -> Traced:
    """Return what a thing came of and what came of it, predictions too; see `lineage`.

    Parameters
    ----------
    projects
        Only what belongs to these is shown; None: all.
    """
    with house.records.reading() as books:
        start, answers = begun(books, house, text)
        found = graph(_WithAnswers(books.lineage, answers), start, way, limit=limit)
        beside = [Link(node(Noun.ENDPOINT, each.detail), "was asked", each.child) for each in answers[:1]]
        found = narrowed(books, found if way is Way.DOWN else _beside(found, beside), projects)
        facts = facts_of(books, found)
        where = ([], None) if way is Way.UP else answering(books, found, projects)
    return Traced(found, facts, tuple(counted(house, *where)))


def touched(
    house: House, text: str, *, limit: int, after: int = 0, projects: frozenset[str] | None = None
) -> pl.DataFrame:
    """Return the newest predictions that a thing touches; see `answered_rows.listed`."""
    with house.records.reading() as books:
        start, _ = begun(books, house, text)
        where = answering(books, graph(books.lineage, start, Way.DOWN), projects)
    return listed(house, *where, limit=limit, after=after)


def begun(books: Books, house: House, text: str) -> tuple[Node, list[Link]]:
    """Return the node that a text means, and of a prediction the links from the releases that scored it."""
    kind, _, name = text.partition(":")
    endpoints = [each.name for each in books.endpoints.all()]
    if kind != Noun.PREDICTION or not name:
        try:
            return found_node(books, text), []
        except NotFoundError:
            if kind in list(Noun):
                raise
            try:
                return _prediction(*found_rows(house, endpoints, text))
            except NotFoundError:
                pass
            raise
    return _prediction(*found_rows(house, endpoints, name))


def graph(links: Links, start: Node, way: Way, *, limit: int = 1000) -> Graph:
    """Return what is linked to a node; see `core.walk`."""
    if not 1 <= limit <= 100_000:
        raise UsageError(f"A limit of {limit} cannot be.", "Ask for 1 to 100,000 links.")
    return walk(links, start, way, limit=limit)


def answering(books: Books, found: Graph, projects: frozenset[str] | None) -> tuple[list[str], list[str] | None]:
    """Return at which endpoints a thing had a part in answers, and through which releases; None: through any."""
    there = [each.name for each in books.endpoints.all() if projects is None or each.project in projects]
    if found.start.noun is Noun.ENDPOINT:
        return [name for name in there if name == found.start.name], None
    if found.start.noun is Noun.PREDICTION:
        return [], None
    nodes = {*found.reached, *(place.node for place in found.places if place.distance >= 0)}
    served = {each.name for each in nodes if each.noun is Noun.ENDPOINT}
    return [name for name in there if name in served], [each.name for each in nodes if each.noun is Noun.RELEASE]


def _prediction(endpoint: str, rows: pl.DataFrame) -> tuple[Node, list[Link]]:
    at = Node(Noun.PREDICTION, f"{endpoint}/{rows['id'][0]}")  # whole: nothing is stored under it
    scored = rows.select("release", "role").unique(maintain_order=True)
    return at, [
        Link(node(Noun.RELEASE, release), "answered" if role == "answer" else "scored in shadow", at, endpoint)
        for release, role in scored.iter_rows()
    ]


def _beside(found: Graph, links: list[Link]) -> Graph:
    """Return the graph with links to the start that are not followed further."""
    there = {place.node for place in found.places}
    places = [Place(link.parent, -1) for link in links if link.parent not in there]
    ordered = sorted([*found.places, *places], key=lambda place: abs(place.distance))
    return replace(found, places=tuple(ordered), links=(*found.links, *links))


@dataclass(frozen=True, slots=True)
class _WithAnswers:
    """The links of the books, and those of one prediction, which are in a table of rows and not in the books."""

    links: Links
    answers: list[Link]

    def note(self, links: Iterable[Link]) -> None:
        self.links.note(links)

    def missing(self, links: Iterable[Link]) -> list[Link]:
        return self.links.missing(links)

    def has(self, node: Node) -> bool:
        return self.links.has(node)

    def beyond(self, nodes: Collection[Node], way: Way, reach: Reach, *, limit: int) -> list[Link]:
        return [*self._answers(nodes, way, reach), *self.links.beyond(nodes, way, reach, limit=limit)][:limit]

    def leads(self, nodes: Collection[Node], reaches: Collection[Reach]) -> bool:
        return self.links.leads(nodes, reaches)

    def count(self, nodes: Collection[Node], way: Way, reach: Reach) -> int:
        return len(self._answers(nodes, way, reach)) + self.links.count(nodes, way, reach)

    def _answers(self, nodes: Collection[Node], way: Way, reach: Reach) -> list[Link]:
        is_followed = way is Way.UP and reach is not Reach.NOTHING
        return [link for link in self.answers if is_followed and link.child in nodes]


def facts_of(books: Books, found: Graph) -> Mapping[Node, Mapping[str, object]]:
    """Return in a few words what the nearest nodes are."""
    nearest = [place.node for place in found.places if place.node.noun in _FACTS][:MOST_FACTS]
    return {each: facts for each in nearest if (facts := _facts(books, each))}


def _facts(books: Books, of: Node) -> Mapping[str, object]:
    try:
        facts = _FACTS[of.noun](books, of.name)
    except NotFoundError:  # a link may name what was never written here, such as a run of another machine
        return {}
    return {name: value for name, value in facts.items() if value not in ("", None, (), [])}


def _of_snapshot(books: Books, name: str) -> Mapping[str, object]:
    of = books.snapshots.get(name)
    return {"made": of.created_at, "rows": of.rows, "quarantined": of.quarantined, "digest": of.digest}


def _of_run(books: Books, name: str) -> Mapping[str, object]:
    of = books.runs.get(name)
    return {"state": of.state, "started": of.started_at, "author": of.author, "commit": of.code.commit}


def _of_model(books: Books, name: str) -> Mapping[str, object]:
    model, _, number = name.rpartition(":")
    of = books.registry.find_version(model, int(number))
    if of is None:
        raise NotFoundError("model version", name)
    facts: dict[str, object] = {"made": of.created_at, "source": of.source}
    named = books.registry.find(model)
    if named is not None:
        facts["aliases"] = list(named.named(of.number))
    try:
        return {**facts, "rows": books.models.get(name).rows}
    except NotFoundError:
        return facts


def _of_release(books: Books, name: str) -> Mapping[str, object]:
    of = books.releases.get(name)
    return {"state": of.state, "author": of.author, "approved_by": of.approved_by, "digest": of.digest}


def _of_endpoint(books: Books, name: str) -> Mapping[str, object]:
    of = books.endpoints.get(name)
    return {"champion": of.champion, "previous": of.previous, "rollout": of.rollout}


_FACTS: dict[Noun, Callable[[Books, str], Mapping[str, object]]] = {
    Noun.SNAPSHOT: _of_snapshot, Noun.RUN: _of_run, Noun.MODEL: _of_model, Noun.RELEASE: _of_release,
    Noun.ENDPOINT: _of_endpoint,
}  # fmt: skip
