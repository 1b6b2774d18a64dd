"""The proof of a wheel: installed into a fresh environment, it answers its golden rows as it did when it was made."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kaizenml.errors import StepFailedError, WrongEnvironmentError
from kaizenml.packaging.wheel import package_name

_SECRETS = re.compile(r"(?<=://)[^/@\s]+@|(?i:\b(?:token|password|secret|api[_-]?key)\b\s*[=:]\s*)\S+")


@dataclass(frozen=True, slots=True)
class Proof:
    """What the self-test said, and how long installing and testing took."""

    seconds: float
    install_seconds: float
    test_seconds: float
    installer: str
    python: str
    packages: Mapping[str, str]
    rows: int
    worst: float


def prove(wheels: Sequence[Path], name: str, *, timeout_seconds: float = 600.0) -> Proof:
    """Install wheels into a fresh environment and run the self-test of the model in it.

    Parameters
    ----------
    wheels
        The model's wheel, and those that no index has, such as kaizenml's own.
    name
        The project's name.
    timeout_seconds
        For each of making the environment, installing and testing.

    Raises
    ------
    WrongEnvironmentError
        When the environment cannot be made, or the wheels cannot be installed; with the end of what the installer said.
    StepFailedError
        When the self-test does not run, or an answer came out otherwise.
    """
    package = package_name(name)
    with TemporaryDirectory(prefix="kaizen-prove-") as folder:
        started = time.perf_counter()
        installer, python = _installed(Path(folder), wheels, timeout_seconds)
        installed = time.perf_counter()
        result = _tested(python, package, Path(folder), timeout_seconds)
        ended = time.perf_counter()
    return Proof(
        seconds=ended - started,
        install_seconds=installed - started,
        test_seconds=ended - installed,
        installer=installer,
        python=str(result.get("python", "")),
        packages={each: version for each, version in result.get("packages", {}).items() if version},
        rows=int(result.get("rows", 0)),
        worst=float(result["worst"]),
    )


def find_uv() -> str | None:
    """Return the path of uv, beside this interpreter or on the path, if it is there."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


def _installed(folder: Path, wheels: Sequence[Path], seconds: float) -> tuple[str, Path]:
    """Make an environment in the folder; return which tool did it, and its interpreter."""
    home = folder / "env"
    python = home / "bin" / "python"
    files = [str(wheel.resolve()) for wheel in wheels]
    if uv := find_uv():
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(home)], seconds)
        _run([uv, "pip", "install", "--quiet", "--python", str(python), *files], seconds)
        return "uv", python
    _run([sys.executable, "-m", "venv", str(home)], seconds)
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *files], seconds)
    return "pip", python


def _run(command: Sequence[str], seconds: float) -> None:
    left_out = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    ended = _ended(command, environment, None, seconds)
    if ended.returncode:
        raise WrongEnvironmentError(
            f"A fresh environment for the wheel could not be made: {tail(ended.stderr or ended.stdout)}",
            "Check that the index is reachable and has every version that the wheel requires.",
        )


def _tested(python: Path, package: str, folder: Path, seconds: float) -> dict[str, Any]:
    """Run the self-test without any variable of ours, so that nothing but the wheel can help it."""
    environment = {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8"}
    ended = _ended([str(python), "-I", "-m", package, "--selftest"], environment, folder, seconds)
    lines = ended.stdout.strip().splitlines()
    try:
        result = json.loads(lines[-1]) if lines else {}
    except ValueError:
        result = {}
    if ended.returncode or not isinstance(result, dict) or not result.get("passed"):
        raise StepFailedError(
            _why(result, ended), "Look at the golden rows and at what was installed.", {"result": result}
        )
    return result


def _why(result: object, ended: subprocess.CompletedProcess[str]) -> str:
    facts = result if isinstance(result, dict) else {}
    if error := facts.get("error"):
        return f"The wheel's self-test was refused: {tail(str(error.get('message')))}"
    if "worst" in facts:
        apart = facts["worst"] if facts["worst"] is not None else "a label"
        return f"The wheel answers its golden rows differently: by {apart}, where {facts.get('tolerance')} is allowed."
    return f"The wheel's self-test ended with {ended.returncode}: {tail(ended.stderr or ended.stdout)}"


def _ended(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None, seconds: float
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env=dict(environment),
            cwd=folder,
            timeout=seconds,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StepFailedError(
            f"{Path(command[0]).name} took longer than {seconds:g} s.", "Try again, or wait longer."
        ) from error
    except OSError as error:
        raise WrongEnvironmentError(
            f"{command[0]} cannot be run: {error.strerror}.", "Install uv, or Python with pip."
        ) from error


def tail(output: str, most: int = 1_500) -> str:
    """Return the end of what a program said, without passwords and tokens."""
    return _SECRETS.sub("***", output.strip())[-most:]
