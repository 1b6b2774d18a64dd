"""Follows the routes file: loads what it names, then replaces the table."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from kaizenml.core.endpoint import Routes, Served
from kaizenml.core.scorer import ScorerLoader
from kaizenml.errors import KaizenError
from kaizenml.serving.table import Loaded, Table, named, next_table

_log = logging.getLogger("kaizenml.serving")
_POLL_SECONDS = 0.1
_RETRY_SECONDS = 1.0
_decode = msgspec.json.Decoder(Routes).decode


class Follower:
    """A thread that keeps the table true to the routes file.

    Parameters
    ----------
    routes
        The file that the controller replaces as a whole.
    status
        The file in which this process says what it serves.
    load
        Loads a release, and replays its golden rows.
    publish
        Takes each new table.
    """

    def __init__(self, routes: Path, status: Path, load: ScorerLoader, publish: Callable[[Table], None]) -> None:
        self._routes, self._status, self._load, self._publish = routes, status, load, publish
        self._table = Table()
        self._held: dict[str, Loaded] = {}
        self._seen: tuple[int, int, int] | None = None
        self._wake = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._work, name="kaizen-follower", daemon=True)

    def start(self) -> None:
        """Start to follow."""
        self._thread.start()

    def reread(self) -> None:
        """Read the routes again now, even if the file looks unchanged; releases refused before are tried again."""
        self._seen = None
        self._wake.set()

    def stop(self) -> None:
        """End the thread; a release that is being loaded is not waited for."""
        self._is_stopping = True
        self._wake.set()
        self._thread.join(1.0)

    def _work(self) -> None:
        while not self._is_stopping:
            self._wake.clear()
            try:
                self.follow()
            except Exception:  # a worker's loop: it goes on with the table it has, and tries again
                _log.exception("the routes in %s could not be followed", self._routes)
                self._seen = None
                self._wake.wait(_RETRY_SECONDS)
            self._wake.wait(_POLL_SECONDS)

    def follow(self) -> None:
        """Read the routes if the file has changed, and publish the table that they ask for."""
        try:
            stat = self._routes.stat()
        except FileNotFoundError:
            return
        stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if stamp != self._seen:
            content = self._routes.read_bytes()
            self._seen = stamp
            try:
                routes = _decode(content)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self._refuse(f"The routes cannot be read: {error}.")
            else:
                self._apply(routes)

    def _apply(self, routes: Routes) -> None:
        held, refused = self._loaded(routes)
        self._table = next_table(routes, held, refused, self._table)
        self._publish(self._table)
        self._held = {**self._table.serving(), **held}
        self._say(self._table)

    def _refuse(self, reason: str) -> None:
        _log.error("%s The routes before them stay.", reason)
        self._table = replace(self._table, refused={**self._table.refused, self._routes.name: reason})
        self._publish(self._table)
        self._say(self._table)

    def _loaded(self, routes: Routes) -> tuple[dict[str, Loaded], dict[str, str]]:
        held: dict[str, Loaded] = {}
        refused: dict[str, str] = {}
        for release in dict.fromkeys(name for route in routes.routes for name in named(route)):
            try:
                held[release] = self._one(release, routes)
            except KaizenError as error:
                refused[release] = str(error)
            except Exception as error:
                _log.exception("release %s could not be loaded", release)
                refused[release] = f"{type(error).__name__}: {error}"
        return held, refused

    def _one(self, release: str, routes: Routes) -> Loaded:
        digest = (routes.bundles or {}).get(release)
        if digest is None:
            raise KaizenError(f"The routes name no bundle for {release}.", "Write the routes again.")
        held = self._held.get(release)
        if held and held.digest == digest:
            return held
        loaded = Loaded(release, digest, self._load(release, digest))
        loaded.check.refuse_bad(())  # made ready here, not in the first request
        return loaded

    def _say(self, table: Table) -> None:
        served = Served(table.generation, table.loaded, table.refused, os.getpid())
        self._status.parent.mkdir(parents=True, exist_ok=True)
        beside = self._status.with_name(f".{self._status.name}.{os.getpid()}")
        beside.write_bytes(msgspec.json.encode(served))
        beside.replace(self._status)
