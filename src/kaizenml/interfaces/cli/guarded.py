"""Work in a child process, so that somebody is left to say why when it ends without a word.

A machine that is out of memory kills it; a library may leave the process as Ray does when its cluster has gone.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from kaizenml.core.process import end_with

#: Ended by ourselves, because its step did not listen when it was cancelled. Whoever leaves with 0 in the midst of a
#: run has not come to its end, though it looks as if all were well.
_ENDED_BY_US = 130


def guarded(work: Callable[[], int], died: Callable[[int, int], None], *, is_process: bool) -> int:
    """Do the work in a child process and return its exit code; where no child can be made, do it here.

    Parameters
    ----------
    work
        Returns the exit code; it runs in the child, which begins as a copy of this process.
    died
        Called with the child's process id and exit code (of a signal, its number below zero) when it did not end by
        itself; raises the error that says so.
    is_process
        Whether this process is there for the command alone: a copy of any other would go on with what it was doing.
    """
    if not is_process or not _can_fork():
        return work()
    parent = os.getpid()
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        end_with(parent)
        atexit.register(os.write, telling, b".")  # only who ends by himself comes to that
        return work()
    os.close(telling)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child gets it too, and ends by itself

    def hand_on(number: int, _: FrameType | None) -> None:
        os.kill(child, number)

    signal.signal(signal.SIGTERM, hand_on)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != _ENDED_BY_US and not _has_told(told):
        died(child, code)
    return code


def _has_told(told: int) -> bool:
    os.set_blocking(told, False)  # what the child started may live on, and hold the other end
    try:
        return bool(os.read(told, 1))
    except BlockingIOError:
        return False


def _can_fork() -> bool:
    """Say whether this process is still small and has one thread, so that a copy of it is whole."""
    return sys.platform == "linux" and threading.active_count() == 1 and "polars" not in sys.modules
