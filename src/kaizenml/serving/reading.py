"""The requests that change nothing: pages, schemas, health, metrics."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from kaizenml.serving import describe, page
from kaizenml.serving.http import Call, Response, json_response
from kaizenml.serving.router import Verbs
from kaizenml.serving.table import Table


class Reading:
    """Handlers of the requests that only look.

    Parameters
    ----------
    table
        Returns the table as it is now.
    metrics
        Returns the metrics' text.
    is_draining
        Says whether the server is about to stop.
    is_guarded
        Says whether writing requests need a token, so that pages and examples bring one.
    """

    def __init__(
        self,
        table: Callable[[], Table],
        metrics: Callable[[], str],
        is_draining: Callable[[], bool],
        *,
        is_guarded: Callable[[], bool],
    ) -> None:
        self._table, self._text, self._is_draining, self._is_guarded = table, metrics, is_draining, is_guarded
        self._static = page.static_responses()

    def fixed(self) -> dict[str, Verbs]:
        """Return the handlers by path."""
        return {
            "/": {"GET": self._endpoints},
            "/health/live": {"GET": self._live},
            "/health/ready": {"GET": self._ready},
            "/metrics": {"GET": self._metrics},
            **{path: {"GET": self._file} for path in self._static},
        }

    def actions(self) -> dict[str, Verbs]:
        """Return the handlers by what follows the endpoint's name."""
        return {"": {"GET": self._page}, "schema": {"GET": self._schema}}

    async def _endpoints(self, call: Call) -> Response:
        table = self._table()
        names = sorted({*table.lanes, *table.unready})
        if "text/html" in call.header(b"accept"):
            return page.endpoints_page(names)
        return json_response({"endpoints": names})

    async def _page(self, call: Call) -> Response:
        lane = self._table().lane(call.endpoint)
        if not call.scope["path"].endswith("/"):
            return Response(b"", 307, headers=[(b"location", f"/endpoints/{quote(call.endpoint)}/".encode())])
        signature = lane.champion.scorer.signature
        curl = str(describe.schema(lane, _base_url(call), is_guarded=self._is_guarded())["curl"])
        return page.try_page(call.endpoint, lane.champion.release, signature, curl, is_guarded=self._is_guarded())

    async def _schema(self, call: Call) -> Response:
        lane = self._table().lane(call.endpoint)
        return json_response(describe.schema(lane, _base_url(call), is_guarded=self._is_guarded()))

    async def _file(self, call: Call) -> Response:
        return self._static[call.scope["path"]]

    async def _live(self, _call: Call) -> Response:
        return json_response({"live": True})

    async def _ready(self, _call: Call) -> Response:
        table, is_draining = self._table(), self._is_draining()
        is_ready = table.is_ready and not is_draining
        facts = {"ready": is_ready, "draining": is_draining, "generation": table.generation}
        said = {"loaded": table.loaded, "refused": table.refused, "unready": table.unready}
        return json_response({**facts, **said}, 200 if is_ready else 503)

    async def _metrics(self, _call: Call) -> Response:
        return Response(self._text().encode(), 200, b"text/plain; version=0.0.4; charset=utf-8")


def _base_url(call: Call) -> str:
    host = call.header(b"host") or "127.0.0.1:8401"
    return f"{call.scope.get('scheme', 'http')}://{host}"
