"""What a run uses of the machine: processor, memory and disk, sampled every few seconds."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kaizenml.core.process import family_of
from kaizenml.core.room import Room

SECONDS = 5.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")

#: Takes a sample: values by name.
Take = Callable[[Mapping[str, float]], None]


@dataclass(frozen=True, slots=True)
class Usage:
    """What this process and its children have used up to a moment.

    ``cpu_seconds`` and the bytes of the disk only grow; ``machine_busy`` and ``machine_all`` are processor seconds of
    the whole machine.
    """

    at: float
    cpu_seconds: float
    memory_bytes: int
    read_bytes: int
    written_bytes: int
    machine_busy: float = 0.0
    machine_all: float = 0.0
    machine_memory: float = 0.0


def usage() -> Usage:
    """Return what has been used so far, from /proc; where there is none, what the process knows of itself."""
    if not (_PROC / "self" / "stat").exists():
        own = resource.getrusage(resource.RUSAGE_SELF)
        return Usage(time.monotonic(), own.ru_utime + own.ru_stime, own.ru_maxrss * 1024, 0, 0)
    cpu, memory, read, written = 0.0, 0, 0, 0
    for pid in family_of(os.getpid()):
        one = _of_process(pid)
        cpu, memory, read, written = cpu + one[0], memory + one[1], read + one[2], written + one[3]
    busy, everything = _machine_cpu()
    return Usage(time.monotonic(), cpu, memory, read, written, busy, everything, _machine_memory())


def between(before: Usage, after: Usage) -> dict[str, float]:
    """Return a sample: what was used from one moment to another.

    ``cpu_percent`` is of one processor, so two busy ones are 200; ``machine_cpu_percent`` is of all of them.
    """
    seconds = max(after.at - before.at, 1e-9)
    sample = {
        "system/cpu_percent": max(0.0, after.cpu_seconds - before.cpu_seconds) / seconds * 100,
        "system/memory_bytes": float(after.memory_bytes),
        "system/disk_read_bytes": float(max(0, after.read_bytes - before.read_bytes)),
        "system/disk_written_bytes": float(max(0, after.written_bytes - before.written_bytes)),
    }
    if after.machine_all > before.machine_all:
        share = (after.machine_busy - before.machine_busy) / (after.machine_all - before.machine_all)
        sample["system/machine_cpu_percent"] = share * 100
        sample["system/machine_memory_percent"] = after.machine_memory * 100
    return sample


@contextmanager
def sampled(take: Take, seconds: float = SECONDS) -> Iterator[None]:
    """Take a sample every few seconds, from a thread, and one at the end of the block."""
    over = threading.Event()
    state: list[Usage] = []

    def next_sample() -> None:
        before, state[0] = state[0], usage()
        take(between(before, state[0]))

    def watch() -> None:
        state.append(usage())
        while not over.wait(seconds):
            next_sample()

    thread = threading.Thread(target=watch, daemon=True, name="system metrics")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        next_sample()


def _of_process(pid: int) -> tuple[float, int, int, int]:
    stat = _text(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    if len(stat) < 22:
        return 0.0, 0, 0, 0
    ticks = sum(map(int, stat[11:15]))  # its own, and those of its children that have ended
    lines = (line.partition(":") for line in _text(_PROC / str(pid) / "io").splitlines())
    disk = {name: int(value) for name, _, value in lines}
    return ticks / _TICKS, int(stat[21]) * _PAGE, disk.get("read_bytes", 0), disk.get("write_bytes", 0)


def _machine_cpu() -> tuple[float, float]:
    fields = [int(each) for each in _text(_PROC / "stat").partition("\n")[0].split()[1:9]]
    if len(fields) < 5:
        return 0.0, 0.0
    return (sum(fields) - fields[3] - fields[4]) / _TICKS, sum(fields) / _TICKS


def room_here(devices: Path = Path("/dev")) -> Room:
    """Return what this machine has for steps.

    Graphics cards are counted where Linux shows NVIDIA's and no others; elsewhere nobody can say how many there are.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * _PAGE
    names = _listed(devices)
    is_known = sys.platform == "linux" and not {"dri", "kfd", "dxg", "accel"} & set(names)
    cards = [name for name in names if name.startswith("nvidia") and name.removeprefix("nvidia").isdigit()]
    return Room(float(os.cpu_count() or 1), memory if memory > 0 else None, float(len(cards)) if is_known else None)


def _machine_memory() -> float:
    lines = (line.split() for line in _text(_PROC / "meminfo").splitlines())
    known = {words[0]: int(words[1]) for words in lines if len(words) > 1}
    total = known.get("MemTotal:", 0)
    return 1 - known.get("MemAvailable:", total) / total if total else 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
