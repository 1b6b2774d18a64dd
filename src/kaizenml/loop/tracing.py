"""What came of what, asked for by the name that people use."""

from __future__ import annotations

from kaizenml.core.lineage import Graph, Node, Noun, Way, node, walk
from kaizenml.core.ports import Books
from kaizenml.errors import NotFoundError, UsageError
from kaizenml.loop.run_names import found_run


def traced(books: Books, text: str, way: Way, *, limit: int = 1000) -> Graph:
    """Return all that a thing came of, or that came of it, or both.

    Parameters
    ----------
    text
        ``kind:name``, such as ``snapshot:flights@3``, or the name alone where only one thing has it.
    limit
        At most so many links each way.

    Raises
    ------
    NotFoundError
        When nothing of this name has any lineage.
    UsageError
        When several things have it.
    """
    return walk(books.lineage, _start(books, text), way, limit=limit)


def _start(books: Books, text: str) -> Node:
    noun, _, name = text.partition(":")
    if name and noun in list(Noun) and books.lineage.has(node(Noun(noun), name)):
        return node(Noun(noun), name)
    found = [each for each in (node(kind, text) for kind in Noun) if books.lineage.has(each)]
    if len(found) > 1:
        raise UsageError(
            f"{text!r} is the name of {len(found)} things.", f"Say which: {' or '.join(str(each) for each in found)}."
        )
    begun = found[0] if found else _run(books, name if noun == Noun.RUN else text)
    if begun is None or not books.lineage.has(begun):
        raise NotFoundError("lineage", text[:200], _names(books))
    return begun


def _run(books: Books, text: str) -> Node | None:
    try:
        run = found_run(books, text)
    except (NotFoundError, UsageError):
        return None
    return node(Noun.RUN, run.id) if run is not None else None


def _names(books: Books) -> list[str]:
    """Return names that may have been meant."""
    releases = [f"release:{each.name}" for each in books.releases.newest(limit=100)]
    models = [f"model:{each.name}" for each in books.models.newest(limit=100)]
    return [*releases, *models, *(f"endpoint:{each.name}" for each in books.endpoints.all())]
