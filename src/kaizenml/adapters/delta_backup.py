"""Which files a Delta table is made of at one instant, all its versions included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kaizenml.adapters.delta_guard import GONE, FolderGuard
from kaizenml.adapters.delta_history import history_of
from kaizenml.adapters.delta_sums import SUMS
from kaizenml.errors import IntegrityError

_COMMIT = re.compile(r"\d{20}\.json")


def tables_in(root: Path) -> list[Path]:
    """Return the folders of the tables below a root."""
    return sorted(log.parent for log in root.glob("*/_delta_log"))


@contextmanager
def nothing_deleted(root: Path) -> Iterator[None]:
    """Keep `vacuum` away from all tables that are there; appends, reads and compaction go on."""
    with ExitStack() as held:
        for folder in tables_in(root):
            held.enter_context(FolderGuard(folder).restoring())
        yield


def files_of(folder: Path) -> list[Path]:
    """Return the table's files, of every version up to the newest commit.

    The log decides: its commits are listed first, and only data files that one of them names are taken. A file of
    rows is on disk before the commit that names it, so each must be there, unless `vacuum` has deleted it. Checkpoints
    are left out: all commits are kept, and the next checkpoint is made from them.

    Raises
    ------
    IntegrityError
        When a commit, or a data file that one names, is missing.
    """
    log = folder / "_delta_log"
    commits = sorted(path for path in log.iterdir() if _COMMIT.fullmatch(path.name))
    for number, path in enumerate(commits):
        if int(path.stem) != number:
            raise _missing(folder, f"{log.name}/{number:020d}.json")
    history = history_of((number, path.read_text()) for number, path in enumerate(commits))
    data = [folder / name for name in history.spans]
    gone = [path for path in data if not path.exists()]
    told = FolderGuard(folder).gone()
    for path in gone:
        if path.name not in told:
            raise _missing(folder, path.name)
    notes = [folder / name for name in (GONE, SUMS) if (folder / name).exists()]
    return [*commits, *(path for path in data if path not in set(gone)), *notes]


def _missing(folder: Path, name: str) -> IntegrityError:
    return IntegrityError(
        f"Table {folder.name} has lost its file {name}.",
        "Restore the table's folder from an older backup.",
        {"table": folder.name, "file": name},
    )
