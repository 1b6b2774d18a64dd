"""The log of a Delta table: which commits there are, which keys they carry, how one is added.

A commit is one file, ``_delta_log/<version>.json``, that exactly one writer can create. So whoever adds version n+1 has
seen every key up to n, and a key can never be committed twice. Delta's own transaction identifiers do not promise this.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from kaizenml.adapters.delta_place import Place

#: Where a commit's metadata carries the key of the batch.
KEY = "kaizen.key"
#: Where the log lies below the table's folder.
FOLDER = "_delta_log"

#: How commits are called.
COMMIT = re.compile(r"(\d{20})\.json")


class DeltaLog:
    """The commits of one table, as far as they have been read.

    Attributes
    ----------
    newest
        The newest version that was read; -1 when there is none.
    keys
        The keys of all batches, with the version each became.
    shaped
        The newest version that changed the table's columns or settings.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.newest = -1
        self.keys: dict[str, int] = {}
        self.shaped = -1

    def refresh(self) -> None:
        """Read the commits that have been added since the last time."""
        if self.newest < 0:
            versions = self._listed()
            for version, content in zip(versions, self._place.read_all(map(commit_name, versions)), strict=True):
                self._take(version, content.decode())
        with suppress(FileNotFoundError):
            while True:
                self._take(self.newest + 1, self._place.read(commit_name(self.newest + 1)).decode())

    def add(
        self, actions: Sequence[Mapping[str, object]], *, key: str, rows: int, operation: str = "WRITE"
    ) -> int | None:
        """Commit the actions behind the newest version that was read; None when another writer was faster."""
        version = self.newest + 1
        lines = [_commit_info(key, rows, operation), *actions]
        content = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        if not self._place.create(commit_name(version), content.encode()):
            return None
        self.newest, self.keys[key] = version, version
        return version

    def commits(self) -> Iterator[tuple[int, str]]:
        """Return every commit that has been read, from the first on, as its lines of JSON."""
        names = map(commit_name, range(self.newest + 1))
        return ((version, content.decode()) for version, content in enumerate(self._place.read_all(names)))

    def is_begun(self) -> bool:
        """Say whether there is any commit."""
        return self.newest >= 0 or self._place.is_there(commit_name(0))

    def _listed(self) -> list[int]:
        names = (file.name for file in self._place.listed(FOLDER))
        return sorted(int(found[1]) for name in names if (found := COMMIT.fullmatch(name)))

    def _take(self, version: int, text: str) -> None:
        if KEY in text:
            self._note_key(text, version)
        if '"metaData"' in text or '"protocol"' in text:
            self.shaped = version
        self.newest = version

    def _note_key(self, text: str, version: int) -> None:
        for line in text.splitlines():
            key = json.loads(line).get("commitInfo", {}).get(KEY)
            if key is not None:
                self.keys[key] = version


def commit_name(version: int) -> str:
    """Return the name of the file that is a commit."""
    return f"{FOLDER}/{version:020d}.json"


def _commit_info(key: str, rows: int, operation: str) -> dict[str, object]:
    is_append = operation == "WRITE"
    return {
        "commitInfo": {
            "timestamp": int(time.time() * 1000),
            "operation": operation,
            "operationParameters": {"mode": "Append"} if is_append else {},
            "operationMetrics": {"num_added_rows" if is_append else "num_deleted_rows": rows},
            "isBlindAppend": is_append,
            "engineInfo": "kaizenml",
            KEY: key,
        }
    }
