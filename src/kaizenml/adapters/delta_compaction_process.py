"""The process that compacts one table: ``python -m kaizenml.adapters.delta_compaction_process WORD…``.

The words are those of the table's place: a folder, or the URL of a bucket, the table's name and a folder for locks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deltalake.exceptions import DeltaError

from kaizenml.adapters.delta_compaction import perform
from kaizenml.adapters.delta_place import Folder, Place
from kaizenml.adapters.delta_table import OneTable

_TRIES = 5


def main(words: Sequence[str]) -> None:
    """Compact the table at a place, unless somebody else does."""
    place = _place(words)
    perform(place, lambda: _compact(place))


def _place(words: Sequence[str]) -> Place:
    if len(words) == 1:
        return Folder(Path(words[0]))
    from kaizenml.adapters.delta_bucket import place_from

    return place_from(words)


def _compact(place: Place) -> None:
    """Compact; from the start again when the log, listed while others append, had a gap."""
    for left in reversed(range(_TRIES)):
        try:
            OneTable(place).compact()
        except DeltaError:
            if not left:
                raise
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    main(sys.argv[1:])
