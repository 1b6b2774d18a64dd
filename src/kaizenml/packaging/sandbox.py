"""Try a file in a process of its own first, where it can do little harm.

The child is a fresh interpreter (``python -I``): no environment variables of ours, a temporary folder as home and
working directory, limits on memory, processor time, open files and written bytes, a deadline, and its own session, so
that all of it ends. On Linux it also leaves the network where the kernel lets an unprivileged process do so (a user and
network namespace), and everywhere an audit hook refuses sockets, new processes and writing files. The hook binds
Python, not machine code: it is a second fence, not the wall. Elsewhere than on Linux the memory limit is best effort.

What goes in and comes out are files of bytes and JSON: nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from kaizenml.core.signature import Cell
from kaizenml.errors import KaizenError, UnsafeArtefactError, WrongEnvironmentError

_CHILD = Path(__file__).with_name("sandboxed.py")
_HINT = "Do not load it; ask whoever made it for a new one, or raise the limits if the model is that large."


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What the child may use at most; ``written_bytes`` bounds each file, and so the answer too."""

    memory_bytes: int = 4 << 30
    cpu_seconds: int = 60
    seconds: float = 120.0
    open_files: int = 256
    written_bytes: int = 16 << 20


def try_load(
    function: str, content: bytes, rows: Sequence[Mapping[str, Cell]] = (), sandbox: Sandbox = Sandbox()
) -> object:
    """Call a function with the content and the rows in a fresh, fenced process, and return its answer.

    Parameters
    ----------
    function
        Dotted name of a function ``(content: bytes, rows: list[dict]) -> JSON value`` in an importable module.
    content
        What is not trusted yet.
    rows
        Rows to answer, handed to the function.

    Raises
    ------
    UnsafeArtefactError
        When the child refuses, crashes, or reaches a limit; names which.
    WrongEnvironmentError
        When the child finds other libraries than the content needs.
    """
    request = {"function": function, "rows": list(rows), "limits": asdict(sandbox), "path": [p for p in sys.path if p]}
    with tempfile.TemporaryDirectory(prefix="kaizen-sandbox-") as home, tempfile.TemporaryFile() as stdin:
        stdin.write(json.dumps(request).encode() + b"\n" + content)
        stdin.seek(0)
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            code = _run(home, sandbox, stdin, stdout, stderr)
            return _answer(code, _read(stdout, sandbox.written_bytes), _read(stderr, 4_000))


def _run(home: str, sandbox: Sandbox, stdin: IO[bytes], stdout: IO[bytes], stderr: IO[bytes]) -> int:
    child = subprocess.Popen(
        [sys.executable, "-I", "-B", str(_CHILD)],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=home,
        env={"HOME": home, "TMPDIR": home, "PATH": os.defpath, "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"}
        | {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        start_new_session=True,
    )
    try:
        return child.wait(sandbox.seconds)
    except subprocess.TimeoutExpired as error:
        raise UnsafeArtefactError(f"Loading it took longer than {sandbox.seconds:g} s.", _HINT) from error
    finally:
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the child's session, also when the child itself has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _read(stream: IO[bytes], most: int) -> bytes:
    stream.seek(0)
    return stream.read(most + 1)


def _answer(code: int, stdout: bytes, stderr: bytes) -> object:
    try:
        message = json.loads(stdout) if stdout else None
    except (ValueError, RecursionError):
        message = None
    if code != 0 or not isinstance(message, dict):
        raise UnsafeArtefactError(f"Loading it {_reason(code)}.", _HINT, {"tail": _tail(stderr)})
    if "error" in message:
        raise _raised(message["error"])
    return message.get("answer")


def _reason(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "used up its processor time"
    if code < 0:
        return f"crashed the process ({signal.Signals(-code).name})"
    return f"ended the process with {code}" if code else "gave no answer"


def _raised(error: object) -> KaizenError:
    facts = error if isinstance(error, dict) else {}
    kind = WrongEnvironmentError if facts.get("code") == WrongEnvironmentError.code else UnsafeArtefactError
    return kind(str(facts.get("message"))[:2_000], str(facts.get("hint", _HINT))[:500])


def _tail(stderr: bytes) -> str:
    return stderr.decode(errors="replace")[-1_000:]
