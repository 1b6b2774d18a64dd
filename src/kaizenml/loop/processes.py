"""What a process uses, and whether it lives."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kaizenml.core.process import is_over


@dataclass(frozen=True, slots=True)
class Used:
    """Processor seconds since a process started, and the memory that it holds now."""

    cpu_seconds: float
    memory_bytes: int


def used(pid: int) -> Used | None:
    """Return what a process uses; None when it is gone, or the system does not tell (no /proc)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rsplit(")", 1)[1].split()
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return Used((int(fields[11]) + int(fields[12])) / ticks, pages * os.sysconf("SC_PAGE_SIZE"))


def is_alive(pid: int) -> bool:
    """Say whether a process of this machine lives; one that has ended and that nobody has asked after does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not is_over(pid)
