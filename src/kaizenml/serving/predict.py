"""From rows to logged answers: check, route, score, log, answer, and score unheard what a shadow should see."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kaizenml.core.prediction import Answered
from kaizenml.core.signature import Answer
from kaizenml.errors import KaizenError, RowError, UnavailableError, UsageError
from kaizenml.serving.batcher import Batcher
from kaizenml.serving.counts import Counts
from kaizenml.serving.ids import Ids
from kaizenml.serving.limits import Limits
from kaizenml.serving.refusals import ScorerFailedError, TooManyRowsError
from kaizenml.serving.spool import Spool
from kaizenml.serving.table import Lane, Loaded
from kaizenml.serving.wire import Row

_log = logging.getLogger("kaizenml.serving")


@dataclass(frozen=True, slots=True)
class Asked:
    """Rows that wait for an answer, the key that routes them, and when they happened if not now."""

    rows: Sequence[Row]
    key: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Replied:
    """What was answered and logged; ``after`` starts the shadow once the answer has left."""

    loaded: Loaded
    ids: tuple[str, ...]
    answers: tuple[Answer, ...]
    after: Callable[[], None] | None


class Predictor:
    """Answers rows for any lane. Lives on one event loop.

    Parameters
    ----------
    batcher, spool, counts
        Where rows are scored, logged and counted.
    limits
        How many rows one request may bring.
    is_replay
        Whether a request may say when it happened.
    """

    def __init__(self, batcher: Batcher, spool: Spool, counts: Counts, limits: Limits, *, is_replay: bool) -> None:
        self._batcher, self._spool, self._counts, self._limits = batcher, spool, counts, limits
        self._is_replay = is_replay
        self._ids = Ids()
        self._shadows: set[asyncio.Future[tuple[Answer, ...]]] = set()

    async def answer(self, lane: Lane, asked: Asked) -> Replied:
        """Return the answer, once it is in the log.

        A challenger that refuses the rows, or fails on them, costs no caller an answer: the champion gives it.

        Raises
        ------
        RowError
            When rows do not fit the champion.
        ScorerFailedError
            When the champion fails on them.
        UnavailableError
            When the queue is full, the deadline has passed, or the log cannot be written.
        """
        started = time.perf_counter()
        self._refuse_unfit(asked)
        ids, loaded = self._routed(lane, asked)
        if loaded is lane.challenger:
            try:
                return await self._answered_by(lane, loaded, asked, ids, started)
            except (RowError, ScorerFailedError) as error:
                _log.warning("challenger %s gave no answer, so the champion does: %s", loaded.release, error.message)
                return replace(await self._answered_by(lane, lane.champion, asked, ids, started), after=None)
        return await self._answered_by(lane, loaded, asked, ids, started)

    async def _answered_by(
        self, lane: Lane, loaded: Loaded, asked: Asked, ids: tuple[str, ...], started: float
    ) -> Replied:
        try:
            loaded.check.refuse_bad(asked.rows)
            answers = await self._scored(loaded, asked.rows)
            seconds = time.perf_counter() - started
            self._spool.record(_answered(lane, loaded, "answer", asked, ids, answers, seconds))
        except KaizenError as error:
            self._counts.unanswered(lane.route.endpoint, loaded.release, len(asked.rows), _outcome(error))
            raise
        self._counts.answered(lane.route.endpoint, loaded.release, len(asked.rows), seconds)
        return Replied(loaded, ids, answers, self._shadow_of(lane, loaded, asked, ids))

    async def settle(self, timeout_seconds: float) -> None:
        """Wait until the shadows under way are in the log, or the time has passed."""
        if self._shadows:
            await asyncio.wait(self._shadows, timeout=timeout_seconds)
            await asyncio.sleep(0)

    def _refuse_unfit(self, asked: Asked) -> None:
        if not asked.rows:
            raise UsageError("The request brings no rows.", 'Send at least one: {"rows": [{column: value, …}]}.')
        if len(asked.rows) > self._limits.rows:
            raise TooManyRowsError("rows", len(asked.rows), self._limits.rows)
        if asked.at is not None and not self._is_replay:
            raise UsageError(
                "This server does not take `at`: it answers now.", "Leave it out; only a replay sets the data's clock."
            )

    def _routed(self, lane: Lane, asked: Asked) -> tuple[tuple[str, ...], Loaded]:
        """Return the rows' ids and who answers; both releases of a lane know a row by the same column."""
        fresh, column = self._ids.fresh, lane.champion.scorer.signature.id
        if column is None:
            ids = tuple(fresh() for _ in asked.rows)
        else:
            ids = tuple(_id_of(row.get(column)) or fresh() for row in asked.rows)
        return ids, lane.answering(asked.key if asked.key is not None else ids[0])

    async def _scored(self, loaded: Loaded, rows: Sequence[Row]) -> tuple[Answer, ...]:
        try:
            return await self._batcher.answer(loaded, rows)
        except (UnavailableError, RowError):
            raise
        except Exception as error:
            incident = secrets.token_hex(6)
            _log.error("incident %s: release %s failed", incident, loaded.release, exc_info=error)
            raise ScorerFailedError(loaded.release, incident) from None

    def _shadow_of(self, lane: Lane, loaded: Loaded, asked: Asked, ids: tuple[str, ...]) -> Callable[[], None] | None:
        other = lane.shadowing(loaded)
        return None if other is None else lambda: self._shadow(lane, other, asked, ids)

    def _shadow(self, lane: Lane, other: Loaded, asked: Asked, ids: tuple[str, ...]) -> None:
        started = time.perf_counter()
        endpoint, rows = lane.route.endpoint, len(asked.rows)
        try:
            other.check.refuse_bad(asked.rows)  # what it would refuse a caller, it must not score unheard
        except RowError as error:
            _log.warning("release %s would refuse these rows: %s", other.release, error.message)
            self._counts.shadowed(endpoint, other.release, rows, "failed")
            return
        future = self._batcher.shadow(other, asked.rows)
        if future is None:
            self._counts.shadowed(endpoint, other.release, rows, "dropped")
            return

        def keep(done: asyncio.Future[tuple[Answer, ...]]) -> None:
            self._shadows.discard(done)
            try:
                seconds = time.perf_counter() - started
                self._spool.record(_answered(lane, other, "shadow", asked, ids, done.result(), seconds))
            except Exception as error:
                _log.warning("release %s failed in the shadow: %r", other.release, error)
                self._counts.shadowed(endpoint, other.release, rows, "failed")
            else:
                self._counts.shadowed(endpoint, other.release, rows, "scored")

        self._shadows.add(future)
        future.add_done_callback(keep)


def _id_of(cell: object) -> str:
    return "" if cell is None else str(cell)


def _outcome(error: KaizenError) -> str:
    if isinstance(error, RowError):
        return "invalid"
    return "failed" if isinstance(error, ScorerFailedError) else error.code


def _answered(
    lane: Lane,
    loaded: Loaded,
    role: str,
    asked: Asked,
    ids: tuple[str, ...],
    answers: Sequence[Answer],
    seconds: float,
) -> Answered:
    now = datetime.now(UTC)
    return Answered(
        at=now,
        data_at=now if asked.at is None else in_utc(asked.at),
        endpoint=lane.route.endpoint,
        release=loaded.release,
        role=role,
        ids=ids,
        rows=tuple(asked.rows),
        values=tuple(answer.value for answer in answers),
        probabilities=tuple(answer.probabilities for answer in answers),
        seconds=seconds,
        beside=lane.beside(loaded),
    )


def in_utc(at: datetime) -> datetime:
    """Return the moment in UTC; one without a zone is taken to be in UTC already."""
    try:
        return _in_utc(at)
    except OverflowError:
        raise UsageError(f"{at.isoformat()} is outside of the calendar in UTC.", "Send a time in UTC.") from None


def _in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
