"""Which blobs the records need, and what for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kaizenml.core.digest import Digest, is_digest
from kaizenml.core.ports import Books
from kaizenml.core.run import Run
from kaizenml.data.label_queue import find_queue
from kaizenml.loop.contracting import place_of

_ALL = 1_000_000


class Need(NamedTuple):
    """A record, as lineage names it, what of it lies in a blob, and in which."""

    by: str
    what: str
    digest: Digest


def needs(books: Books) -> Iterator[Need]:
    """Return every blob that a record needs to be whole."""
    projects = set()
    for run in books.runs.newest(limit=_ALL):
        projects.add(run.project)
        yield from _of_run(run)
    for model in books.models.newest(limit=_ALL):
        yield Need(f"model:{model.name}", "bundle", model.bundle)
    for release in books.releases.newest(limit=_ALL):
        if release.wheel is not None:
            yield Need(f"release:{release.name}", "wheel", release.wheel)
    for project in sorted(projects):
        yield from _of_data(books, project)
    for job in books.jobs.newest(limit=_ALL):
        document = str(job.result.get("document", ""))
        if is_digest(document):
            yield Need(f"job:{job.id}", "what it found", Digest(document))
    for file in books.clients.files(""):
        yield Need(f"file:{file.path}", "content", file.digest)


def _of_run(run: Run) -> Iterator[Need]:
    by = f"run:{run.id}"
    for path, digest in run.artefacts.items():
        yield Need(by, path, digest)
    if run.code.files is not None:
        yield Need(by, "its code", run.code.files)
    if run.code.diff is not None:
        yield Need(by, "what was not committed", run.code.diff)
    if run.console is not None:
        yield Need(by, "console", run.console.content)


def _of_data(books: Books, project: str) -> Iterator[Need]:
    for snapshot in books.snapshots.newest(project, limit=_ALL):
        for what, digest in (("cleaning plan", snapshot.plan), ("contract", snapshot.contract)):
            if place := place_of(books, digest):
                yield Need(f"snapshot:{snapshot.name}", what, place)
    queue = find_queue(books, project)
    for deck in queue.decks if queue else ():
        yield Need(f"queue:{project}", f"tasks of {deck.name}", Digest(deck.id))
