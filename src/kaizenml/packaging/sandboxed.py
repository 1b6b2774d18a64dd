"""The child of `kaizenml.packaging.sandbox`: fences itself in, calls one function, writes one line of JSON.

It runs as a script with nothing but the standard library until the fences stand.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import sys
from typing import Any

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_DIE_WITH_PARENT, _NO_NEW_PRIVILEGES = 1, 38
_FORBIDDEN = (
    *(
        "socket.",
        "subprocess.",
        "os.exec",
        "os.fork",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "os.system",
        "pty.",
    ),
    *("os.link", "os.symlink"),
)
_CHANGING = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.truncate", "shutil.")
_HARMLESS = ("socket.__new__", "socket.gethostname")

_HOME = os.path.realpath(os.getcwd())


def main() -> None:
    """Read the request, fence the process in, and answer."""
    header, _, content = sys.stdin.buffer.read().partition(b"\n")
    request = json.loads(header)
    out = os.dup(1)
    os.dup2(2, 1)  # what the content prints is no answer
    sys.path[:0] = [path for path in request["path"] if path not in sys.path]
    _limit(request["limits"])
    _fence()
    os.write(out, json.dumps(_called(request["function"], content, request["rows"]), allow_nan=False).encode())


def _limit(limits: dict[str, Any]) -> None:
    wanted = {
        resource.RLIMIT_AS: limits["memory_bytes"],
        resource.RLIMIT_CPU: limits["cpu_seconds"],
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_FSIZE: limits["written_bytes"],
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):  # macOS knows no limit of address space
            continue


def _fence() -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_DIE_WITH_PARENT, 9, 0, 0, 0)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        libc.unshare(_NEW_USER | _NEW_NETWORK)  # refused by some kernels: then the hook alone stands
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN) and event not in _HARMLESS:
        raise PermissionError(f"the content tried {event}")
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes and not _is_at_home(arguments[0]):
        raise PermissionError(f"the content tried to write {str(arguments[0])[:200]!r}")
    if event.startswith(_CHANGING) and not all(map(_is_at_home, arguments)):
        raise PermissionError(f"the content tried {event} of {str(arguments[0])[:200]!r}")


def _is_at_home(path: object) -> bool:
    """Say whether a path lies in the child's own temporary folder; modes and descriptors are no paths."""
    if not isinstance(path, (str, bytes)):
        return True
    return os.path.realpath(os.fsdecode(path)).startswith(_HOME + os.sep)


def _called(function: str, content: bytes, rows: list[Any]) -> dict[str, Any]:
    module, _, name = function.rpartition(".")
    try:
        answer = getattr(importlib.import_module(module), name)(content, rows)
        json.dumps(answer, allow_nan=False)
    except MemoryError:
        return {"error": {"code": "unsafe", "message": "Loading it used up the memory that it may have."}}
    except Exception as error:
        message = getattr(error, "message", f"Loading it raised {type(error).__name__}: {error}")
        return {"error": {"code": getattr(error, "code", "unsafe"), "message": message, "hint": _hint(error)}}
    return {"answer": answer}


def _hint(error: Exception) -> str:
    return getattr(error, "hint", "") or "Do not load it; ask whoever made it for a new one."


if __name__ == "__main__":
    main()
