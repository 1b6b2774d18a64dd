"""What the machine says of a process, and asks of it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STOPPED = ("T", "t")
_OVER = ("Z", "X")


def is_stopped(pid: int) -> bool:
    """Say whether a process was stopped (SIGSTOP) and has not been told to go on; False where that cannot be told."""
    return state(pid) in _STOPPED


def is_running(pid: int) -> bool:
    """Say whether a process is there and goes on: neither over nor stopped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return state(pid) not in (*_STOPPED, *_OVER)


def state(pid: int) -> str:
    """Return the letter that the machine has for what a process does; nothing where there is none.

    Source: proc(5), the field behind the name in parentheses of ``/proc/PID/stat``.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2][:1]
    except OSError:
        return ""


def end_with(parent: int) -> None:
    """Let this process be killed when the thread that started it is over, so that it is never left behind.

    Where the machine has no such means (it is Linux's), nothing is changed.
    """
    if sys.platform != "linux":
        return
    import ctypes  # takes longer to import than most processes have to start

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
