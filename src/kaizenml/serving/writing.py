"""The requests that leave something in the log: predict, invocations, feedback."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from kaizenml.serving.counts import Counts
from kaizenml.serving.feedback import feedback, utc_now
from kaizenml.serving.guard import Guard
from kaizenml.serving.http import Call, Response, json_response
from kaizenml.serving.invocations import rows_of
from kaizenml.serving.limits import Limits
from kaizenml.serving.predict import Asked, Predictor
from kaizenml.serving.router import Verbs
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

_PREDICT = msgspec.json.Decoder(PredictRequest)
_FEEDBACK = msgspec.json.Decoder(FeedbackRequest)
_INVOCATIONS = msgspec.json.Decoder(InvocationsRequest)


class Writing:
    """Handlers of the requests that are logged; all of them pass the guard first.

    Parameters
    ----------
    table
        Returns the table as it is now; a request looks at it once.
    predictor, spool, counts
        What answers, what keeps labels, what counts them.
    guard, limits
        Who may ask, and for how much.
    """

    def __init__(
        self,
        table: Callable[[], Table],
        predictor: Predictor,
        spool: Spool,
        counts: Counts,
        guard: Guard,
        limits: Limits,
    ) -> None:
        self._table, self._predictor, self._spool, self._counts = table, predictor, spool, counts
        self._guard, self._limits = guard, limits

    def actions(self) -> dict[str, Verbs]:
        """Return the handlers by what follows the endpoint's name."""
        return {
            "predict": {"POST": self._predict},
            "feedback": {"POST": self._feedback},
            "invocations": {"POST": self._invocations},
        }

    async def _predict(self, call: Call) -> Response:
        self._guard.refuse_stranger(call)
        lane = self._table().lane(call.endpoint)
        request = decoded(_PREDICT, await call.body(self._limits))
        replied = await self._predictor.answer(lane, Asked(request.rows, request.key, request.at))
        said = predictions(replied.ids, replied.answers, replied.loaded.scorer.signature.classes)
        response = json_response(PredictResponse(replied.loaded.release, said))
        response.after = replied.after
        return response

    async def _invocations(self, call: Call) -> Response:
        self._guard.refuse_stranger(call)
        lane = self._table().lane(call.endpoint)
        request = decoded(_INVOCATIONS, await call.body(self._limits))
        rows = rows_of(request, lane.champion.scorer.signature)
        replied = await self._predictor.answer(lane, Asked(rows))
        response = json_response({"predictions": [answer.value for answer in replied.answers]})
        response.after = replied.after
        return response

    async def _feedback(self, call: Call) -> Response:
        self._guard.refuse_stranger(call)
        lane = self._table().lane(call.endpoint)
        request = decoded(_FEEDBACK, await call.body(self._limits))
        kept = feedback(call.endpoint, lane.champion.scorer.signature, request.labels, self._limits, utc_now())
        await self._spool.keep(kept)
        self._counts.labelled(call.endpoint, len(kept.labels))
        return json_response({"accepted": len(kept.labels)})
