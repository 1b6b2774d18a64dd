"""skrub's table report as a page of its own, where it is installed: the extra `explore`.

skrub and what it draws with take a second to load, so a process of its own begins to while the data are read.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import logging
import subprocess
import sys
import threading
import warnings
from typing import Any

import polars as pl

#: Rows that the report is made of, evenly spaced: 337,000 would take seconds more.
ROWS = 20_000
_SECONDS = 120
_log = logging.getLogger(__name__)


class TableReporter:
    """A process that makes one report, and loads meanwhile what that needs; none where skrub is not installed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: tuple[str, ...] = ()
        self._made = ""
        self._thread: threading.Thread | None = None
        if importlib.util.find_spec("skrub") is not None:
            words = [sys.executable, "-m", "kaizenml.data.explore_table"]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe)

    def begin(self, frame: pl.DataFrame, title: str) -> None:
        """Begin with the report of a frame, in the hope that all of its columns may be shown."""
        if self._process is None:
            return
        sample = io.BytesIO()
        frame.gather_every(max(1, -(-frame.height // ROWS))).write_ipc(sample)
        self._asked = (title, *frame.columns)
        asked = title.encode() + b"\n" + sample.getvalue()
        self._thread = threading.Thread(target=self._make, args=(self._process, asked), daemon=True, name="report")
        self._thread.start()

    def report(self, frame: pl.DataFrame, title: str) -> str:
        """Return skrub's `TableReport` as HTML that needs no network; empty without skrub, or where it fails."""
        if self._process is None:
            return ""
        if self._asked and self._asked != (title, *frame.columns):
            return table_report(frame, title)
        if self._thread is None:
            self.begin(frame, title)
        assert self._thread is not None
        self._thread.join(_SECONDS)
        return self._made

    def end(self) -> None:
        """End the process, if it has made nothing yet."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process is not None and self._thread is None:
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()

    def _make(self, process: subprocess.Popen[bytes], asked: bytes) -> None:
        made, errors = process.communicate(asked)
        if process.returncode > 0:
            _log.warning("skrub made no report: %s", errors.decode(errors="replace").strip().rpartition("\n")[2])
        elif process.returncode == 0:
            self._made = made.decode()


def table_report(frame: pl.DataFrame, title: str) -> str:
    """Return the report of a frame; see `TableReporter`."""
    reporter = TableReporter()
    try:
        return reporter.report(frame, title)
    finally:
        reporter.end()


def _main() -> None:
    skrub: Any = importlib.import_module("skrub")  # no part of `kaizenml[local]`
    importlib.import_module("matplotlib.pyplot")
    title, _, sample = sys.stdin.buffer.read().partition(b"\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of constant columns and the like, which the report shows anyway
        report = skrub.TableReport(pl.read_ipc(io.BytesIO(sample)), title=title.decode(), verbose=0)
        sys.stdout.buffer.write(str(report.html()).encode())


if __name__ == "__main__":
    _main()
