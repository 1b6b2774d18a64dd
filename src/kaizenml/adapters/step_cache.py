"""The results of steps in a folder, sealed: bytes that were not written by a holder of the secret are not read.

A result's name is the BLAKE3 digest of its bytes, keyed with a secret of 32 bytes that lies in the folder and that
only its owner may read. Small results lie in a SQLite file, because making a file costs ten times as much as a row;
large ones are files. Nothing waits for the disk: what a power loss takes is made anew, and half a file has no seal.

Source: O'Connor, Aumasson, Neves and Wilcox-O'Hearn (2020), *BLAKE3: one function, fast everywhere* (keyed hashing).
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from blake3 import blake3

from kaizenml.adapters.durable import disk_errors
from kaizenml.core.step import Ingredients, Kept

#: From so many bytes on more than one thread pays.
_LARGE = 1_000_000
#: Up to so many bytes a result is a row, above it is a file.
MOST_ROW_BYTES = 64_000
#: So many results of one key are kept: they differ only in what the step was seen to read.
MOST_RESULTS = 8
#: How much a cache may hold before the oldest results go.
MOST_BYTES = 10_000_000_000
_TABLES = """
    CREATE TABLE IF NOT EXISTS blobs (name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS last (name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
"""


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
        self._lock = threading.RLock()
        self._is_together = False
        self._rows = self._opened()

    def put(self, content: bytes) -> str:
        """Keep bytes, and return the sealed name under which they can be had."""
        name = self._seal(content)
        with disk_errors("Keeping the result of a step"):
            if len(content) <= MOST_ROW_BYTES:
                self._write_row("blobs", name, content)
            else:
                path = self._path(name)
                if not path.is_file() or path.stat().st_size != len(content):
                    self._write(path, content)
        return name

    def get(self, blob: str) -> bytes | None:
        """Return bytes whose seal holds; None where they are missing or damaged."""
        content = self._row("blobs", blob)
        if content is None:
            try:
                content = self._path(blob).read_bytes()
            except FileNotFoundError:
                return None
        if self._seal(content) == blob:
            return content
        self._path(blob).unlink(missing_ok=True)
        self._run("DELETE FROM blobs WHERE name = ?", (blob,))
        return None

    def find(self, *keys: str) -> list[Kept]:
        """Return the results under some keys, in the order of these, the newest of each first."""
        places = ", ".join("?" * len(keys))
        rows = dict(self._run(f"SELECT name, content FROM keys WHERE name IN ({places})", keys))
        found: list[Kept] = []
        for key in keys:
            content = self._opened_seal(key, rows.get(key))
            found += [] if content is None else self._kept.decode(content)
        return found

    def keep(self, key: str, kept: Kept) -> None:
        """Keep a result under a key, beside those that are there."""
        beside = [each for each in self.find(key) if (each.blob, each.observed) != (kept.blob, kept.observed)]
        self._write_sealed("keys", key, msgspec.json.encode([kept, *beside[: MOST_RESULTS - 1]]))

    def last(self, step: str) -> Ingredients | None:
        """Return what a step was made of when it last ran."""
        content = self._sealed("last", step)
        return None if content is None else self._ingredients.decode(content)

    def remember(self, step: str, ingredients: Ingredients) -> None:
        """Note what a step was made of."""
        self._write_sealed("last", step, msgspec.json.encode(ingredients))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let what is written in a block be there as a whole when the block is over, even if the process then dies.

        One transaction, which begins with the first row: a large result is written to its file before others wait.
        """
        with self._lock, disk_errors("Keeping the result of a step"):
            self._is_together = True
            try:
                yield
                if self._rows.in_transaction:
                    self._run("COMMIT", ())
            finally:
                self._is_together = False
                if self._rows.in_transaction:
                    self._rows.rollback()

    def prune(self, most_bytes: int = MOST_BYTES, *, is_rehearsal: bool = False) -> int:
        """Take away the oldest large results until the rest is small enough; return how many bytes go."""
        found = sorted(self._sizes(), key=lambda each: each[1])
        total, freed = sum(size for _, _, size in found), 0
        for path, _, size in found:
            if total - freed <= most_bytes:
                break
            if not is_rehearsal:
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

    def _path(self, name: str) -> Path:
        return self._root / "blobs" / name[:2] / name[2:]

    def _sealed(self, table: str, name: str) -> bytes | None:
        """Return what is in a row behind its seal, which covers its name too."""
        return self._opened_seal(name, self._row(table, name))

    def _opened_seal(self, name: str, content: bytes | None) -> bytes | None:
        if content is None or self._seal(name.encode() + b"\0" + content[64:]).encode() != content[:64]:
            return None
        return content[64:]

    def _write_sealed(self, table: str, name: str, content: bytes) -> None:
        seal = self._seal(name.encode() + b"\0" + content)
        with disk_errors("Keeping the result of a step"):
            self._write_row(table, name, seal.encode() + content)

    def _row(self, table: str, name: str) -> bytes | None:
        rows = self._run(f"SELECT content FROM {table} WHERE name = ?", (name,))
        return bytes(rows[0][0]) if rows else None

    def _write_row(self, table: str, name: str, content: bytes) -> None:
        self._run(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (name, content))

    def _run(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        """Run a statement; where the file is no database any more, begin a new one."""
        with self._lock:
            try:
                if self._is_together and not self._rows.in_transaction:
                    self._rows.execute("BEGIN IMMEDIATE")
                return self._rows.execute(statement, values).fetchall()
            except sqlite3.OperationalError as error:
                raise OSError(str(error)) from error
            except sqlite3.DatabaseError:
                self._rows.close()
                for path in self._root.glob("results.db*"):
                    path.unlink(missing_ok=True)
                self._rows = self._opened()
                return self._rows.execute(statement, values).fetchall()

    def _opened(self) -> sqlite3.Connection:
        rows = sqlite3.connect(self._root / "results.db", timeout=60, isolation_level=None, check_same_thread=False)
        try:
            rows.execute("PRAGMA journal_mode=WAL")
            rows.execute("PRAGMA synchronous=NORMAL")
            rows.executescript(_TABLES)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            rows.close()
            (self._root / "results.db").unlink(missing_ok=True)
            return self._opened()
        return rows

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
