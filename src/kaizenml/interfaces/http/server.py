"""The control plane, listening."""

from __future__ import annotations

import errno
import gc
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from kaizenml.errors import SettingError
from kaizenml.interfaces.http.access import Access, is_everywhere
from kaizenml.interfaces.http.app import create_app
from kaizenml.interfaces.http.cookies import cookies_at
from kaizenml.interfaces.http.service import Service
from kaizenml.loop.callers import Sessions, Tokens
from kaizenml.loop.signing_in import Door

#: How long requests that are being answered may take once the server shall end.
GRACE_SECONDS = 5


@contextmanager
def serve_control_plane(
    service: Service, *, host: str, port: int, token: str | None = None, door: Door | None = None,
    stop: threading.Event | None = None,
) -> Iterator[str]:  # fmt: skip
    """Answer requests in a thread of its own for as long as the block lasts; give the address.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes a free one.
    token
        Opens everything. Without it, and while no account was made, this machine alone may call: others can only
        make the first account, with the token of `kaizenml.loop.setting_up`.
    door
        How people sign in with a browser; None: they do not.
    stop
        Is set when the server has ended, for whatever reason.

    Raises
    ------
    SettingError
        When nothing can listen there.
    """
    app = create_app(service, _access(service, host, token, door), door=door)
    bound = _bound(host, port)
    server = uvicorn.Server(_config(app))
    ended = stop or threading.Event()
    thread = threading.Thread(target=_run, args=(server, bound, ended), name="control plane", daemon=True)
    thread.start()
    gc.collect()
    gc.freeze()  # what is loaded stays; looking through it again and again costs a request 50 ms now and then
    try:
        yield f"http://{_shown(host)}:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(2 * GRACE_SECONDS)
        gc.unfreeze()


def _access(service: Service, host: str, token: str | None, door: Door | None) -> Access:
    known = Access(host, token or None, accounts=Tokens(service.records, service.now))
    if door is None:
        return known
    sessions = Sessions(service.records, service.now, door.rules.by_group)
    names = () if is_everywhere(host) else (urlsplit(door.url).hostname or "",)
    return replace(known, names=names, sessions=sessions, cookie=cookies_at(door.url).session)


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _run(server: uvicorn.Server, bound: socket.socket, ended: threading.Event) -> None:
    try:
        server.run(sockets=[bound])
    finally:
        bound.close()
        ended.set()


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens already: callers wait in its queue until the server is up."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise cannot_listen(host, port, error) from error


def cannot_listen(host: str, port: int, error: OSError, option: str = "--host and --port") -> SettingError:
    """Return the error that says why nothing can listen there, and which option takes another place."""
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror  # names have codes below 0
    is_taken = error.errno == errno.EADDRINUSE
    hint = f"`kaizen up` may be running already; if not, take another with {option}."
    return SettingError(
        f"Nothing can listen on {host}:{port}: {why}.", hint if is_taken else f"Take another with {option}."
    )


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
