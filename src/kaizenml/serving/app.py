"""The data plane as one bare ASGI application."""

from __future__ import annotations

import asyncio
import logging
import secrets
from pathlib import Path
from urllib.parse import quote

import msgspec

from kaizenml.core.scorer import ScorerLoader
from kaizenml.errors import KaizenError
from kaizenml.serving import describe, page
from kaizenml.serving.batcher import Batcher
from kaizenml.serving.counts import Counts
from kaizenml.serving.feedback import feedback, utc_now
from kaizenml.serving.follower import Follower
from kaizenml.serving.guard import Guard
from kaizenml.serving.http import (
    Call,
    ClientGoneError,
    Receive,
    Response,
    Scope,
    Send,
    error_response,
    json_response,
    send_response,
)
from kaizenml.serving.invocations import rows_of
from kaizenml.serving.limits import Limits
from kaizenml.serving.predict import Asked, Predictor
from kaizenml.serving.router import Router, Verbs
from kaizenml.serving.spool import Spool
from kaizenml.serving.table import Table
from kaizenml.serving.wire import (
    FeedbackRequest,
    InvocationsRequest,
    PredictRequest,
    PredictResponse,
    decoded,
    predictions,
)

_log = logging.getLogger("kaizenml.serving")
_PREDICT = msgspec.json.Decoder(PredictRequest)
_FEEDBACK = msgspec.json.Decoder(FeedbackRequest)
_INVOCATIONS = msgspec.json.Decoder(InvocationsRequest)


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
        What writing requests must bring as a bearer token; empty: nobody is asked.
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
        is_replay: bool = False,
        limits: Limits | None = None,
        close_seconds: float = 0.5,
    ) -> None:
        self.table = Table()
        self.guard = Guard(token)
        self.is_draining = False
        self._limits = limits or Limits()
        self._counts = Counts()
        self._batcher = Batcher(self._limits)
        self._spool = Spool(spool, close_seconds)
        self._follower = Follower(routes, status, load, self._replace)
        self._predictor = Predictor(self._batcher, self._spool, self._counts, self._limits, is_replay=is_replay)
        self._static = page.static_responses()
        self._router = self._routed()

    async def start(self) -> None:
        """Close what a dead process left of the log, and start to follow the routes."""
        await self._spool.start()
        self._batcher.start()
        self._follower.start()

    async def stop(self) -> None:
        """Finish what waits, and close the log."""
        self.is_draining = True
        await asyncio.to_thread(self._follower.stop)
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

    def _routed(self) -> Router:
        fixed: dict[str, Verbs] = {
            "/": {"GET": self._endpoints},
            "/health/live": {"GET": self._is_live},
            "/health/ready": {"GET": self._is_ready},
            "/metrics": {"GET": self._metrics},
            **{path: {"GET": self._file} for path in self._static},
        }
        actions: dict[str, Verbs] = {
            "": {"GET": self._page},
            "schema": {"GET": self._schema},
            "predict": {"POST": self._predict},
            "feedback": {"POST": self._feedback},
            "invocations": {"POST": self._invocations},
        }
        return Router(fixed, actions)

    async def _predict(self, call: Call) -> Response:
        self.guard.refuse_stranger(call)
        lane = self.table.lane(call.endpoint)
        request = decoded(_PREDICT, await call.body(self._limits.body_bytes))
        replied = await self._predictor.answer(lane, Asked(request.rows, request.key, request.at))
        classes = replied.loaded.scorer.signature.classes
        said = predictions(replied.ids, replied.answers, classes)
        response = json_response(PredictResponse(replied.loaded.release, said))
        response.after = replied.after
        return response

    async def _invocations(self, call: Call) -> Response:
        self.guard.refuse_stranger(call)
        lane = self.table.lane(call.endpoint)
        request = decoded(_INVOCATIONS, await call.body(self._limits.body_bytes))
        rows = rows_of(request, lane.champion.scorer.signature)
        replied = await self._predictor.answer(lane, Asked(rows))
        response = json_response({"predictions": [answer.value for answer in replied.answers]})
        response.after = replied.after
        return response

    async def _feedback(self, call: Call) -> Response:
        self.guard.refuse_stranger(call)
        lane = self.table.lane(call.endpoint)
        request = decoded(_FEEDBACK, await call.body(self._limits.body_bytes))
        task = lane.champion.scorer.signature.task
        kept = feedback(call.endpoint, task, request.labels, self._limits, utc_now())
        await self._spool.keep(kept)
        self._counts.labelled(call.endpoint, len(kept.labels))
        return json_response({"accepted": len(kept.labels)})

    async def _schema(self, call: Call) -> Response:
        lane = self.table.lane(call.endpoint)
        return json_response(describe.schema(lane, _base_url(call), is_guarded=self.guard.is_asking))

    async def _page(self, call: Call) -> Response:
        lane = self.table.lane(call.endpoint)
        if not call.scope["path"].endswith("/"):
            return Response(b"", 307, headers=[(b"location", f"/endpoints/{quote(call.endpoint)}/".encode())])
        signature = lane.champion.scorer.signature
        guarded = self.guard.is_asking
        curl = str(describe.schema(lane, _base_url(call), is_guarded=guarded)["curl"])
        return page.try_page(call.endpoint, lane.champion.release, signature, curl, is_guarded=guarded)

    async def _endpoints(self, call: Call) -> Response:
        names = sorted({*self.table.lanes, *self.table.unready})
        if "text/html" in call.header(b"accept"):
            return page.endpoints_page(names)
        return json_response({"endpoints": names})

    async def _file(self, call: Call) -> Response:
        return self._static[call.scope["path"]]

    async def _is_live(self, _call: Call) -> Response:
        return json_response({"live": True})

    async def _is_ready(self, _call: Call) -> Response:
        table = self.table
        is_ready = table.is_ready and not self.is_draining
        facts = {"ready": is_ready, "draining": self.is_draining, "generation": table.generation}
        said = {"loaded": table.loaded, "refused": table.refused, "unready": table.unready}
        return json_response({**facts, **said}, 200 if is_ready else 503)

    async def _metrics(self, _call: Call) -> Response:
        text = self._counts.text(self.table, self._batcher.waiting)
        return Response(text.encode(), 200, b"text/plain; version=0.0.4; charset=utf-8")


def _base_url(call: Call) -> str:
    host = call.header(b"host") or "127.0.0.1:8401"
    return f"{call.scope.get('scheme', 'http')}://{host}"
