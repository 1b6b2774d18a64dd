"""What is remembered for MLflow's clients: documents with the few keys by which they are found, and files by path."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kaizenml.core.digest import Digest
from kaizenml.core.mlflow.filter import Question


class What(StrEnum):
    """What a document tells of."""

    EXPERIMENT = "experiment"
    RUN = "run"
    MODEL = "model"  # a logged model
    UPLOAD = "upload"  # a file that comes in parts
    ORIGIN = "origin"  # what an import has brought over, and from where


#: Where a document is in its life.
ACTIVE, DELETED = "active", "deleted"


@dataclass(frozen=True, slots=True)
class Document:
    """A document: JSON as clients are answered, ready to be sent.

    Parameters
    ----------
    scope
        The experiment that it belongs to; empty for an experiment.
    name
        An experiment's name, the user of a run, the run of a logged model.
    state
        The status of a run or logged model; the project of an experiment.
    began_at, ended_at
        When a run began and ended, in milliseconds since 1970.
    """

    what: What
    id: str
    body: str
    scope: str = ""
    name: str = ""
    state: str = ""
    stage: str = ACTIVE
    began_at: int = 0
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file that a client sent."""

    path: str
    digest: Digest
    size_bytes: int


class Clients(Protocol):
    """What MLflow's clients told of. Their runs are in `Runs`, too, and their metrics in `Series`."""

    def find(self, what: What, id_: str) -> Document | None:
        """Return a document, or None."""
        ...

    def find_all(self, what: What, ids: Collection[str]) -> dict[str, Document]:
        """Return the documents of these ids that are there, by id."""
        ...

    def put(self, document: Document) -> None:
        """Write a document, new or changed."""
        ...

    def put_all(self, documents: Sequence[Document]) -> None:
        """Write documents, new or changed."""
        ...

    def forget(self, what: What, id_: str) -> None:
        """Take a document away."""
        ...

    def all(
        self, what: What, *, scopes: Sequence[str] | None = None, name: str | None = None, state: str | None = None
    ) -> list[Document]:
        """Return the documents of these scopes (None: all), with this name and state where asked, by id."""
        ...

    def search(
        self, question: Question, *, scopes: Sequence[str], stages: Sequence[str], limit: int, after: int
    ) -> list[str]:
        """Return the bodies of the runs that a question asks for, in its order, without the first ``after``."""
        ...

    def keep_file(self, file: File) -> None:
        """Note that a path has this content, in place of what it had."""
        ...

    def find_file(self, path: str) -> File | None:
        """Return the file of a path, or None."""
        ...

    def files(self, folder: str) -> list[File]:
        """Return the files below a folder (empty: all), by path."""
        ...

    def drop_files(self, path: str) -> int:
        """Forget the file of a path, or every file below it; return how many."""
        ...
