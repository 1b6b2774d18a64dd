"""A process that serves a data plane until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

from kaizenml.errors import SettingError
from kaizenml.serving.app import DataPlane

_log = logging.getLogger("kaizenml.serving")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
_WATCH_SECONDS = 0.5


def serve(
    plane: DataPlane,
    host: str = "127.0.0.1",
    port: int = 8401,
    *,
    drain_seconds: float = 0.5,
    backlog: int = 2048,
    parent: int | None = None,
    lifeline: int | None = None,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve the data plane until SIGTERM, SIGINT, or the end of the parent.

    On SIGTERM it says that it is not ready, goes on answering for `drain_seconds` while asking clients to connect
    anew, finishes what is in flight, and closes the log.

    Parameters
    ----------
    plane
        What is served.
    host, port
        Where; port 0 takes any free one. A host that others can reach needs a plane with a token.
    drain_seconds
        How long answers still go out after the signal.
    backlog
        Connections that may wait to be accepted.
    parent
        The process without which this one must not go on: it ends when its parent is another.
    lifeline
        The reading end of a pipe: it ends when nobody holds the other end any more.
    announce
        Called with the URL once connections are accepted (they wait until the plane has started).

    Raises
    ------
    SettingError
        When the host needs a token, or the address cannot be used.
    """
    pin_to_one_thread()
    listener = listening(host, port, is_guarded=plane.guard.is_asking, backlog=backlog)
    server = _Server(_configured(plane, backlog), plane, drain_seconds, parent, lifeline)
    if announce:
        announce(f"http://{_bracketed(host)}:{listener.getsockname()[1]}")
    server.run(sockets=[listener])


def pin_to_one_thread() -> None:
    """Keep numeric libraries that are loaded from here on to one thread: one row gains nothing from more."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")


def listening(host: str, port: int, *, is_guarded: bool, backlog: int = 2048) -> socket.socket:
    """Return a socket that listens there, or raise `SettingError`."""
    if not is_guarded and not is_loopback(host):
        raise SettingError(
            f"Serving on {host!r} lets others send predictions and labels without a token.",
            "Set KAIZEN_TOKEN, or serve on 127.0.0.1.",
            {"host": host},
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(backlog)
    except (OSError, OverflowError) as error:
        listener.close()
        raise SettingError(
            f"Cannot listen on {host}:{port}: {error}.", "Stop what listens there, or choose another port."
        ) from None
    return listener


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach the host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _configured(plane: DataPlane, backlog: int) -> uvicorn.Config:
    return uvicorn.Config(
        plane,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=backlog,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=15,
    )


class _Server(uvicorn.Server):
    """Uvicorn, with readiness withdrawn before the door is closed; a stop that was asked for exits with 0."""

    def __init__(
        self, config: uvicorn.Config, plane: DataPlane, drain_seconds: float, parent: int | None, lifeline: int | None
    ) -> None:
        super().__init__(config)
        self._plane, self._drain_seconds = plane, drain_seconds
        self._parent, self._lifeline = parent, lifeline

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._plane.reread)
        if self._lifeline is not None:
            loop.add_reader(self._lifeline, self._orphaned)
        watch = loop.create_task(self._watch_parent())
        try:
            await super().serve(sockets)
        finally:
            watch.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self.handle_exit, sign, None)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        if self._plane.is_draining:
            self.force_exit = self.force_exit or sig == signal.SIGINT
            return
        self._plane.is_draining = True
        asyncio.get_running_loop().call_later(self._drain_seconds, setattr, self, "should_exit", True)

    def _orphaned(self) -> None:
        if self._lifeline is not None and not os.read(self._lifeline, 4096):
            asyncio.get_running_loop().remove_reader(self._lifeline)
            self._end("the pipe to the parent was closed")

    async def _watch_parent(self) -> None:
        while self._parent is not None:
            await asyncio.sleep(_WATCH_SECONDS)
            if os.getppid() != self._parent:
                self._end("the parent has gone")
                return

    def _end(self, why: str) -> None:
        _log.warning("stopping: %s", why)
        self.handle_exit(signal.SIGTERM, None)
