"""Compaction of a Delta table in a process of its own, so that no append waits for it.

The process holds a lock of the table, which ends with it: there is one at a time, and one that was killed leaves
nothing but files of no commit, which `vacuum` deletes a day later. What it commits is a commit like any other.
"""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kaizenml.adapters.delta_log import commit_name
from kaizenml.adapters.delta_place import Place

_LOCK = "_compacting.lock"
#: Compacting can wait; appending and answering cannot. So it has the least claim to the processors, and one thread.
_LEAST_CLAIM = ("nice", "-n", "19")
_ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "TOKIO_WORKER_THREADS"), "1")
_LONGEST_COMPLAINT = 500
_log = logging.getLogger(__name__)


@contextmanager
def compacting(place: Place) -> Iterator[bool]:
    """Hold the table for compaction; False when somebody else does."""
    place.locks.mkdir(parents=True, exist_ok=True)
    with (place.locks / _LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def start(place: Place) -> subprocess.Popen[bytes] | None:
    """Begin to compact the table at a place; None when that is under way, or there is no table."""
    if not place.is_there(commit_name(0)):
        return None
    with compacting(place) as is_free:
        if not is_free:
            return None
    process = subprocess.Popen(
        [*_LEAST_CLAIM, sys.executable, "-m", "kaizenml.adapters.delta_compaction_process", *place.words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        env={**os.environ, **_ONE_THREAD},
    )  # fmt: skip
    threading.Thread(target=_await, args=(process, place.name), name=f"compacting {place.name}", daemon=True).start()
    return process


def perform(place: Place, compact: Callable[[], object]) -> bool:
    """Compact, unless somebody else is at it; say whether it was done."""
    with compacting(place) as is_free:
        if is_free:
            compact()
        return is_free


def _await(process: subprocess.Popen[bytes], table: str) -> None:
    _, complaint = process.communicate()
    if process.returncode:
        said = complaint.decode(errors="replace").strip()[-_LONGEST_COMPLAINT:]
        _log.warning("Compacting %s ended with %d; the next one merges its files. %s", table, process.returncode, said)
