"""Digests of files and folders, remembered as long as the file is surely the same."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path

from kaizenml.core.digest import digest_of_bytes

#: A file that was changed this short a time ago may change again without a trace in its times.
_SETTLED_NANOSECONDS = 2_000_000_000
_known: dict[tuple[str, int, int, int, int], str] = {}


def content_digest(path: str | Path) -> str | None:
    """Return the digest of a file's content, or of a folder's list of names; None if there is nothing."""
    try:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            return "folder"
        if not stat.S_ISREG(found.st_mode):
            return "special"
        key = (str(path), found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
        if key in _known:
            return _known[key]
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
    if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _SETTLED_NANOSECONDS:
        _known[key] = digest
    return digest


def listing_digest(path: str | Path) -> str | None:
    """Return the digest of the names in a folder, and of which of them are folders; None if there is none."""
    try:
        with os.scandir(path) as entries:
            names = sorted(
                f"{each.name}{'/' if each.is_dir() else ''}" for each in entries if each.name != "__pycache__"
            )
    except OSError:
        return None
    return digest_of_bytes("\n".join(names).encode("utf-8", "surrogateescape"))


def text_digest(text: str | bytes | None) -> str | None:
    """Return the digest of a variable's value; None if it is not set."""
    if text is None:
        return None
    return digest_of_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
