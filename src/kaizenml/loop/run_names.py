"""What a run is called by: its id, its name, what it made."""

from __future__ import annotations

from kaizenml.core.ports import Books
from kaizenml.core.run import Run
from kaizenml.errors import NotFoundError


def found_run(books: Books, word: str) -> Run:
    """Return the run of an id, or of a release (``flights/3``), a model version (``flights:3``), or a run's name.

    Of several runs of a name it is the newest.

    Raises
    ------
    NotFoundError
        With the close match.
    """
    if (run := books.runs.find(word)) is not None:
        return run
    if "/" in word:
        return books.runs.get(books.releases.get(word).run)
    if ":" in word:
        return books.runs.get(books.models.get(word).run)
    newest = books.runs.newest(limit=1000)
    for run in newest:
        if run.name == word:
            return run
    raise NotFoundError("run", word, [name for run in newest for name in (run.id, run.name) if name])
