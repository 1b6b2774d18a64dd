"""Whether the head of a Ray cluster is where it is said to be: Ray would try for minutes, and then end the process."""

from __future__ import annotations

import importlib
import socket
from contextlib import closing

from kaizenml.errors import UsageError

_ANSWER_SECONDS = 5.0
_HINT = (
    "Give the head's own port, as `ray start --head` printed it (6379 unless told otherwise), and run on a node of the"
    " cluster: a machine becomes one with `ray start --address=HOST:PORT`."
)
#: How a client begins to speak HTTP/2, with empty settings; and the kind of frame that a server answers with.
#: Source: RFC 9113, sections 3.4 and 6.5.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
_SETTINGS, _FRAME_HEAD = 4, 9


def meet(address: str) -> None:
    """Raise `UsageError` unless the head of a Ray cluster, which takes our token, answers at ``HOST:PORT``."""
    host, _, port = address.rpartition(":")
    try:
        with closing(socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS)) as line:
            speaks = _speaks_http2(line)
    except (OSError, OverflowError) as error:
        raise UsageError(f"Nobody answers at {address}, where a Ray cluster should be: {error}.", _HINT) from error
    if not speaks:
        raise UsageError(f"Who answers at {address} is no Ray cluster.", _HINT)
    raylet, errors = importlib.import_module("ray._raylet"), importlib.import_module("ray.exceptions")
    try:
        raylet.GcsClient(address=address)
    except errors.AuthenticationError as error:
        raise UsageError(
            f"The Ray cluster at {address} does not take this token.",
            "Set RAY_AUTH_MODE and RAY_AUTH_TOKEN as on the nodes of the cluster.",
        ) from error
    except errors.RpcError as error:
        raise UsageError(
            f"What answers at {address} is not the head of a Ray cluster, but its client server or a node: {error}",
            _HINT,
        ) from error


def _speaks_http2(line: socket.socket) -> bool:
    try:
        line.sendall(_PREFACE)
        head = b""
        while len(head) < _FRAME_HEAD and (more := line.recv(_FRAME_HEAD - len(head))):
            head += more
    except OSError:
        return False
    return len(head) == _FRAME_HEAD and head[3] == _SETTINGS
