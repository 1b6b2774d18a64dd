"""Files that are wholly there after a power loss, or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from kaizenml.errors import KaizenError


def synced(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def folder_made(folder: Path) -> None:
    """Make a folder and its parents, durably; change nothing when it is there."""
    if folder.is_dir():
        return
    folder_made(folder.parent)
    folder.mkdir(exist_ok=True)
    synced(folder.parent)


def written_beside(folder: Path, content: bytes, *, mode: int = 0o666) -> Path:
    """Return a new temporary file in the folder that has this content on disk; the umask is taken off ``mode``."""
    temporary = folder / f".{uuid4().hex}.tmp"
    try:
        with open(temporary, "xb", opener=lambda path, flags: os.open(path, flags, mode)) as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def replaced(path: Path, content: bytes) -> None:
    """Give a file this content, whatever it had before."""
    os.replace(written_beside(path.parent, content), path)
    synced(path.parent)


def created(path: Path, content: bytes, *, mode: int = 0o666) -> bool:
    """Make a file that must not exist; return whether it was this call that made it."""
    temporary = written_beside(path.parent, content, mode=mode)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    synced(path.parent)
    return True


def kept_secret(path: Path) -> bytes:
    """Return the secret in a file that its owner alone may read; 256 bits are drawn where there is none yet."""
    if not path.exists():
        folder_made(path.parent)
        created(path, secrets.token_hex(32).encode(), mode=0o600)
    return path.read_bytes()


@contextmanager
def disk_errors(doing: str) -> Iterator[None]:
    """Say what could not be done when the disk refuses; never try again, since a failed fsync may have lost data."""
    try:
        yield
    except OSError as error:
        raise KaizenError(
            f"{doing} failed: {error.strerror or error}.", "Check the disk: space, permissions, health."
        ) from error


def written_from(folder: Path, chunks: Iterable[bytes]) -> tuple[Path, str]:
    """Return a new temporary file in the folder that has these chunks on disk, and their sha256; none if they raise.

    What the chunks raise is raised as it is; what the disk refuses becomes an error of ours.
    """
    temporary, digest, doing = folder / f".{uuid4().hex}.tmp", hashlib.sha256(), "Keeping what comes in chunks"
    with disk_errors(doing):
        handle = temporary.open("xb")
    try:
        with handle:
            for chunk in chunks:
                digest.update(chunk)
                with disk_errors(doing):
                    handle.write(chunk)
            with disk_errors(doing):
                handle.flush()
                os.fsync(handle.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary, digest.hexdigest()
