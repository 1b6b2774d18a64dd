"""The tools that are measured, each in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: Environments are kept here from one time to the next.
CACHE = Path(os.environ.get("BENCH_CACHE", Path.home() / ".cache" / "kaizenml" / "bench-training"))


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Parameters
    ----------
    requirement
        What is installed; empty for this repository's own environment.
    sizes
        How many steps the two chains have, and how many items the fan-out: fewer of slow tools.
    no_cache
        Why it has no cache that the edits could be tried on; empty if it has one.
    """

    name: str
    version: str
    requirement: str
    sizes: tuple[int, int, int]
    no_cache: str = ""

    @property
    def script(self) -> Path:
        """Its driver."""
        return HERE / f"with_{self.name}.py"


ALL = (
    Tool("kaizen", "", "", (10, 110, 1000)),
    Tool("plain", "", "", (10, 110, 1000), "is no tool: Python calls the functions"),
    Tool("hamilton", "1.90.0", "apache-hamilton", (10, 110, 1000)),
    Tool("kedro", "1.7.0", "kedro", (10, 110, 100), "keeps no results from run to run"),
    Tool("redun", "0.44.1", "redun", (10, 40, 200)),
    Tool("prefect", "3.9.1", "prefect", (10, 60, 200)),
    Tool("zenml", "0.98.0", "zenml[local]", (5, 25, 40)),
    Tool("dagster", "1.13.28", "dagster", (10, 40, 8), "skips no op and no asset that it has materialised"),
    Tool("metaflow", "2.19.39", "metaflow", (3, 9, 20), "keeps results to resume a run, none from run to run"),
)


def python_of(tool: Tool) -> Path:
    """Return the interpreter of a tool's environment, which is made when it is not there.

    Raises
    ------
    subprocess.CalledProcessError
        When it cannot be installed.
    """
    if not tool.requirement:
        return Path(sys.executable)
    folder = CACHE / f"{tool.name}-{tool.version}"
    python, stamp = folder / "bin" / "python", folder / ".ready"
    if not stamp.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _install(folder, [f"{tool.requirement}=={tool.version}", "pandas", "scikit-learn"])
        stamp.touch()
    return python


def _install(folder: Path, wanted: list[str]) -> None:
    """Make an environment with uv, which is quicker; where that fails, with pip."""
    uv = Path(sys.executable).with_name("uv")
    python = str(folder / "bin" / "python")
    try:
        _done([str(uv), "venv", "--quiet", "--python", sys.executable, str(folder)])
        _done([str(uv), "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *wanted])
    except (OSError, subprocess.CalledProcessError):
        _done([sys.executable, "-m", "venv", "--clear", str(folder)])
        _done([python, "-m", "pip", "install", "--quiet", *wanted])


def _done(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
