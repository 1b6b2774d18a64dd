"""What a run is called by: its id or how that begins, its name, what it made."""

from __future__ import annotations

from kaizenml.core.ports import Books
from kaizenml.core.query import Compare, Field, Query
from kaizenml.core.run import Run, RunLine
from kaizenml.core.terminal import harmless
from kaizenml.errors import NotFoundError, UsageError, bounded

#: So many runs are looked through for the close match of a name that nobody knows.
_MOST = 1000


def found_run(books: Books, word: str) -> Run:
    """Return the run of an id, or of a release (``flights/3``), a model version (``flights:3``), or a run's name.

    Of several runs of a name it is the newest. Else it is the one run whose id begins so.

    Raises
    ------
    NotFoundError
        With the close match.
    UsageError
        When the ids of several runs begin so.
    """
    if not word.isprintable():  # as bytes that are no text, which no database takes
        raise NotFoundError("run", harmless(word, keep=""), [])
    run = books.runs.find(word) or _made(books, word) or _called(books, word)
    if run is not None:
        return run
    begun = [line.id for line in _lines(books, "id", "like", f"{word}%") if line.id.startswith(word)] if word else []
    if len(begun) > 1:
        raise UsageError(f"The ids of {len(begun)} runs begin with {word!r}.", f"Write more of it: {bounded(begun)}.")
    if begun:
        return books.runs.get(begun[0])
    newest = books.runs.search(Query(), limit=_MOST)
    raise NotFoundError("run", word, [name for line in newest for name in (line.id, line.name) if name])


def _made(books: Books, word: str) -> Run | None:
    """Return the run that made a release or model version; None where there is none of that name."""
    try:
        if "/" in word:
            return books.runs.find(books.releases.get(word).run)
        if ":" in word:
            return books.runs.find(books.models.get(word).run)
    except NotFoundError:
        if not _lines(books, "name", "=", word):  # a run may be called so too
            raise
    return None


def _called(books: Books, word: str) -> Run | None:
    lines = _lines(books, "name", "=", word) if word else []
    return books.runs.get(lines[0].id) if lines else None


def _lines(books: Books, attribute: str, sign: str, value: str) -> list[RunLine]:
    return books.runs.search(Query(Compare(Field("run", attribute), sign, value)), limit=_MOST)
