"""A home copied while it is in use, so that the copy is a home of one instant."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from kaizenml.adapters.backup_manifest import copied, kept_at, write_manifest
from kaizenml.adapters.delta_backup import files_of, nothing_deleted, tables_in
from kaizenml.adapters.durable import disk_errors, folder_made, synced
from kaizenml.adapters.leftovers import nothing_cleared
from kaizenml.adapters.sql.online_copy import books_file, copy_online
from kaizenml.core.backup import Kept, Manifest
from kaizenml.core.digest import is_digest
from kaizenml.errors import IntegrityError, StateError, UsageError

BOOKS = "kaizen.db"
#: What a home holds beside books, tables and blobs that nothing else has: tracked runs on their way to the books, steps
#: and consoles of runs that go on, searches that can be continued, and answered requests that no table has yet.
_ON_THE_WAY = ("journals", "runs", "tuning", "serving/log")
_SAID_EVERY = 1_000

#: Tells a person, in a line, what is being done.
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the parts of a home are."""

    home: Path
    store: Path
    database: str


def back_up(origin: Origin, target: Path, *, made_at: str, version: str, say: Say) -> Manifest:
    """Copy a home to a new folder while others write to it.

    Each part is copied before that to which it moves or refers, so that nothing can be missed between two of them:

    1. what is on its way (journals, answered requests): whatever leaves its file later is in the books or tables, that
       are copied later; taking in twice changes nothing, since journals and segments are known by position and key;
    2. the books, at one instant: all that they name was on disk before they named it, as was the key before it sealed
       an approval, so that the key is copied behind them;
    3. tables and blobs, which only ever grow: so all that the books name is still there. `vacuum` and `kaizen gc`,
       the two things that delete, wait until the end.

    The copy has another name until it is whole; the manifest is its last file.

    Raises
    ------
    StateError
        When the target exists, or the books are in PostgreSQL.
    IntegrityError
        When a blob, table or database is damaged; nothing is left at the target then.
    """
    books = books_file(origin.database)
    _check_target(origin, target)
    with (
        disk_errors(f"Backing up to {target}"),
        partly(target) as part,
        nothing_cleared(origin.store),
        nothing_deleted(origin.store / "tables"),
    ):
        files = _on_the_way(origin.home, part)
        rows = copy_online(books, part / BOOKS)
        files[BOOKS] = kept_at(part / BOOKS)
        if (origin.home / "key").exists():
            files["key"] = copied(origin.home / "key", part / "key")
        say(f"books: {sum(rows.values()):,} rows")
        files |= _tables(origin.store / "tables", part, say)
        files |= _blobs(origin.store / "blobs", part, say)
        manifest = Manifest(made_at, version, rows, files)
        write_manifest(part, manifest)
    return manifest


@contextmanager
def partly(target: Path) -> Iterator[Path]:
    """Give a folder to fill, which becomes the target when it is whole, and is gone when that fails."""
    folder_made(target.parent)
    part = target.parent / f".{target.name}.{uuid4().hex}.partial"
    part.mkdir(mode=0o700)
    try:
        yield part
        for folder in sorted(path for path in part.rglob("*") if path.is_dir()):
            synced(folder)
        synced(part)
        _placed(part, target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    synced(target.parent)


def _placed(part: Path, target: Path) -> None:
    try:
        part.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        hint = "Nothing was written over; look at what is there, or name another folder."
        raise StateError(f"Somebody else has made {target} meanwhile.", hint) from error


def _check_target(origin: Origin, target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise StateError(f"{target} exists already.", "Name a folder that is not there yet.")
    for part in (origin.home, origin.store):
        if target.resolve().is_relative_to(part.resolve()):
            raise UsageError(f"{target} is inside of {part}, which it would hold.", "Name a folder outside of it.")


def _on_the_way(home: Path, part: Path) -> dict[str, Kept]:
    files = {}
    for path in (path for name in _ON_THE_WAY for path in _files_below(home / name)):
        name = path.relative_to(home).as_posix()
        try:
            files[name] = copied(path, part / name)
        except FileNotFoundError:  # it has just been taken in: the books or tables have it
            (part / name).unlink(missing_ok=True)
    return files


def _files_below(folder: Path) -> list[Path]:
    """Return the files, of folders that may go away meanwhile (which `Path.rglob` would not stand)."""
    found = (Path(place) / name for place, _, names in os.walk(folder) for name in names)
    return sorted(path for path in found if path.is_file())


def _tables(root: Path, part: Path, say: Say) -> dict[str, Kept]:
    files = {}
    for folder in tables_in(root):
        found = files_of(folder)
        for path in found:
            name = f"tables/{path.relative_to(root).as_posix()}"
            files[name] = copied(path, part / name)
        say(f"table {folder.name}: {len(found):,} files")
    return files


def _blobs(root: Path, part: Path, say: Say) -> dict[str, Kept]:
    files: dict[str, Kept] = {}
    for path in sorted((root / "sha256").glob("*/*/*")):
        inner = path.relative_to(root / "sha256")
        digest = "".join(inner.parts)
        if not is_digest(digest):
            continue  # a temporary file of somebody who is writing
        name = f"blobs/sha256/{inner.as_posix()}"
        files[name] = copied(path, part / name)
        if files[name].sha256 != digest:
            raise IntegrityError(
                f"Blob {digest} is damaged: its bytes are not those that were stored.",
                f"Restore {path} from an older backup, or move it away, and back up again.",
                {"digest": digest},
            )
        if len(files) % _SAID_EVERY == 0:
            say(f"blobs: {len(files):,} so far")
    say(f"blobs: {len(files):,}")
    return files
