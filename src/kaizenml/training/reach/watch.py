"""Seeing what a running step reads: the interpreter's audit events, file checks and environment variables.

The hook is installed once in a process and cannot be taken out again; while nothing is watched it costs one test.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Watcher(Protocol):
    """Who is told what happens."""

    def happened(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take note of an audit event, or of what raises none.

        ``stat`` comes with a path, ``environment`` with a name and its value, ``named`` with the name of a module that
        is imported by name, and the file of the code that asks for it.
        """


_watching: list[Watcher] = []
_by_thread: dict[int, list[Watcher]] = {}
_quiet = threading.local()
_lock = threading.Lock()
_is_installed: list[bool] = []

_EVENTS = frozenset({
    "open", "os.listdir", "os.scandir", "import", "pickle.find_class", "sqlite3.connect", "ctypes.dlopen",
    "socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.system", "os.exec",
    "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn", "os.putenv", "os.unsetenv", "urllib.Request",
    "http.client.connect", "os.chdir", "os.mkdir",
})  # fmt: skip


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Tell the watcher what happens in this thread, and in threads that nobody else watches."""
    _install()
    mine = threading.get_ident()
    with _lock:
        _watching.append(watcher)
        _by_thread.setdefault(mine, []).append(watcher)
    try:
        yield
    finally:
        with _lock:
            _watching.remove(watcher)
            _by_thread[mine].pop()
            if not _by_thread[mine]:
                del _by_thread[mine]


@contextmanager
def unwatched() -> Iterator[None]:
    """Do something that is no part of a step, such as writing its log."""
    before = getattr(_quiet, "is_on", False)
    _quiet.is_on = True
    try:
        yield
    finally:
        _quiet.is_on = before


def _tell(event: str, arguments: tuple[Any, ...]) -> None:
    if getattr(_quiet, "is_on", False):
        return
    with unwatched():
        mine = _by_thread.get(threading.get_ident())
        for watcher in mine[-1:] if mine else tuple(_watching):
            watcher.happened(event, arguments)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in _EVENTS:
        _tell(event, arguments)


def _install() -> None:
    with _lock:
        if _is_installed:
            return
        _is_installed.append(True)
        sys.addaudithook(_hook)
        for name in ("stat", "lstat", "access", "readlink"):
            _wrap(name)
        _wrap_import()
        both: tuple[Any, ...] = (os.environ, os.environb)
        for variables in both:
            variables.encodekey = _telling_key(variables.encodekey, variables._data)  # noqa: SLF001
            variables.decodekey = _telling_all(variables.decodekey)


def _wrap(name: str) -> None:
    """Let a check of a file be told: it raises no audit event."""
    original = getattr(os, name)

    @functools.wraps(original)
    def telling(path: Any, *rest: Any, **named: Any) -> Any:
        if _watching and not isinstance(path, int) and named.get("dir_fd") is None:
            _tell("stat", (path,))
        return original(path, *rest, **named)

    setattr(os, name, telling)
    for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids):
        if original in supported:
            supported.add(telling)


def _wrap_import() -> None:
    """Let an import by name be told, also of a module that is loaded: it raises no audit event."""
    frozen = vars(importlib)["_bootstrap"]
    original = frozen._gcd_import  # noqa: SLF001  the one way of `import_module`, whoever holds it

    @functools.wraps(original)
    def telling(name: str, package: str | None = None, level: int = 0) -> Any:
        if _watching:
            whole = importlib.util.resolve_name("." * level + name, package) if level else name
            _tell("named", (whole, _asking_file()))
        return original(name, package, level)

    frozen._gcd_import = telling  # noqa: SLF001


def _asking_file() -> str:
    """Return the file of the code that called `import_module`."""
    frame = sys._getframe(2)  # noqa: SLF001  who called is only known by the frames
    while frame.f_back is not None and frame.f_globals.get("__name__") == "importlib":
        frame = frame.f_back
    return frame.f_code.co_filename


def _telling_key(encode: Callable[[Any], bytes], values: dict[bytes, bytes]) -> Callable[[Any], bytes]:
    def telling(name: Any) -> bytes:
        encoded = encode(name)
        if _watching:
            _tell("environment", (encoded, values.get(encoded)))
        return encoded

    return telling


def _telling_all(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def telling(name: bytes) -> Any:
        if _watching:
            _tell("environment.all", ())
        return decode(name)

    return telling
