"""What a node of lineage is called by: its kind and name, or its name where only one thing has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kaizenml.core.lineage import Node, Noun, node
from kaizenml.core.mlflow.filter import Question
from kaizenml.core.ports import Books
from kaizenml.core.registered import version_number
from kaizenml.core.terminal import harmless
from kaizenml.errors import NotFoundError, UsageError, bounded
from kaizenml.loop.run_names import found_run

#: So many names of a kind are looked through for the one that was meant.
_MOST_NAMES = 100
_FORMS = "source:PROJECT/PATH, snapshot:NAME@N, run:ID, model:NAME:N, release:NAME/N, endpoint:NAME, prediction:ID"


def found_node(books: Books, word: str) -> Node:
    """Return what a word means: ``kind:name``, or a name alone where only one thing is called so.

    A run is also called by how its id begins, by its name, and by what it made; a source by how its path ends.

    Raises
    ------
    NotFoundError
        With the close match.
    UsageError
        When several things are called so.
    """
    if not word.isprintable():  # as bytes that are no text, which no database takes
        raise NotFoundError("node", harmless(word, keep="")[:80], hint=f"Write it as {_FORMS}.")
    kind, _, name = word.partition(":")
    if name and kind in _FIND:
        return _of_kind(books, Noun(kind), name, word)
    found = [each for noun in _FIND if (each := _exactly(books, noun, word))]
    if len(found) > 1:
        raise UsageError(
            f"{word!r} is the name of {len(found)} things.", f"Say which: {' or '.join(str(each) for each in found)}."
        )
    return found[0] if found else _nearly(books, word)


def _of_kind(books: Books, noun: Noun, name: str, word: str) -> Node:
    if found := _exactly(books, noun, name):
        return found
    if other := next((each for each in _FIND if _exactly(books, each, word)), None):
        return node(other, word)  # such as the model version run:3 of a project that is called "run"
    if noun is Noun.RUN:
        return node(noun, found_run(books, name).id)
    if noun is Noun.SOURCE:
        return _source(books, name)
    raise NotFoundError(noun.value, name[:200], _NAMES[noun](books) if noun in _NAMES else ())


def _exactly(books: Books, noun: Noun, name: str) -> Node | None:
    """Return the thing of a kind and just this name: what is in the books, or what a link begins or ends at."""
    at = node(noun, name)
    return at if name and (books.lineage.has(at) or _FIND[noun](books, name)) else None


def _nearly(books: Books, word: str) -> Node:
    """Return the run or source that is called so in part."""
    try:
        return node(Noun.RUN, found_run(books, word).id)
    except NotFoundError:
        pass
    try:
        return _source(books, word)
    except NotFoundError:
        known = [name for names in _NAMES.values() for name in names(books)]
        raise NotFoundError("node", word[:200], known, f"Write it as {_FORMS}.") from None


def _source(books: Books, name: str) -> Node:
    """Return the one file of the newest snapshots whose path is this, or ends so."""
    sources = _sources(books)
    fitting = sorted({each for each in sources if name and each.endswith(f"/{name}")})
    if len(fitting) > 1:
        raise UsageError(f"{len(fitting)} sources are called {name!r}.", f"Write which: {bounded(fitting)}.")
    if not fitting:
        raise NotFoundError("source", name[:200], sources)
    return node(Noun.SOURCE, fitting[0])


def _is_known(get: Callable[[str], object], name: str) -> bool:
    try:
        get(name)
    except NotFoundError:
        return False
    return True


def _is_registered(books: Books, name: str) -> bool:
    try:
        return books.registry.find_version(*version_number(name)) is not None
    except UsageError:
        return False


#: How the books say whether there is a thing of this name. Of sources there are only links.
_FIND: dict[Noun, Callable[[Books, str], bool]] = {
    Noun.SOURCE: lambda _, __: False,
    Noun.SNAPSHOT: lambda books, name: _is_known(books.snapshots.get, name),
    Noun.RUN: lambda books, name: books.runs.find(name) is not None,
    Noun.MODEL: lambda books, name: _is_registered(books, name),
    Noun.RELEASE: lambda books, name: _is_known(books.releases.get, name),
    Noun.ENDPOINT: lambda books, name: books.endpoints.find(name) is not None,
}


def _sources(books: Books) -> list[str]:
    """Return the sources of the newest snapshot of every project."""
    newest = [each for one in books.declarations.all() for each in books.snapshots.newest(one.project, limit=1)]
    return [f"{each.project}/{path}" for each in newest for path in [*(f.path for f in each.files), *each.pins]]


def _snapshots(books: Books) -> Iterable[str]:
    for one in books.declarations.all():
        yield from (each.name for each in books.snapshots.newest(one.project, limit=_MOST_NAMES))


#: Names by which a misspelt one is put right.
_NAMES: dict[Noun, Callable[[Books], Iterable[str]]] = {
    Noun.ENDPOINT: lambda books: (each.name for each in books.endpoints.all()),
    Noun.RELEASE: lambda books: (each.name for each in books.releases.newest(limit=_MOST_NAMES)),
    Noun.MODEL: lambda books: (each.name for each in books.registry.versions(Question(), limit=_MOST_NAMES)),
    Noun.SNAPSHOT: _snapshots,
    Noun.SOURCE: _sources,
}
