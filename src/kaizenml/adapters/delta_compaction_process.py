"""The process that compacts one table: ``python -m kaizenml.adapters.delta_compaction_process FOLDER``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from deltalake.exceptions import DeltaError

from kaizenml.adapters.delta_compaction import perform
from kaizenml.adapters.delta_table import LocalDeltaTable

_TRIES = 5


def main(folder: Path) -> None:
    """Compact the table in a folder, unless somebody else does."""
    perform(folder, lambda: _compact(folder))


def _compact(folder: Path) -> None:
    """Compact; from the start again when the log, listed while others append, had a gap."""
    for left in reversed(range(_TRIES)):
        try:
            LocalDeltaTable(folder.name, folder).compact()
        except DeltaError:
            if not left:
                raise
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
