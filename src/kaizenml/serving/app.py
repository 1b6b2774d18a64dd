"""The data plane as one bare ASGI application."""

from __future__ import annotations

import asyncio
import logging
import secrets
from pathlib import Path

from kaizenml.core.scorer import ScorerLoader
from kaizenml.errors import KaizenError
from kaizenml.serving.batcher import Batcher
from kaizenml.serving.callers import Callers
from kaizenml.serving.counts import Counts
from kaizenml.serving.follower import Follower
from kaizenml.serving.guard import Guard
from kaizenml.serving.http import Call, ClientGoneError, Receive, Response, Scope, Send, error_response, send_response
from kaizenml.serving.limits import Limits
from kaizenml.serving.predict import Predictor
from kaizenml.serving.reading import Reading
from kaizenml.serving.router import Router
from kaizenml.serving.spool import Spool
from kaizenml.serving.table import Table
from kaizenml.serving.writing import Writing

_log = logging.getLogger("kaizenml.serving")


class DataPlane:
    """Answers predictions for the endpoints in a routes file, and logs every answer before it leaves.

    An ASGI application: give it to `serve`, or to any server that speaks ASGI's lifespan protocol.

    Parameters
    ----------
    routes
        The file of `kaizenml.core.endpoint.Routes` that is followed.
    status
        The file in which this process says what it serves (`kaizenml.core.endpoint.Served`).
    spool
        The folder of the log.
    load
        Loads a release and replays its golden rows; called in a thread of its own.
    token
        A bearer token that opens everything; empty: there is none.
    callers
        The tokens of people and programs; without these and without a token, nobody is asked.
    is_replay
        Whether requests may say when they happened.
    limits
        Bounds on what requests may ask for.
    close_seconds
        The age at which a segment of the log is closed.
    """

    def __init__(
        self,
        routes: Path,
        status: Path,
        spool: Path,
        load: ScorerLoader,
        *,
        token: str = "",
        callers: Callers | None = None,
        is_replay: bool = False,
        limits: Limits | None = None,
        close_seconds: float = 0.5,
    ) -> None:
        self.table = Table()
        self.guard = Guard(token, callers)
        self._callers = callers
        self.is_draining = False
        self._limits = limits or Limits()
        self._counts = Counts()
        self._batcher = Batcher(self._limits)
        self._spool = Spool(spool, close_seconds)
        self._follower = Follower(routes, status, load, self._replace)
        self._predictor = Predictor(self._batcher, self._spool, self._counts, self._limits, is_replay=is_replay)
        self._router = self._routed(self._predictor)

    async def start(self) -> None:
        """Close what a dead process left of the log, and start to follow the routes."""
        await self._spool.start()
        self._batcher.start()
        self._follower.start()
        if self._callers is not None:
            self._callers.start()

    async def stop(self) -> None:
        """Finish what waits, and close the log."""
        self.is_draining = True
        await asyncio.to_thread(self._follower.stop)
        if self._callers is not None:
            await asyncio.to_thread(self._callers.stop)
        await self._predictor.settle(2.0)
        await asyncio.to_thread(self._batcher.stop)
        await self._spool.stop()

    def reread(self) -> None:
        """Read the routes again now, and try releases again that were refused."""
        self._follower.reread()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's request, as ASGI 3 asks."""
        if scope["type"] == "http":
            response = await self._respond(scope, receive)
            if response is not None:
                await send_response(send, response, self.is_draining)
                if response.after is not None:
                    response.after()
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except OSError as error:
            await send({"type": "lifespan.startup.failed", "message": f"The log's folder cannot be used: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _respond(self, scope: Scope, receive: Receive) -> Response | None:
        endpoint = ""
        try:
            handler, endpoint = self._router.find(scope["method"], scope["path"])
            return await handler(Call(scope, receive, endpoint))
        except ClientGoneError:
            return None
        except KaizenError as error:
            if endpoint in self.table.lanes:
                self._counts.refused(endpoint, error.code)
            return error_response(error)
        except Exception:
            incident = secrets.token_hex(6)
            _log.exception("incident %s: %s %s", incident, scope["method"], scope["path"][:200])
            facts = {"incident": incident}
            return error_response(KaizenError(f"The server failed (incident {incident}).", "Its log tells why.", facts))

    def _replace(self, table: Table) -> None:
        self.table = table

    def _routed(self, predictor: Predictor) -> Router:
        writing = Writing(lambda: self.table, predictor, self._spool, self._counts, self.guard, self._limits)
        reading = Reading(
            lambda: self.table,
            lambda: self._counts.text(self.table, self._batcher.waiting),
            lambda: self.is_draining,
            is_guarded=lambda: self.guard.is_asking,
        )
        return Router(reading.fixed(), {**reading.actions(), **writing.actions()})
