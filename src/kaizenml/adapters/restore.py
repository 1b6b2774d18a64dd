"""A home made from a backup, after all of the backup has been checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kaizenml.adapters.backup import BOOKS, Say, partly
from kaizenml.adapters.backup_manifest import copied, kept_at, read_manifest
from kaizenml.adapters.durable import disk_errors
from kaizenml.core.backup import Manifest
from kaizenml.errors import IntegrityError, StateError

_SAID_EVERY = 1_000


def restore(source: Path, home: Path, *, check: Callable[[str], None], say: Say) -> Manifest:
    """Make a home of a backup; nothing is written before every file has its digest.

    Parameters
    ----------
    check
        Called with the URL of the restored books before they are at their place; when it raises, nothing is restored.

    Raises
    ------
    StateError
        When the home is not empty, or the source is no whole backup.
    IntegrityError
        Naming the first file that is missing or not as it was written.
    """
    manifest = read_manifest(source)
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise StateError(f"{home} is not empty.", "Name another home with `--to`, or move that one away.")
    with disk_errors(f"Restoring {source}"):
        for number, path in enumerate(manifest.files, 1):
            _check(source, path, manifest)
            if number % _SAID_EVERY == 0:
                say(f"checked: {number:,} of {len(manifest.files):,} files")
        say(f"checked: all {len(manifest.files):,} files")
        with partly(home.resolve()) as part:
            for path, kept in manifest.files.items():
                if copied(source / path, part / path, mode=_mode(path)) != kept:
                    raise _damaged(source, path)
            check(f"sqlite:///{part / BOOKS}")
    return manifest


def _check(source: Path, path: str, manifest: Manifest) -> None:
    file = source / path
    if not file.is_file():
        raise IntegrityError(f"The backup {source} has lost {path}.", "Restore from another one.", {"file": path})
    if kept_at(file) != manifest.files[path]:
        raise _damaged(source, path)


def _damaged(source: Path, path: str) -> IntegrityError:
    return IntegrityError(
        f"{path} in the backup {source} is not as it was written.",
        "Nothing was restored; use another backup.",
        {"file": path},
    )


def _mode(path: str) -> int:
    return 0o600 if path == "key" else 0o666
