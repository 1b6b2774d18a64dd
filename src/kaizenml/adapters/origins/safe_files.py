"""Files of a folder that somebody else wrote: no link leads out of it, no pipe blocks, no size surprises."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from kaizenml.errors import SourceError

#: Folders within folders, at most.
DEEPEST = 64
_CHUNK = 1 << 20
#: Told of what is left out: its path, and why.
LeftOut = Callable[[str, str], None]


class Found(NamedTuple):
    """A regular file below a folder, which is at ``path`` seen from there."""

    path: str
    entry: os.DirEntry[str]


def tree(folder: str, root: str, left_out: LeftOut) -> Iterator[Found]:
    """Return the files below a folder, by path. Links are followed to files below the root only."""
    yield from _tree(folder, "", root, left_out, 0)


def subfolders(folder: str) -> list[str]:
    """Return the names of the folders in a folder, sorted; none when there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(each.name for each in entries if each.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []


def content(path: str, most: int) -> bytes:
    """Return what is in a small file.

    Raises
    ------
    SourceError
        When it is larger, no regular file, or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"it cannot be read ({error.strerror})") from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise SourceError("it is no regular file")
        if found.st_size > most:
            raise SourceError(f"it has {found.st_size:,} bytes, more than {most:,}")
        return os.read(handle, most)
    except OSError as error:
        raise SourceError(f"it cannot be read ({error.strerror})") from error
    finally:
        os.close(handle)


def chunks(path: str) -> Iterator[bytes]:
    """Return what is in a file, in pieces; raise `SourceError` when it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as handle:
            while chunk := handle.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error


def is_within(path: str, root: str) -> bool:
    """Say whether a path, links followed, is the root or below it."""
    real, top = os.path.realpath(path), os.path.realpath(root)
    return real == top or real.startswith(top.rstrip("/") + "/")


def exists_within(path: Path, root: Path) -> bool:
    """Say whether a path is a folder, and below the root."""
    return path.is_dir() and is_within(str(path), str(root))


def _tree(folder: str, path: str, root: str, left_out: LeftOut, depth: int) -> Iterator[Found]:
    if depth > DEEPEST:
        left_out(path, f"it is more than {DEEPEST} folders deep")
        return
    try:
        with os.scandir(folder) as entries:
            known = sorted(entries, key=lambda each: each.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        left_out(path or folder, f"it cannot be read ({error.strerror})")
        return
    for each in known:
        below = f"{path}/{each.name}" if path else each.name
        if not _is_text(each.name):
            left_out(below.encode("utf-8", "replace").decode(), "its name is no UTF-8")
        elif each.is_dir(follow_symlinks=False):
            yield from _tree(each.path, below, root, left_out, depth + 1)
        elif (why := _refused(each, root)) is not None:
            left_out(below, why)
        else:
            yield Found(below, each)


def _refused(entry: os.DirEntry[str], root: str) -> str | None:
    """Return why a directory entry that is no folder is not read; None when it is."""
    if entry.is_file(follow_symlinks=False):
        return None
    if not entry.is_symlink():
        return "it is no regular file"
    if not is_within(entry.path, root):
        return "it is a link that leads out of the folder"
    return None if entry.is_file() else "it is a link to something that is no file"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
