"""What a process of a pool prints, line by line, with the name of the step it comes from."""

from __future__ import annotations

import io
import os
import sys
import threading

from kaizenml.core.task import Task


class Attributed(io.TextIOWrapper):
    """A standard stream whose lines begin with the step and item that are being performed.

    A line is written as soon as it is over (also by a carriage return, as progress bars do) or flushed, and always in
    one piece, so that those of several processes do not mix.
    """

    def __init__(self, number: int) -> None:
        super().__init__(os.fdopen(os.dup(number), "wb", buffering=0), encoding="utf-8", errors="replace",
                         newline="", write_through=True)  # fmt: skip
        self._title, self._left, self._is_inside = "", "", False
        self._one = threading.RLock()

    def title(self, of: str) -> None:
        """Let the lines from now on be those of somebody else; what is left of a line is written first."""
        with self._one:
            self.flush()
            if self._is_inside:
                super().write("\n")
            self._title, self._is_inside = of, False

    def write(self, text: str) -> int:
        """Write the lines that are over, and hold what is left."""
        with self._one:
            *lines, self._left = (self._left + text).replace("\r", "\r\0").replace("\n", "\n\0").split("\0")
            if lines:
                self._put(lines)
        return len(text)

    def flush(self) -> None:
        """Write what is left of a line."""
        with self._one:
            left, self._left = self._left, ""
            if left:
                self._put([left])
            super().flush()

    def _put(self, lines: list[str]) -> None:
        mark = f"[{self._title}] " if self._title else ""
        said = "".join(f"{mark}{line}" for line in lines)
        super().write(said[len(mark) :] if self._is_inside else said)
        self._is_inside = not lines[-1].endswith(("\n", "\r"))


def attribute() -> tuple[Attributed, Attributed]:
    """Let what this process prints be told apart; return its two streams."""
    sys.stdout, sys.stderr = found = Attributed(1), Attributed(2)
    return found


def title(task: Task) -> str:
    """Return what the lines of a task begin with: its step, and which item of how many."""
    return task.step if task.item is None else f"{task.step} {task.item + 1}/{task.items}"
