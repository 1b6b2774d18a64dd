"""Writers of one SQLite file take turns, in the order in which they came.

SQLite lets whoever is refused sleep and try again, for longer each time: with sixteen busy writers some waited for five
seconds. A lock of the file system beside the database wakes them in order. It is a courtesy only: SQLite's own lock
still decides, so whoever does not know of the turns, or has waited too long for one, does no harm.
"""

from __future__ import annotations

import fcntl
import threading
import time
import weakref
from io import FileIO
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

#: Whoever holds the turn for longer is stopped or stuck: the others go ahead, and SQLite tells them what is wrong.
PATIENCE_SECONDS = 10.0
#: Who had the turn less than this ago lets others go first.
_JUST_NOW_SECONDS = 0.005
#: How long they are let: together longer than waking somebody takes, and not for ever, since who waits may be stopped.
_STEPS_BACK = (0.0002, 0.0005, 0.001, 0.002)


class Turns:
    """The turns at a database, as one process takes them; a process that ends gives its turn back.

    Parameters
    ----------
    file
        Beside the database; made when there is none, as is the one of this name and ``.waiting``.
    patience
        Seconds after which a writer goes ahead without its turn.
    """

    def __init__(self, file: Path, patience: float = PATIENCE_SECONDS) -> None:
        self._file, self._waiting, self._patience = file, file.with_name(f"{file.name}.waiting"), patience
        self._left_at = 0.0
        self._here = threading.Lock()
        self._held: FileIO | None = None
        self._waiter: _Waiter | None = None

    def __enter__(self) -> None:
        """Wait for the turn."""
        self._here.acquire()
        try:
            self._held = self._taken()
        except BaseException:
            self._here.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the turn to the next."""
        held, self._held, self._left_at = self._held, None, time.monotonic()
        self._here.release()
        if held is not None:
            _give_back(held)

    def _taken(self) -> FileIO | None:
        try:
            turn = FileIO(self._file, "a")
        except OSError:
            return None  # a full disk, a folder that is gone: the database says it better
        if _is_locked(turn, fcntl.LOCK_EX) and self._is_mine(turn):
            return turn
        return self._waited(turn)

    def _is_mine(self, turn: FileIO) -> bool:
        """Let others go first who wait while this process writes again and again; say whether it has the turn still."""
        if time.monotonic() - self._left_at > _JUST_NOW_SECONDS:
            return True
        for seconds in _STEPS_BACK:
            if not self._is_waited_for():
                return True
            fcntl.flock(turn, fcntl.LOCK_UN)
            time.sleep(seconds)
            if not _is_locked(turn, fcntl.LOCK_EX):
                return False
        return True

    def _is_waited_for(self) -> bool:
        try:
            with FileIO(self._waiting, "a") as file:
                return not _is_locked(file, fcntl.LOCK_EX)
        except OSError:
            return False

    def _waited(self, handle: FileIO) -> FileIO | None:
        """Wait in a thread, since a lock of the file system knows no limit of time."""
        if self._waiter is None or not self._waiter.is_alive():  # a copied process has no thread but its own
            self._waiter = _Waiter()
            weakref.finalize(self, self._waiter.end)
        wait = _Wait(handle, self._marked())
        self._waiter.add(wait)
        try:
            if wait.done.wait(self._patience):
                return handle
            late = wait.left()
        except BaseException:
            if (late := wait.left()) is not None:
                _give_back(late)
            raise
        finally:
            if not wait.done.is_set():
                self._waiter.end()
                self._waiter = None
        return late

    def _marked(self) -> FileIO | None:
        """Share a lock with all who wait, by which they are seen."""
        try:
            mark = FileIO(self._waiting, "a")
        except OSError:
            return None
        _is_locked(mark, fcntl.LOCK_SH)
        return mark


class _Waiter(threading.Thread):
    """Waits for one turn after another; a thread for each would cost as much as a short transaction."""

    def __init__(self) -> None:
        super().__init__(name="turn", daemon=True)
        self._waits: SimpleQueue[_Wait | None] = SimpleQueue()
        self.start()

    def add(self, wait: _Wait) -> None:
        """Wait for this turn next."""
        self._waits.put(wait)

    def end(self) -> None:
        """Wait no more after the turns that are waited for."""
        self._waits.put(None)

    def run(self) -> None:
        """Wait."""
        while (wait := self._waits.get()) is not None:
            wait.lock()


class _Wait:
    def __init__(self, handle: FileIO, mark: FileIO | None) -> None:
        self.done = threading.Event()
        self._handle, self._mark, self._lock, self._is_left = handle, mark, threading.Lock(), False

    def lock(self) -> None:
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        if self._mark is not None:
            _give_back(self._mark)
        with self._lock:
            if self._is_left:
                _give_back(self._handle)
            self.done.set()

    def left(self) -> FileIO | None:
        """Wait no longer; return the turn all the same when it has just come."""
        with self._lock:
            self._is_left = not self.done.is_set()
            return None if self._is_left else self._handle


def _is_locked(handle: FileIO, how: int) -> bool:
    """Lock a file where that can be at once; say whether it was done."""
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _give_back(handle: FileIO) -> None:
    fcntl.flock(handle, fcntl.LOCK_UN)  # closing alone keeps the turn where the process was copied meanwhile
    handle.close()
