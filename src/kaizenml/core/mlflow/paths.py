"""Paths of files that clients send: none leads anywhere else."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote

from kaizenml.core.mlflow.errors import invalid

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 4096


def safe_path(path: str) -> str:
    """Return a path as it is kept: decoded, without control characters, dots and double slashes.

    Raises
    ------
    WireError
        For one that is absolute, leads upwards, or has a backslash or ``#``.
    """
    for _ in range(10):
        decoded = unquote(path)
        if decoded == path:
            break
        path = decoded
    path = _CONTROL.sub(lambda found: f"%{ord(found[0]):02X}", path)
    if "#" in path or "\\" in path or ".." in path.split("/") or path.startswith("/") or len(path) > _LONGEST:
        raise invalid("Invalid path")
    if re.match(r"[A-Za-z]:/", path) or path.startswith("file:"):
        raise invalid("Invalid path")
    found = posixpath.normpath(path) if path else ""
    return "" if found == "." else found
