"""The file in which a backup says what it holds, and copies whose digest is known."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

from kaizenml.adapters.durable import created, disk_errors
from kaizenml.core.backup import Kept, Manifest
from kaizenml.core.digest import digest_of
from kaizenml.core.stores import CHUNK_BYTES
from kaizenml.errors import IntegrityError, StateError

NAME = "manifest.json"
FORMAT = 1


def copied(source: Path, target: Path, *, mode: int = 0o600) -> Kept:
    """Copy a file to a new one, durably, and return what arrived."""
    digest, size = hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    made = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    with source.open("rb") as old, open(made, "wb") as new:
        while chunk := old.read(CHUNK_BYTES):
            digest.update(chunk)
            new.write(chunk)
            size += len(chunk)
        new.flush()
        os.fsync(new.fileno())
    return Kept(size, digest.hexdigest())


def kept_at(path: Path) -> Kept:
    """Return the size and digest of a file."""
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    return Kept(path.stat().st_size, found)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, with a digest of itself: the last file of a backup, which makes it one."""
    told = {
        "format": FORMAT, "made_at": manifest.made_at, "kaizenml": manifest.version, "rows": dict(manifest.rows),
        "files": {path: {"size": each.size, "sha256": each.sha256} for path, each in manifest.files.items()},
    }  # fmt: skip
    created(folder / NAME, json.dumps({**told, "digest": digest_of(told)}, indent=1).encode(), mode=0o600)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup.

    Raises
    ------
    StateError
        For a folder that is no backup, a backup that was never finished, or one of a newer format.
    IntegrityError
        When the manifest is not as it was written.
    """
    if not (folder / NAME).is_file():
        raise StateError(
            f"{folder} is no whole backup: it has no {NAME}.", "Name a folder that `kaizen backup` has finished."
        )
    with disk_errors(f"Reading {folder / NAME}"):
        content = (folder / NAME).read_bytes()
    told = _told(folder, content)
    if told.get("format") != FORMAT:
        raise StateError(
            f"{folder} is a backup of format {told.get('format')!r}; this version of kaizenml reads {FORMAT}.",
            "Restore it with the version that made it, or a newer one.",
        )
    files = {path: Kept(each["size"], each["sha256"]) for path, each in told["files"].items()}
    for path in files:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise IntegrityError(f"The backup names {path[:200]!r}, a path outside of a home.", "Do not trust it.")
    return Manifest(told["made_at"], told["kaizenml"], told["rows"], files)


def _told(folder: Path, content: bytes) -> dict[str, Any]:
    damaged = IntegrityError(
        f"{NAME} of the backup {folder} is not as it was written.", "Take another backup; this one cannot be trusted."
    )
    try:
        told = json.loads(content)
        digest = told.pop("digest")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise damaged from error
    if digest != digest_of(told):
        raise damaged
    return dict(told)
