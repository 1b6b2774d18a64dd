"""The results of steps in a folder, sealed: bytes that were not written by a holder of the secret are not read.

A result's name is the BLAKE3 digest of its bytes, keyed with a secret of 32 bytes that lies in the folder and that
only its owner may read. Nothing waits for the disk: what a power loss takes is made anew, and half a file has no seal.

Source: O'Connor, Aumasson, Neves and Wilcox-O'Hearn (2020), *BLAKE3: one function, fast everywhere* (keyed hashing).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
from blake3 import blake3

from kaizenml.adapters.durable import disk_errors
from kaizenml.core.step import Ingredients, Kept

#: From so many bytes on more than one thread pays.
_LARGE = 1_000_000
#: So many results of one key are kept: they differ only in what the step was seen to read.
MOST_RESULTS = 8
#: How much a cache may hold before the oldest results go.
MOST_BYTES = 10_000_000_000


class DirectoryStepCache:
    """Results below a folder; safe for many processes at once.

    Parameters
    ----------
    root
        The folder; made when it is not there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: set[Path] = set()
        self._secret = self._own_secret()
        self._kept = msgspec.json.Decoder(list[Kept])
        self._ingredients = msgspec.json.Decoder(Ingredients)

    def put(self, content: bytes) -> str:
        """Keep bytes, and return the sealed name under which they can be had."""
        name = self._seal(content)
        path = self._path("blobs", name)
        with disk_errors("Keeping the result of a step"):
            if not path.is_file() or path.stat().st_size != len(content):
                self._write(path, content)
        return name

    def get(self, blob: str) -> bytes | None:
        """Return bytes whose seal holds; None where they are missing or damaged."""
        path = self._path("blobs", blob)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        if self._seal(content) == blob:
            return content
        path.unlink(missing_ok=True)
        return None

    def find(self, key: str) -> list[Kept]:
        """Return the results under a key, newest first."""
        content = self._sealed(self._path("keys", key))
        return [] if content is None else self._kept.decode(content)

    def keep(self, key: str, kept: Kept) -> None:
        """Keep a result under a key, beside those that are there."""
        path = self._path("keys", key)
        beside = [each for each in self.find(key) if (each.blob, each.observed) != (kept.blob, kept.observed)]
        with disk_errors("Keeping the result of a step"):
            self._write_sealed(path, msgspec.json.encode([kept, *beside[: MOST_RESULTS - 1]]))

    def last(self, step: str) -> Ingredients | None:
        """Return what a step was made of when it last ran."""
        content = self._sealed(self._path("last", blake3(step.encode()).hexdigest()))
        return None if content is None else self._ingredients.decode(content)

    def remember(self, step: str, ingredients: Ingredients) -> None:
        """Note what a step was made of."""
        path = self._path("last", blake3(step.encode()).hexdigest())
        with disk_errors("Keeping what a step was made of"):
            self._write_sealed(path, msgspec.json.encode(ingredients))

    def prune(self, most_bytes: int = MOST_BYTES) -> int:
        """Take away the oldest results until the rest is small enough; return how many bytes were freed."""
        found = sorted(self._sizes(), key=lambda each: each[1])
        total, freed = sum(size for _, _, size in found), 0
        for path, _, size in found:
            if total - freed <= most_bytes:
                break
            path.unlink(missing_ok=True)
            freed += size
        return freed

    def _sizes(self) -> Iterator[tuple[Path, float, int]]:
        for path in (self._root / "blobs").glob("*/*"):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            yield path, found.st_mtime, found.st_size

    def _seal(self, content: bytes) -> str:
        threads = blake3.AUTO if len(content) > _LARGE else 1
        return str(blake3(content, key=self._secret, max_threads=threads).hexdigest())

    def _path(self, part: str, name: str) -> Path:
        return self._root / part / name[:2] / name[2:]

    def _sealed(self, path: Path) -> bytes | None:
        """Return what is in a file behind its seal."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        return content[64:] if self._seal(content[64:]).encode() == content[:64] else None

    def _write_sealed(self, path: Path, content: bytes) -> None:
        self._write(path, self._seal(content).encode() + content)

    def _write(self, path: Path, content: bytes) -> None:
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        temporary = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
        try:
            with open(temporary, "xb") as handle:
                handle.write(content)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _own_secret(self) -> bytes:
        """Return the secret of this cache; the first that comes makes it, for its owner's eyes only."""
        path = self._root / "secret"
        self._root.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            temporary = self._root / f".{uuid4().hex}"
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(secrets.token_bytes(32))
                handle.flush()
                os.fsync(descriptor)
            try:
                os.link(temporary, path)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return path.read_bytes()
