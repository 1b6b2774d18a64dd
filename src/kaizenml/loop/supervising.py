"""`kaizen up`: one process that keeps the others alive, and takes them down when it goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kaizenml.loop.wiring import Say

#: How long a child may take to end by itself when it is told to.
GRACE_SECONDS = 20.0
_PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass(slots=True)
class Child:
    """A process that is kept alive: what it is called, how it is started, how often it died."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    not_before: float = 0.0

    def start(self) -> None:
        """Start the process in a group of its own, its output going to the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None


def command(*words: str) -> list[str]:
    """Return the command line of `kaizen` in this very interpreter."""
    return [sys.executable, "-m", "kaizenml", *words]


def keep(children: Sequence[Child], say: Say, stop: threading.Event) -> None:
    """Start the children, start again what dies (ever more slowly), and end them all when told to stop."""
    try:
        while not stop.wait(0.1):
            for child in children:
                _mend(child, say)
    finally:
        end(children)


def _mend(child: Child, say: Say) -> None:
    if child.is_running:
        return
    now = time.monotonic()
    if child.process is not None and child.not_before == 0.0:
        pause = _PAUSES[min(child.deaths, len(_PAUSES) - 1)]
        child.deaths += 1
        child.not_before = now + pause + 0.001
        say(f"{child.name} ended with {child.process.returncode}; it starts again in {pause:g} s (see {child.log})")
    if now >= child.not_before:
        child.not_before = 0.0
        child.start()


def end(children: Sequence[Child]) -> None:
    """Tell the children to end, and wait; one that does not is killed."""
    for child in children:
        if child.is_running and child.process is not None:
            child.process.send_signal(signal.SIGTERM)
    limit = time.monotonic() + GRACE_SECONDS
    for child in children:
        if child.process is None:
            continue
        try:
            child.process.wait(max(0.1, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()


def leave_with_parent(parent: int, stop: threading.Event) -> None:
    """Set the event when the parent of this process is no longer that one."""

    def watch() -> None:
        while not stop.wait(0.3):
            if os.getppid() != parent:
                stop.set()

    threading.Thread(target=watch, daemon=True, name="parent watch").start()


def leave_on_signals(stop: threading.Event) -> None:
    """Set the event on SIGTERM and SIGINT, so that the process ends in good order."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
