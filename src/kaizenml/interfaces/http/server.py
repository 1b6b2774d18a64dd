"""The control plane's server: in a thread of the process that controls."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from kaizenml.errors import SettingError
from kaizenml.interfaces.http.access import Access
from kaizenml.interfaces.http.app import create_app
from kaizenml.interfaces.http.service import Service

_START_SECONDS = 15.0


@contextmanager
def serve_control_plane(
    service: Service, *, host: str, port: int, token: str, stop: threading.Event
) -> Iterator[uvicorn.Server]:
    """Serve the control plane while the block runs; should the server end by itself, ``stop`` is set.

    Raises
    ------
    SettingError
        When the address is taken, or would let everybody in.
    """
    app = create_app(service, Access(host, token or None))
    listener = _listening(host, port)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=5)
    )

    def serve() -> None:
        server.run(sockets=[listener])
        stop.set()

    thread = threading.Thread(target=serve, name="control plane", daemon=True)
    thread.start()
    _wait_until_started(server, thread)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def _listening(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise SettingError(
            f"The control plane cannot listen on {host}:{port}: {error.strerror}.",
            "Stop what listens there, or choose another port: `kaizen up --port 8500 --predict-port 8501`.",
        ) from error
    return listener


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    limit = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > limit:
            raise SettingError("The control plane did not start.", "Look at what it wrote above.")
        time.sleep(0.01)
