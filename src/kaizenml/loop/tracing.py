"""What came of what, asked for by the name that people use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kaizenml.core.lineage import Node, Noun, Way
from kaizenml.core.ports import Books
from kaizenml.core.walk import Graph, walk
from kaizenml.errors import NotFoundError, UsageError
from kaizenml.loop.node_names import found_node
from kaizenml.loop.wiring import open_house, read_settings

#: Of so many nodes, the nearest of those that the books know, it is said what they are.
MOST_FACTS = 40


@dataclass(frozen=True, slots=True)
class Traced:
    """A walk, and in a few words what the nearest of its nodes are."""

    graph: Graph
    facts: Mapping[Node, Mapping[str, object]]

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
        return {**self.graph.facts, "nodes": nodes}


def lineage(word: str, *, way: Way | str = Way.BOTH, limit: int = 1000, folder: Path | str = ".") -> Graph:
    """Return what a thing of the project in a folder came of, and what came of it.

    Parameters
    ----------
    word
        Such as ``snapshot:flights@3``, ``flights/3`` or how the id of one run begins.
    way
        ``up`` (what it came of), ``down`` (what came of it) or ``both``.
    limit
        At most so many links each way, 1 to 100,000.

    Raises
    ------
    NotFoundError
        When there is no such thing, with the close match.
    UsageError
        When the word means several things, or the way or limit is none.
    """
    if way not in list(Way):
        raise UsageError(f"There is no way {way!r}.", f"Known: {', '.join(Way)}.")
    with open_house(read_settings(Path(folder))).records.reading() as books:
        return traced(books, word, Way(way), limit=limit)


def traced(books: Books, text: str, way: Way, *, limit: int = 1000) -> Graph:
    """Return all that a thing came of, or that came of it, or both; see `lineage`."""
    if not 1 <= limit <= 100_000:
        raise UsageError(f"A limit of {limit} cannot be.", "Ask for 1 to 100,000 links.")
    return walk(books.lineage, found_node(books, text), way, limit=limit)


def told(books: Books, graph: Graph) -> Traced:
    """Return a walk with what its nearest nodes are."""
    nearest = [place.node for place in graph.places if place.node.noun in _FACTS][:MOST_FACTS]
    return Traced(graph, {each: facts for each in nearest if (facts := _facts(books, each))})


def _facts(books: Books, of: Node) -> Mapping[str, object]:
    try:
        facts = _FACTS[of.noun](books, of.name)
    except NotFoundError:  # a link may name what was never written here, such as a run of another machine
        return {}
    return {name: value for name, value in facts.items() if value not in ("", None)}


def _of_snapshot(books: Books, name: str) -> Mapping[str, object]:
    of = books.snapshots.get(name)
    return {"made": of.created_at, "rows": of.rows, "quarantined": of.quarantined, "digest": of.digest}


def _of_run(books: Books, name: str) -> Mapping[str, object]:
    of = books.runs.get(name)
    return {"state": of.state, "started": of.started_at, "author": of.author, "commit": of.code.commit}


def _of_model(books: Books, name: str) -> Mapping[str, object]:
    of = books.models.get(name)
    return {"made": of.created_at, "rows": of.rows}


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
