"""One thread that scores; what waits for the same release is scored together, and nothing waits for company.

Idle, a request is scored at once. Busy, it queues, and when the scorer is free all that waits for one release goes in
one batch. Shadow work runs only when no answer waits.

Source: Triton Inference Server, dynamic batcher without delay ("as large as possible up to the maximum").
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from kaizenml.core.scorer import Scorer
from kaizenml.core.signature import Answer
from kaizenml.serving.limits import Limits
from kaizenml.serving.refusals import BusyError, DeadlineError
from kaizenml.serving.wire import Row

Outcome = tuple[Answer, ...] | BaseException


class NonsenseError(Exception):
    """A scorer returned what is no answer."""


@dataclass(slots=True, eq=False)
class Job:
    """The rows of one request on their way through a scorer."""

    scorer: Scorer
    rows: Sequence[Row]
    future: asyncio.Future[tuple[Answer, ...]]
    is_expired: bool = False


@dataclass(slots=True)
class _Queue:
    jobs: deque[Job] = field(default_factory=deque)
    rows: int = 0

    def push(self, job: Job) -> None:
        self.jobs.append(job)
        self.rows += len(job.rows)

    def take(self, most_rows: int) -> list[Job]:
        """Take the first job that still counts, and all that may join it in one batch."""
        batch: list[Job] = []
        left: deque[Job] = deque()
        size = 0
        for job in self.jobs:
            if job.is_expired:
                continue
            if not batch or (job.scorer is batch[0].scorer and size + len(job.rows) <= most_rows):
                batch.append(job)
                size += len(job.rows)
            else:
                left.append(job)
        self.jobs, self.rows = left, sum(len(job.rows) for job in left)
        return batch


class Batcher:
    """Queues requests for one scoring thread, within limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._condition = threading.Condition()
        self._answers, self._shadows = _Queue(), _Queue()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._work, name="kaizen-scorer", daemon=True)

    @property
    def waiting(self) -> int:
        """How many requests wait for their answer."""
        return len(self._answers.jobs)

    def start(self) -> None:
        """Start the scoring thread."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Finish what waits, and end the thread."""
        with self._condition:
            self._is_stopping = True
            self._condition.notify()
        self._thread.join(timeout_seconds)

    async def answer(self, scorer: Scorer, rows: Sequence[Row]) -> tuple[Answer, ...]:
        """Return the scorer's answers to the rows.

        Raises
        ------
        BusyError
            When too much waits already.
        DeadlineError
            When the answer does not come in time; its rows are dropped if nobody has begun with them.
        Exception
            Whatever the scorer raises for these rows; never for those of others.
        """
        self._refuse_when_full(len(rows))
        loop = asyncio.get_running_loop()
        job = Job(scorer, rows, loop.create_future())
        timer = loop.call_later(self._limits.deadline_seconds, _expire, job, self._limits.deadline_seconds)
        try:
            self._push(self._answers, job)
            return await job.future
        finally:
            job.is_expired = True
            timer.cancel()

    def shadow(self, scorer: Scorer, rows: Sequence[Row]) -> asyncio.Future[tuple[Answer, ...]] | None:
        """Score the rows when nothing else waits; None when the queues are over half full."""
        half, half_rows = self._limits.waiting // 2, self._limits.waiting_rows // 2
        if self.waiting + len(self._shadows.jobs) > half or self._answers.rows + self._shadows.rows > half_rows:
            return None
        job = Job(scorer, rows, asyncio.get_running_loop().create_future())
        self._push(self._shadows, job)
        return job.future

    def _refuse_when_full(self, rows: int) -> None:
        is_full = self.waiting >= self._limits.waiting
        if is_full or (self.waiting and self._answers.rows + rows > self._limits.waiting_rows):
            raise BusyError(self.waiting)

    def _push(self, queue: _Queue, job: Job) -> None:
        with self._condition:
            queue.push(job)
            self._condition.notify()

    def _work(self) -> None:
        while (batch := self._next_batch()) is not None:
            outcomes = _outcomes(batch)
            loop = batch[0].future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, batch, outcomes)
            del batch, outcomes  # a release that is not served any more must not be held by an idle thread

    def _next_batch(self) -> list[Job] | None:
        with self._condition:
            while True:
                for queue in (self._answers, self._shadows):
                    if queue.jobs and (batch := queue.take(self._limits.batch_rows)):
                        return batch
                if self._is_stopping:
                    return None
                self._condition.wait()


def _expire(job: Job, seconds: float) -> None:
    job.is_expired = True
    if not job.future.done():
        job.future.set_exception(DeadlineError(seconds))


def _outcomes(batch: list[Job]) -> list[Outcome]:
    """Return an outcome for each job; when a merged batch fails, each is tried alone, so that one pays for itself."""
    scorer = batch[0].scorer
    if len(batch) == 1:
        return [_outcome(scorer, batch[0].rows)]
    merged = _outcome(scorer, [row for job in batch for row in job.rows])
    if isinstance(merged, BaseException):
        return [_outcome(scorer, job.rows) for job in batch]
    answers = iter(merged)
    return [tuple(next(answers) for _ in job.rows) for job in batch]


def _outcome(scorer: Scorer, rows: Sequence[Row]) -> Outcome:
    try:
        answers = scorer.answer(rows)
        _refuse_nonsense(answers, len(rows), len(scorer.signature.classes))
    except BaseException as error:  # noqa: BLE001 - whatever a release does, the thread lives
        return error
    return answers


def _refuse_nonsense(answers: tuple[Answer, ...], rows: int, classes: int) -> None:
    if len(answers) != rows:
        raise NonsenseError(f"{len(answers)} answers to {rows} rows")
    for answer in answers:
        numbers = answer.probabilities
        if len(numbers) != classes:
            raise NonsenseError(f"{len(numbers)} probabilities for {classes} classes")
        value = answer.value
        if not all(map(math.isfinite, numbers)) or (isinstance(value, float) and not math.isfinite(value)):
            raise NonsenseError(f"an answer that is not a finite number: {answer}")


def _deliver(batch: list[Job], outcomes: list[Outcome]) -> None:
    for job, outcome in zip(batch, outcomes, strict=True):
        if job.future.done():
            continue
        if isinstance(outcome, BaseException):
            job.future.set_exception(_raisable(outcome))
        else:
            job.future.set_result(outcome)


def _raisable(error: BaseException) -> Exception:
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return NonsenseError(f"the scorer raised {error!r}")
