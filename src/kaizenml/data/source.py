"""Find the files of a source, and read them: one after the other, or as one raw table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from glob import glob, has_magic
from pathlib import Path

import polars as pl

from kaizenml.core.digest import Digest
from kaizenml.core.source import FilesSource, RawFile, Source
from kaizenml.data.incremental import Batch, Before
from kaizenml.data.ingest import Part, read_file, read_parts
from kaizenml.data.object_source import Remote, found_objects, is_remote
from kaizenml.errors import SourceError, bounded, close_match


@dataclass(frozen=True, slots=True)
class FilesReader:
    """Files and objects of a source: each is a batch, known by the digest of its content.

    ``digests`` gives the digest of an object that was seen before, by what its store says of it; so that what has not
    changed is not fetched again. ``seen`` is told what was found out.
    """

    source: FilesSource
    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    seen: Callable[[Remote, Digest], None] = lambda _remote, _digest: None
    name: str = "files"
    stream: str = ""

    def batches(self, before: Before) -> Iterator[Batch]:  # noqa: ARG002  a file is known by its content alone
        """Return the files that are there, by path, then the objects."""
        local = tuple(pattern for pattern in self.source.patterns if not is_remote(pattern))
        for file in discover(FilesSource(local), self.root) if local else ():
            yield Batch(file.digest, file.path, file.size_bytes, file.digest, partial(_read_whole, file, self.root))
        for pattern in self.source.patterns:
            if is_remote(pattern):
                yield from found_objects(pattern, self.environment, self.digests, self.seen)

    def settled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows as they are: every row of a file counts."""
        return rows


def _read_whole(file: RawFile, root: Path) -> Iterator[Part]:
    """Return the rows of a file in parts, and at the end refuse it if it was written to since its digest was taken."""
    yield from read_parts(root / file.path)
    if _raw_file(file.path, root) != file:
        raise SourceError(
            f"{file.path} changed while it was read.",
            "Somebody is writing it: write under another name and rename it when it is whole; then run again.",
            {"file": file.path},
        )


def discover(source: FilesSource, root: Path) -> tuple[RawFile, ...]:
    """Return the files that the source's patterns match, sorted by path, each once.

    Parameters
    ----------
    root
        The project's folder; patterns and the paths returned are seen from it.

    Raises
    ------
    SourceError
        When a pattern matches no file.
    """
    found = {path for pattern in source.patterns for path in _matches(pattern, root)}
    return tuple(_raw_file(path, root) for path in sorted(found))


def read(source: Source, root: Path) -> pl.DataFrame:
    """Return the rows of all files of the source, file after file, with the columns of the first.

    Raises
    ------
    SourceError
        When there is no file, when one cannot be read, or when one has other columns than the first.
    """
    if not isinstance(source, FilesSource) or any(map(is_remote, source.patterns)):
        raise SourceError("Only local files can be read without loading them.", "Run once: `kaizen run`.")
    files = discover(source, root)
    frames = [read_file(root / file.path) for file in files]
    for file, frame in zip(files[1:], frames[1:], strict=True):
        _check_columns(files[0], frames[0], file, frame)
    columns = frames[0].columns
    return pl.concat([_alike(frame, frames).select(columns) for frame in frames], rechunk=True)


def _matches(pattern: str, root: Path) -> list[str]:
    paths = [path for path in glob(pattern, root_dir=root, recursive=True) if (root / path).is_file()]
    if not paths:
        raise SourceError(f"No file matches {pattern!r} in {root}.", _hint(pattern, root), {"pattern": pattern})
    return [Path(path).as_posix() for path in paths]


def _hint(pattern: str, root: Path) -> str:
    folder = (root / pattern).parent
    if not folder.is_dir():
        return f"The folder {folder} is not there; put the data in it, or correct the source in project.py."
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    match = None if has_magic(pattern) else close_match(Path(pattern).name, names)
    if match:
        return f"Did you mean {match!r}?"
    return f"The folder holds {bounded(names)}." if names else f"The folder {folder} is empty."


def _raw_file(path: str, root: Path) -> RawFile:
    try:
        with (root / path).open("rb") as file:
            digest = Digest(hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror or error}.", "Check its permissions and its disk.", {"file": path}
        ) from error
    return RawFile(path, (root / path).stat().st_size, digest)


def _check_columns(first: RawFile, expected: pl.DataFrame, file: RawFile, frame: pl.DataFrame) -> None:
    missing = [name for name in expected.columns if name not in frame.columns]
    extra = [name for name in frame.columns if name not in expected.columns]
    if missing or extra:
        parts = [f"lacks {bounded(missing)}"] if missing else []
        parts += [f"has {bounded(extra)} besides"] if extra else []
        raise SourceError(
            f"{file.path} has other columns than {first.path}: it {' and '.join(parts)}.",
            "Rename the columns so that all files agree, or narrow the source's pattern.",
            {"file": file.path, "missing": missing, "extra": extra},
        )


def _alike(frame: pl.DataFrame, frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the frame with text in the columns whose type differs from file to file."""
    names = [name for name in frame.columns if len({other.schema[name] for other in frames}) > 1]
    numeric = [name for name in names if all(other.schema[name].is_numeric() for other in frames)]
    casts = {name: pl.Float64 if name in numeric else pl.String for name in names}
    return frame.cast(casts)  # type: ignore[arg-type]
