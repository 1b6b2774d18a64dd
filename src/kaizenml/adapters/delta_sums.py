"""The digests of a table's files, by which a byte that has flipped on the disk is found.

They are in a file beside the rows, not in Delta's log: what Delta itself merges is in no commit of ours. A line that
was lost with a machine's power costs the check of that one file.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

SUMS = "_sums.txt"


def note_sum(folder: Path, name: str) -> None:
    """Note the digest of a file of the table, as it is now; many processes may note at once."""
    with (folder / name).open("rb") as file:
        line = f"{hashlib.file_digest(file, 'sha256').hexdigest()} {name}\n"
    descriptor = os.open(folder / SUMS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def sums_in(folder: Path) -> dict[str, str]:
    """Return the digest of every file whose digest was noted, by its name; the first that was noted counts."""
    if not (folder / SUMS).exists():
        return {}
    lines = (line.split(" ", 1) for line in (folder / SUMS).read_text("utf-8", "replace").splitlines())
    found: dict[str, str] = {}
    for digest, name in (parts for parts in lines if len(parts) == 2):
        found.setdefault(name, digest)
    return found
