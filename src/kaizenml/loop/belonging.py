"""Which project a thing belongs to: who may see or touch it is decided there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from kaizenml.core.alert import Alert
from kaizenml.core.job import Job
from kaizenml.core.lineage import Node, Noun
from kaizenml.core.ports import Books
from kaizenml.core.query import Field, OneOf, Query
from kaizenml.core.walk import Graph
from kaizenml.errors import NotFoundError
from kaizenml.loop.node_names import found_node
from kaizenml.loop.run_names import found_run

#: Returns the projects that a thing belongs to, by its name; raises `NotFoundError` when there is no such thing.
Owners = Callable[[Books, str], Sequence[str]]


def of_run(books: Books, id_: str) -> Sequence[str]:
    """Return the project of a run, by its id."""
    return [books.runs.get(id_).project]


def of_named_run(books: Books, word: str) -> Sequence[str]:
    """Return the project of a run, by whatever it is called."""
    return [found_run(books, word).project]


def of_job(books: Books, id_: str) -> Sequence[str]:
    """Return the project of a job, and those of the runs that it is about."""
    return owners_of_job(books, books.jobs.get(id_))


def owners_of_job(books: Books, job: Job) -> Sequence[str]:
    """Return the project of a job, and those of the runs that it is about."""
    about = job.facts.get("runs")
    runs = [books.runs.find(str(each)) for each in about] if isinstance(about, (list, tuple)) else []
    return list(dict.fromkeys([job.project, *(run.project for run in runs if run)]))


def of_endpoint(books: Books, name: str) -> Sequence[str]:
    """Return the project whose releases an endpoint serves."""
    return [books.endpoints.get(name).project]


def of_alert(books: Books, id_: str) -> Sequence[str]:
    """Return the project of an alert that is not resolved."""
    found = next((each for each in books.alerts.unresolved() if each.id == id_), None)
    if found is None:
        raise NotFoundError("unresolved alert", id_)
    return [project_of_alert(books, found)]


def project_of_alert(books: Books, alert: Alert) -> str:
    """Return the project of an alert: its endpoint's; an alert about data names its project itself."""
    endpoint = books.endpoints.find(alert.endpoint)
    return endpoint.project if endpoint else alert.endpoint


def of_thing(books: Books, text: str) -> Sequence[str]:
    """Return the project of a thing that has lineage, written ``kind:name``; none for one that has none.

    A prediction is known by its endpoint: ``prediction:endpoint/id``.
    """
    kind, _, name = text.partition(":")
    begun = Node(Noun.PREDICTION, name) if kind == Noun.PREDICTION and "/" in name else found_node(books, text)
    return [project for project in [_projects(books, [begun])[begun]] if project]


def narrowed(books: Books, graph: Graph, projects: frozenset[str] | None) -> Graph:
    """Return the part of a graph that lies in these projects; all of it for None."""
    if projects is None:
        return graph
    owners = _projects(books, [place.node for place in graph.places])
    seen = {node for node, project in owners.items() if project in projects}
    places = tuple(place for place in graph.places if place.node in seen)
    links = tuple(link for link in graph.links if link.parent in seen and link.child in seen)
    return replace(graph, places=places, links=links)


def _projects(books: Books, nodes: Iterable[Node]) -> dict[Node, str]:
    """Return the project of each node; an empty name where it is not known."""
    nodes = list(nodes)
    runs = tuple(node.name for node in nodes if node.noun is Noun.RUN)
    lines = books.runs.search(Query(OneOf(Field("run", "id"), runs)), limit=len(runs)) if runs else []
    of_runs = {line.id: line.project for line in lines}
    return {node: of_runs.get(node.name, "") if node.noun is Noun.RUN else _project(books, node) for node in nodes}


def _project(books: Books, node: Node) -> str:
    match node.noun:
        case Noun.SNAPSHOT:
            return node.name.rpartition("@")[0]
        case Noun.SOURCE | Noun.RELEASE:
            return node.name.partition("/")[0]
        case Noun.MODEL:
            return _model(books, node.name)
        case Noun.ENDPOINT:
            endpoint = books.endpoints.find(node.name)
        case _:
            endpoint = books.endpoints.find(node.name.partition("/")[0])
    return endpoint.project if endpoint else ""


def _model(books: Books, name: str) -> str:
    model = books.registry.find(name.rpartition(":")[0])
    return model.project if model else ""


def of_model(books: Books, name: str) -> Sequence[str]:
    """Return the project of a registered model; none for one that nobody has claimed yet."""
    model = books.registry.find(name)
    if model is None or model.is_deleted:
        raise NotFoundError("model", name)
    return [model.project] if model.project else []
