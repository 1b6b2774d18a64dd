"""Measuring one tool: its driver is run in processes of its own, each with a bound."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import edits
import work
from driver import MARK, cpu_seconds
from tools import Tool

#: No process of a tool may take longer.
BOUND_SECONDS = 90
_RAN = re.compile(r"@ran (\w+)")


@dataclass(slots=True)
class Found:
    """What was measured of a tool: seconds, with CPU seconds beside them; and by edit, what became of its step."""

    cold: tuple[float, float] | None = None
    cached: tuple[float, float] | None = None
    fixed: float | None = None
    naps: tuple[float, float] | None = None
    imports: tuple[float, float] | None = None
    fan: tuple[float, float] | None = None
    cells: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bench:
    """A tool, its interpreter, the folder with the work, what is set in its environment, and until when it may take."""

    tool: Tool
    python: Path
    folder: Path
    more: dict[str, str]
    until: float

    def lay(self) -> None:
        """Write the work."""
        small, big, items = self.tool.sizes
        texts = {"warm": work.chain(3), "small": work.chain(small), "big": work.chain(big), "naps": work.naps(),
                 "fan": work.fan(items), "imports": work.imports()}  # fmt: skip
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (self.folder / f"{name}.py").write_text(text, "utf-8")
        self.write(edits.FILES)

    def write(self, files: dict[str, str]) -> None:
        """Write the project that is edited."""
        for name, text in files.items():
            (self.folder / name).write_text(text, "utf-8")

    def ask(self, measure: str, variable: str = edits.BEFORE) -> tuple[Any, str]:
        """Run the driver once; return what it found, and all that was printed."""
        environment = os.environ | self.more
        environment |= {edits.VARIABLE: variable, "BENCH_STATE": str(self.folder / "state")}
        if measure == "edits":  # an edit of the same size in the same second would not be seen by the interpreter
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        command = [str(self.python), str(self.tool.script), measure, str(self.folder)]
        left = min(BOUND_SECONDS, self.until - time.monotonic())
        if left < 1:
            raise RuntimeError("the time was over")
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=left, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
        if not lines:
            raise RuntimeError(
                (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()[-1][:120]
            )
        return json.loads(lines[-1].removeprefix(MARK)), done.stdout + done.stderr


def times(bench: Bench, found: Found) -> None:
    """Measure all that is a time."""
    small, big, items = bench.tool.sizes
    for name in ("overhead", "naps", "imports", "fan"):
        began, cpu = time.perf_counter(), cpu_seconds()
        try:
            took, _ = bench.ask(name)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            found.problems.append(f"{name}: {_said(error)}")
            continue
        if name == "overhead":
            first, second = took["small"], took["big"]
            found.cold, found.cached = (_slope(first[n], second[n], big - small) for n in (0, 1))
            found.fixed = max(0.0, first[0][0] - small * found.cold[0])
        elif name == "naps":
            found.naps = (took[0] / (work.NAPS * work.NAP_SECONDS), took[1])
        elif name == "imports":
            found.imports = (time.perf_counter() - began, cpu_seconds() - cpu)
        else:
            over = took[0] - items * work.ITEM_SECONDS / 2
            found.fan = (over * 1000 / items, took[1] * 1000 / items)


def _slope(small: list[float], big: list[float], steps: int) -> tuple[float, float]:
    return (big[2] - small[2]) / steps, (big[1] - small[1]) / steps


def corpus(bench: Bench, found: Found) -> None:
    """Edit the project, once for each edit, and see which steps run in a fresh process."""
    if bench.tool.no_cache:
        found.cells = dict.fromkeys((each.name for each in edits.ALL), "no cache")
        return
    try:
        before, _ = bench.ask("edits")
        again, printed = bench.ask("edits")
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        found.problems.append(f"edits: {_said(error)}")
        return
    if again != before:
        found.problems.append("edits: another value without an edit")
    unsettled = set(_RAN.findall(printed))
    if unsettled:
        found.problems.append(f"edits: without an edit, it ran again: {', '.join(sorted(unsettled))}")
    for edit in edits.ALL:
        found.cells[edit.name] = _cell(bench, edit, before, unsettled)
    bench.write(edits.FILES)


def _cell(bench: Bench, edit: edits.Edit, before: dict[str, Any], unsettled: set[str]) -> str:
    files, variable = edits.edited(edit)
    bench.write(files)
    try:
        after, printed = bench.ask("edits", variable)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return _said(error)[:40]
    ran = set(_RAN.findall(printed))
    extra = ran - {edit.step, "last"} - unsettled if edit.step else ran - unsettled
    more = f" +{len(extra)}" if extra and edit.step else ""
    if not edit.step:
        return "needless" if ran - unsettled else "kept"
    return ("re-ran" if after[edit.step] != before[edit.step] else "STALE") + more


def _said(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"not done after {error.timeout:.0f} s"
    return str(error)


@contextmanager
def beside(tool: Tool, python: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Start what a tool's own pages tell its users to have running; yield the variables that say where it is."""
    if tool.name != "prefect":
        yield {}
        return
    port = str(42_000 + os.getpid() % 10_000)
    more = {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    command = [str(python.with_name("prefect")), "server", "start", "--host", "127.0.0.1", "--port", port]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, env=os.environ | more, **quiet)  # type: ignore[call-overload]
    try:
        address = f"http://127.0.0.1:{port}/api"
        _wait(f"{address}/health", server)
        yield {**more, "PREFECT_API_URL": address}
    finally:
        server.terminate()
        server.wait(20)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("its server did not start")
