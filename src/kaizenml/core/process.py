"""What the machine says of a process, and asks of it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STOPPED = ("T", "t")
_OVER = ("Z", "X")


def is_stopped(pid: int) -> bool:
    """Say whether a process was stopped (SIGSTOP) and has not been told to go on; False where that cannot be told."""
    return state(pid) in _STOPPED


def is_over(pid: int) -> bool:
    """Say whether a process has ended, though its number is still taken; False where that cannot be told."""
    return state(pid) in _OVER


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


def left_by(pid: int) -> set[tuple[int, str]]:
    """Return the processes that one started, and those that they did: each with when it began.

    Where the machine has no ``/proc``, none are found.
    """
    parents: dict[int, list[tuple[int, str]]] = {}
    for name in _names(Path("/proc")):
        if name.isdigit() and len(fields := _stat(name)) > 19:
            parents.setdefault(int(fields[1]), []).append((int(name), fields[19].decode()))
    found: set[tuple[int, str]] = set()
    left = parents.get(pid, [])
    while left:
        each = left.pop()
        found.add(each)
        left.extend(parents.get(each[0], []))
    return found


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _stat(pid: str) -> list[bytes]:
    """Return what the machine says of a process, from its state on: see proc(5)."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return []
    try:
        return os.read(descriptor, 4096).rpartition(b") ")[2].split()
    except OSError:
        return []
    finally:
        os.close(descriptor)


def children_of(pid: int) -> set[int]:
    """Return the processes that one has started itself and that are there; see `family_of` for all below them."""
    if not _lists_children():
        return {int(name) for name in _names(Path("/proc")) if name.isdigit() and _stat(name)[1:2] == [b"%d" % pid]}
    found: set[int] = set()
    for task in _names(Path(f"/proc/{pid}/task")):
        with suppress(OSError):
            found.update(map(int, Path(f"/proc/{pid}/task/{task}/children").read_bytes().split()))
    return found


def family_of(pid: int) -> Iterator[int]:
    """Yield a process, those that it started, and those that they did; no other is looked at where that can be."""
    yield pid
    if _lists_children():
        for child in children_of(pid):
            yield from family_of(child)
    else:
        yield from (each for each, _ in left_by(pid))


def _lists_children() -> bool:
    """Say whether the kernel tells the children of a process (CONFIG_PROC_CHILDREN)."""
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists()


@contextmanager
def nobody_left_behind() -> Iterator[None]:
    """Kill what was started in the block and still runs, when the block is interrupted.

    Looking through all processes takes longer than a short run, so it is not done before there is need of it. The
    machine tells the start of a process to 10 ms only; what started just before the block is told by its number.
    """
    before, begun = children_of(os.getpid()), _ticks()
    try:
        yield
    except KeyboardInterrupt:
        for pid, at in left_by(os.getpid()):
            if int(at) >= begun and pid not in before:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        raise


def _ticks() -> int:
    """Return the time in the unit and from the start that `left_by` has: proc(5), ``starttime``."""
    if sys.platform != "linux":
        return 0
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


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
