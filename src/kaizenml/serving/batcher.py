"""Scoring off the event loop: zero-wait batches, bounded queues, deadlines.

Idle, a request is scored at once. Busy, it queues, and when the thread is free all that waits for one release goes in
one batch; nothing ever waits for company. A release that has proved to be quicker than the way to a thread and back is
scored where it is asked. Shadows have a thread of their own, so that a slow one delays no answer. A release is used by
one thread at a time: only where it both answers and shadows may one wait for the other.

Source: Triton Inference Server, dynamic batcher without delay ("as large as possible up to the maximum").
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter

from kaizenml.core.signature import Answer
from kaizenml.serving.limits import Limits
from kaizenml.serving.refusals import BusyError, DeadlineError
from kaizenml.serving.table import Loaded
from kaizenml.serving.wire import Row
from kaizenml.serving.worker import Job, Worker, outcome_of, raisable


class Batcher:
    """Queues requests for the scoring threads, within limits. Lives on one event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._answers = Worker("kaizen-scorer", limits.batch_rows)
        self._shadows = Worker("kaizen-shadow", limits.batch_rows)

    @property
    def waiting(self) -> int:
        """How many requests wait for their answer."""
        return self._answers.waiting

    def start(self) -> None:
        """Start the threads."""
        self._answers.start()
        self._shadows.start()

    def stop(self) -> None:
        """Finish what waits, and end the threads."""
        self._answers.stop(timeout_seconds=5.0)
        self._shadows.stop(timeout_seconds=0.5)

    async def answer(self, loaded: Loaded, rows: Sequence[Row]) -> tuple[Answer, ...]:
        """Return the release's answers to the rows.

        Raises
        ------
        BusyError
            When too much waits already.
        DeadlineError
            When the answer does not come in time; its rows are dropped if nobody has begun with them.
        Exception
            Whatever the release raises for these rows; never for those of others.
        """
        is_inline = not self._answers.waiting and loaded.pace.is_quick(len(rows), self._limits.inline_seconds)
        if is_inline and (answers := self._inline(loaded, rows)) is not None:
            return answers
        self._refuse_when_full(len(rows))
        loop, seconds = asyncio.get_running_loop(), self._limits.deadline_seconds
        job = Job(loaded, rows, loop.create_future())
        timer = loop.call_later(seconds, _expire, job, seconds)
        try:
            self._answers.push(job)
            return await job.future
        finally:
            job.is_expired = True
            timer.cancel()

    def shadow(self, loaded: Loaded, rows: Sequence[Row]) -> asyncio.Future[tuple[Answer, ...]] | None:
        """Score the rows for nobody to hear; None when the queues are over half full."""
        waiting = self._answers.waiting + self._shadows.waiting
        waiting_rows = self._answers.waiting_rows + self._shadows.waiting_rows
        if waiting * 2 > self._limits.waiting or waiting_rows * 2 > self._limits.waiting_rows:
            return None
        job = Job(loaded, rows, asyncio.get_running_loop().create_future())
        self._shadows.push(job)
        return job.future

    def _inline(self, loaded: Loaded, rows: Sequence[Row]) -> tuple[Answer, ...] | None:
        """Score here and now; None when another thread has the release."""
        if not loaded.lock.acquire(blocking=False):
            return None
        started = perf_counter()
        try:
            outcome = outcome_of(loaded, rows)
        finally:
            loaded.lock.release()
        loaded.pace.doubt(perf_counter() - started, self._limits.inline_seconds)
        if isinstance(outcome, BaseException):
            raise raisable(outcome)
        return outcome

    def _refuse_when_full(self, rows: int) -> None:
        waiting = self.waiting
        is_full = waiting >= self._limits.waiting
        if is_full or (waiting and self._answers.waiting_rows + rows > self._limits.waiting_rows):
            raise BusyError(waiting)


def _expire(job: Job, seconds: float) -> None:
    job.is_expired = True
    if not job.future.done():
        job.future.set_exception(DeadlineError(seconds))
