"""What a program writes to standard output and error: passed on as before, and kept, its beginning and its end.

A small process of its own stands between the program and its terminal, so that whatever writes is seen (native code
and child processes too), so that nothing can block (native code may write while it holds Python's lock), and so that
a program that is killed leaves what it had written. Its file is never larger than `HEAD` + `TAIL`.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

HEAD, TAIL = 256 * 1024, 768 * 1024
_COUNT = struct.Struct("<Q")
#: How long the end of a program's output is waited for, where a child process of it still holds the pipe open.
_SECONDS = 2.0


@contextmanager
def kept(file: Path, *, onward: tuple[int, int] = (1, 2)) -> Iterator[None]:
    """Keep in a file what this process and its children write, until the block ends; where that cannot be, do not.

    Parameters
    ----------
    onward
        Where standard output and error go on to: themselves, or (2, 2) to leave standard output to somebody else.
    """
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    try:
        tee = _Tee(file, onward)
    except OSError:
        yield
        return
    try:
        with _beside("stdout", 1, tee.aside), _beside("stderr", 2, tee.aside):
            yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)
        tee.end()


def read(file: Path) -> tuple[bytes, int, int]:
    """Return what was kept, how many bytes were written in all, and how many of them were left out."""
    try:
        content = file.read_bytes()
    except OSError:
        return b"", 0, 0
    if len(content) < _COUNT.size:
        return b"", 0, 0
    written = _COUNT.unpack_from(content)[0]
    kept_bytes = content[_COUNT.size :]
    head, ring = kept_bytes[:HEAD], kept_bytes[HEAD:]
    behind = written - HEAD
    if behind <= TAIL:
        return kept_bytes[:written], written, 0
    turn = behind % TAIL
    left_out = behind - TAIL
    note = f"\n… {left_out:,} bytes left out …\n".encode()
    return head + note + ring[turn:] + ring[:turn], written, left_out


class Text(NamedTuple):
    """What a console has: its beginning and its end, bytes written in all, and bytes from the middle left out."""

    content: bytes
    written: int
    left_out: int

    def since(self, at: int) -> bytes:
        """Return what was written behind so many bytes, as far as it is there."""
        if not self.left_out or at < HEAD:
            return self.content[at:]
        new = self.written - at
        return self.content[-new:] if 0 < new <= TAIL else self.content[HEAD:] if new else b""


class _Tee:
    """Standard output and error led through the small process; what goes ``aside`` is kept and not passed on."""

    def __init__(self, file: Path, onward: tuple[int, int]) -> None:
        self._saved = [os.dup(1), os.dup(2)]
        targets = [self._saved[number - 1] for number in onward]
        pairs = [_pipe(target) for target in targets]
        only_kept, self.aside = os.pipe()
        reads = [*(read_end for read_end, _ in pairs), only_kept]
        arguments = [str(file), *(str(descriptor) for descriptor in (*reads, *targets, -1))]
        source = Path(__file__).with_name("console_tee.py")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(source), *arguments],
                pass_fds=(*reads, *self._saved),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            for number, (_, write_end) in enumerate(pairs, 1):
                os.dup2(write_end, number)
        finally:
            for end in (*reads, *(write_end for _, write_end in pairs)):
                os.close(end)

    def end(self) -> None:
        """Give the program its own output back, once what it wrote has arrived."""
        for number, saved in enumerate(self._saved, 1):
            os.dup2(saved, number)
            os.close(saved)
        os.close(self.aside)
        _await(self._process.pid, _SECONDS)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0 if hasattr(os, "pidfd_open") else _SECONDS)
            return
        # A child process of the program lives on and may still write; the small process ends with it.
        threading.Thread(target=self._process.wait, daemon=True, name="console").start()


def _await(pid: int, seconds: float) -> None:
    """Wait for the end of a child process, where the system tells of it; elsewhere Python has to look, and sleep."""
    if not hasattr(os, "pidfd_open"):
        return
    watched = os.pidfd_open(pid)
    try:
        over = select.poll()
        over.register(watched, select.POLLIN)
        over.poll(seconds * 1000)
    finally:
        os.close(watched)


def _pipe(like: int) -> tuple[int, int]:
    """Return both ends of a pipe; of a terminal where there was one, so that programs go on to draw on it."""
    if not os.isatty(like):
        return os.pipe()
    import pty
    import termios

    try:
        parent, child = pty.openpty()
    except OSError:
        return os.pipe()
    with contextlib.suppress(OSError, termios.error):
        modes = termios.tcgetattr(child)
        modes[1] &= ~termios.OPOST  # the real terminal turns \n into \r\n itself
        modes[3] &= ~termios.ECHO
        termios.tcsetattr(child, termios.TCSANOW, modes)
        termios.tcsetwinsize(child, termios.tcgetwinsize(like))
    return parent, child


@contextmanager
def _beside(name: str, descriptor: int, aside: int) -> Iterator[None]:
    """Where Python's own stream does not go to the descriptor (a notebook, a test), keep what it is given as well."""
    stream = getattr(sys, name)
    if stream is None or _descriptor(stream) == descriptor:
        yield
        return
    both = _Both(stream, aside)
    setattr(sys, name, both)
    try:
        yield
    finally:
        if getattr(sys, name) is both:
            setattr(sys, name, stream)


class _Both(io.TextIOBase):
    """A text stream that also writes to the console's file, and not to the terminal: a notebook would show it twice."""

    def __init__(self, stream: TextIO, aside: int) -> None:
        self._stream, self._aside = stream, aside

    def write(self, text: str) -> int:
        """Write to both."""
        with contextlib.suppress(OSError):
            os.write(self._aside, text.encode("utf-8", "replace"))
        return self._stream.write(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Say what the stream says."""
        return self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _descriptor(stream: Any) -> int | None:
    try:
        found: int = stream.fileno()
        return found
    except (OSError, ValueError, AttributeError):
        return None


def _flush(stream: Any) -> None:
    with contextlib.suppress(Exception):
        stream.flush()
