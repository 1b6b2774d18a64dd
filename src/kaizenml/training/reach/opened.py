"""Files that anything in this process opens in a folder, told by the kernel: for libraries that open files themselves.

Polars, Arrow, DuckDB and others read files without the interpreter knowing. On Linux the kernel tells of every file
that is opened under a folder (inotify), whoever opens it; elsewhere only what the code names is known.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_MODIFY, _MOVED_TO, _CREATE, _OPEN = 0x2, 0x80, 0x100, 0x20
_IS_FOLDER, _OVERFLOW = 0x40000000, 0x4000
_MASK = _MODIFY | _MOVED_TO | _CREATE | _OPEN
_LEFT_OUT = {
    ".git",
    ".hg",
    "__pycache__",
    "node_modules",
    ".venv",
    "venv",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
}
_HEAD = struct.Struct("iIII")
#: More folders than this are not watched: it would take too long.
_MOST_FOLDERS = 2000


@dataclass(slots=True)
class Happened:
    """What was opened, changed and listed; `is_whole` is false when the kernel could not tell of everything."""

    opened: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    is_whole: bool = True


class Opened:
    """Watches a folder and what is in it."""

    def __init__(self, folder: Path, ignored: Callable[[str], bool]) -> None:
        self._ignored = ignored
        self._folders: dict[int, str] = {}
        self._lock = threading.Lock()
        self._listeners: list[Happened] = []
        self._library = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        start = getattr(self._library, "inotify_init1", None)
        self._handle = start(os.O_NONBLOCK | os.O_CLOEXEC) if start else -1
        self.is_working = self._handle >= 0
        self._watch(str(folder))

    def start(self) -> Happened:
        """Begin to note what happens."""
        self._drain()
        happened = Happened(is_whole=self.is_working)
        with self._lock:
            self._listeners.append(happened)
        return happened

    def stop(self, happened: Happened) -> None:
        """Note what happened up to now, and nothing more."""
        self._drain()
        with self._lock:
            self._listeners = [each for each in self._listeners if each is not happened]

    def close(self) -> None:
        """Give the watch back to the kernel, which takes it some 20 ms: nobody waits for that."""
        handle, self._handle, self.is_working = self._handle, -1, False
        if handle < 0 or sys.is_finalizing():  # the end of the process gives it back
            return
        try:
            threading.Thread(target=os.close, args=(handle,), daemon=True, name="watch given back").start()
        except RuntimeError:  # no thread can be begun any more
            os.close(handle)

    def __del__(self) -> None:
        self.close()

    def _watch(self, folder: str) -> None:
        if not self.is_working or self._ignored(folder + os.sep):
            return
        if len(self._folders) >= _MOST_FOLDERS or self._library is None:
            self.is_working = False
            return
        number = self._library.inotify_add_watch(self._handle, os.fsencode(folder), _MASK)
        if number < 0:
            self.is_working = False
            return
        self._folders[number] = folder
        with os.scandir(folder) as entries:
            inner = [each.path for each in entries if each.name not in _LEFT_OUT and each.is_dir(follow_symlinks=False)]
        for each in inner:
            self._watch(each)

    def _drain(self) -> None:
        while self.is_working:
            try:
                raw = os.read(self._handle, 65536)
            except (BlockingIOError, OSError):
                return
            at = 0
            while at < len(raw):
                number, mask, _, length = _HEAD.unpack_from(raw, at)
                name = os.fsdecode(raw[at + _HEAD.size : at + _HEAD.size + length].rstrip(b"\0"))
                at += _HEAD.size + length
                self._happened(number, mask, name)

    def _happened(self, number: int, mask: int, name: str) -> None:
        folder = self._folders.get(number, "")
        path = f"{folder}{os.sep}{name}" if name else folder
        if mask & _IS_FOLDER and mask & (_CREATE | _MOVED_TO) and os.path.isdir(path):
            self._watch(path)
        with self._lock:
            for each in self._listeners:
                if mask & _OVERFLOW:
                    each.is_whole = False
                elif mask & _IS_FOLDER and mask & _OPEN:
                    each.listed.add(path)
                elif mask & (_MODIFY | _CREATE | _MOVED_TO):
                    each.changed.add(path)
                elif mask & _OPEN:
                    each.opened.add(path)
