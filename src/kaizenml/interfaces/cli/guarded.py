"""Work in a child process, so that somebody is left to say why when it is killed, as by a machine out of memory."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from kaizenml.core.process import end_with


def guarded(work: Callable[[], int], died: Callable[[int, int], None], *, is_process: bool) -> int:
    """Do the work in a child process and return its exit code; where no child can be made, do it here.

    Parameters
    ----------
    work
        Returns the exit code; it runs in the child, which begins as a copy of this process.
    died
        Called with the child's process id and the signal that ended it; raises the error that says so.
    is_process
        Whether this process is there for the command alone: a copy of any other would go on with what it was doing.
    """
    if not is_process or not _can_fork():
        return work()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        end_with(parent)
        return work()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child gets it too, and ends by itself

    def hand_on(number: int, _: FrameType | None) -> None:
        os.kill(child, number)

    signal.signal(signal.SIGTERM, hand_on)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        died(child, os.WTERMSIG(status))
    return os.waitstatus_to_exitcode(status)


def _can_fork() -> bool:
    """Say whether this process is still small and has one thread, so that a copy of it is whole."""
    return sys.platform == "linux" and threading.active_count() == 1 and "polars" not in sys.modules
