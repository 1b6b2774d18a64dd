"""Artefacts that are brought over: each is hashed while it is copied, and checked whenever it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from kaizenml.core.digest import Digest
from kaizenml.core.mlflow.origin import ForeignExperiment, ForeignFile, ForeignModel, ForeignRun, Origin, Trouble
from kaizenml.core.mlflow.paths import safe_path
from kaizenml.core.mlflow.rows import Document, File, What
from kaizenml.core.mlflow.tally import Tally
from kaizenml.core.ports import Blobs, Books, Records
from kaizenml.errors import KaizenError, SourceError
from kaizenml.loop.importing_experiments import Arrival
from kaizenml.loop.mlflow_messages import Told
from kaizenml.loop.mlflow_mirror import as_run

#: A larger file is left out, and named: a file with holes may say that it has any size.
LARGEST_BYTES = 1 << 38
#: After so many files or bytes, what has come is noted, so that a repeated import goes on from there.
_FILES_AT_ONCE, _BYTES_AT_ONCE = 200, 1 << 28
_READ = msgspec.json.Decoder(Told)
_READ_KNOWN = msgspec.json.Decoder(dict[str, tuple[int, str]])


@dataclass(frozen=True, slots=True)
class Files:
    """Brings the files of runs and logged models over.

    Parameters
    ----------
    place
        Where they come from.
    """

    origin: Origin
    records: Records
    blobs: Blobs
    place: str

    def bring(
        self, now: datetime, experiment: ForeignExperiment, to: Arrival,
        of: ForeignRun | ForeignModel, tally: Tally,
    ) -> list[Trouble]:  # fmt: skip
        """Bring the files of one thing over, those that are new or changed; return what could not be."""
        found = self.origin.files(experiment, of)
        tally.seen["artefacts"] += len(found)
        if not found:
            return []
        with self.records.reading() as books:
            known = _known(books, of)
        wanted = [each for each in found if known.get(each.path) != (each.size_bytes, each.stamp)]
        root = f"{to.id}/{of.id}/artifacts" if isinstance(of, ForeignRun) else f"{to.id}/models/{of.id}/artifacts"
        troubles: list[Trouble] = []
        for part in _parts(wanted):
            kept: list[tuple[ForeignFile, File]] = []
            for each in part:
                try:
                    kept.append((each, self._copied(experiment, of, root, each)))
                except KaizenError as error:
                    if error.exit_code == 3 and not isinstance(error, SourceError):
                        raise  # the disk is full, or the like: not this file's fault
                    tally.refused["artefacts"] += 1
                    troubles.append(Trouble("artefact", f"{of.id}/{each.path}"[:300], error.message[:300]))
            with self.records.writing() as books:
                _keep(books, now, self.place, of, kept)
            tally.brought["artefacts"] += len(kept)
            tally.bytes_brought += sum(each.size_bytes for _, each in kept)
        return troubles

    def _copied(
        self, experiment: ForeignExperiment, of: ForeignRun | ForeignModel, root: str, file: ForeignFile
    ) -> File:
        if file.size_bytes > LARGEST_BYTES:
            raise SourceError(f"it has {file.size_bytes:,} bytes, more than {LARGEST_BYTES:,}")
        path = safe_path(f"{root}/{file.path}")
        if not path.startswith(f"{root}/"):
            raise SourceError("its path leads elsewhere")
        count = _Count()
        digest = self.blobs.put_from(count.passing(self.origin.open(experiment, of, file.path)))
        return File(path, Digest(digest), count.bytes)


class _Count:
    """Counts what passes."""

    def __init__(self) -> None:
        self.bytes = 0

    def passing(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.bytes += len(chunk)
            if self.bytes > LARGEST_BYTES:
                raise SourceError(f"it has more than {LARGEST_BYTES:,} bytes")
            yield chunk


def _known(books: Books, of: ForeignRun | ForeignModel) -> dict[str, tuple[int, str]]:
    """Return which files were brought over already, with what changes when their content does."""
    found = books.clients.find(What.ORIGIN, f"files/{of.id}")
    return {} if found is None else _READ_KNOWN.decode(found.body)


def _keep(
    books: Books, now: datetime, place: str, of: ForeignRun | ForeignModel, files: Sequence[tuple[ForeignFile, File]]
) -> None:
    known = _known(books, of)
    for each, file in files:
        books.clients.keep_file(file)
        known[each.path] = (each.size_bytes, each.stamp)
    body = msgspec.json.encode(known).decode()
    books.clients.put(Document(What.ORIGIN, f"files/{of.id}", body, scope=place))
    run = books.clients.find(What.RUN, of.id)
    if run is not None:
        books.runs.save(as_run(books, now, _READ.decode(run.body)))


def _parts(files: Sequence[ForeignFile]) -> Iterator[list[ForeignFile]]:
    part: list[ForeignFile] = []
    size = 0
    for each in files:
        part.append(each)
        size += each.size_bytes
        if len(part) >= _FILES_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part
