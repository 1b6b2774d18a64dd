"""The log of a Delta table in a local folder: which commits there are, which keys they carry, how one is added.

A commit is one file, ``_delta_log/<version>.json``, that exactly one writer can create. So whoever adds version n+1 has
seen every key up to n, and a key can never be committed twice. Delta's own transaction identifiers do not promise this.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kaizenml.adapters.durable import created

#: Where a commit's metadata carries the key of the batch.
KEY = "kaizen.key"

_COMMIT = re.compile(r"(\d{20})\.json")


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

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "_delta_log"
        self.newest = -1
        self.keys: dict[str, int] = {}
        self.shaped = -1

    def refresh(self) -> None:
        """Read the commits that have been added since the last time."""
        if self.newest < 0:
            for version in self._listed():
                self._read(version)
        while self.file(self.newest + 1).exists():
            self._read(self.newest + 1)

    def add(
        self, actions: Sequence[Mapping[str, object]], *, key: str, rows: int, operation: str = "WRITE"
    ) -> int | None:
        """Commit the actions behind the newest version that was read; None when another writer was faster."""
        version = self.newest + 1
        lines = [_commit_info(key, rows, operation), *actions]
        content = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        if not created(self.file(version), content.encode()):
            return None
        self.newest, self.keys[key] = version, version
        return version

    def commits(self) -> Iterator[tuple[int, str]]:
        """Return every commit that has been read, from the first on, as its lines of JSON."""
        return ((version, self.file(version).read_text()) for version in range(self.newest + 1))

    def file(self, version: int) -> Path:
        """Return where a commit is kept."""
        return self._folder / f"{version:020d}.json"

    def _listed(self) -> list[int]:
        names = (entry.name for entry in self._folder.iterdir()) if self._folder.is_dir() else ()
        return sorted(int(found[1]) for name in names if (found := _COMMIT.fullmatch(name)))

    def _read(self, version: int) -> None:
        text = self.file(version).read_text()
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
