"""A thread that scores what waits, as many requests at once as wait for the same release."""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from kaizenml.core.signature import Answer
from kaizenml.serving.table import Loaded
from kaizenml.serving.wire import Row

Outcome = tuple[Answer, ...] | BaseException


class NonsenseError(Exception):
    """A scorer returned what is no answer."""


@dataclass(slots=True, eq=False)
class Job:
    """The rows of one request on their way through a release."""

    loaded: Loaded
    rows: Sequence[Row]
    future: asyncio.Future[tuple[Answer, ...]]
    is_expired: bool = False


class Worker:
    """One scoring thread with its queue.

    Parameters
    ----------
    name
        Of the thread.
    most_rows
        Rows above which no further request joins a batch.
    """

    def __init__(self, name: str, most_rows: int) -> None:
        self._most_rows = most_rows
        self._jobs: deque[Job] = deque()
        self._condition = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self.waiting_rows = 0

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._jobs)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Finish what waits, and end the thread; one that hangs is left behind."""
        with self._condition:
            self._is_stopping = True
            self._condition.notify()
        self._thread.join(timeout_seconds)

    def push(self, job: Job) -> None:
        """Let the job wait its turn."""
        with self._condition:
            self._jobs.append(job)
            self.waiting_rows += len(job.rows)
            self._condition.notify()

    def _work(self) -> None:
        while (batch := self._next_batch()) is not None:
            if batch:
                with batch[0].loaded.lock:
                    outcomes = _outcomes(batch)
                loop = batch[0].future.get_loop()
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_deliver, batch, outcomes)
                del outcomes
            del batch  # an idle thread must not hold a release that is not served any more

    def _next_batch(self) -> list[Job] | None:
        with self._condition:
            while not self._jobs:
                if self._is_stopping:
                    return None
                self._condition.wait()
            return self._take()

    def _take(self) -> list[Job]:
        """Take the first job that still counts, and all that may join it; forget those whose time has passed."""
        batch: list[Job] = []
        left: deque[Job] = deque()
        size = 0
        for job in self._jobs:
            if job.is_expired:
                continue
            if not batch or (job.loaded is batch[0].loaded and size + len(job.rows) <= self._most_rows):
                batch.append(job)
                size += len(job.rows)
            else:
                left.append(job)
        self._jobs, self.waiting_rows = left, sum(len(job.rows) for job in left)
        return batch


def _outcomes(batch: list[Job]) -> list[Outcome]:
    """Return an outcome for each job; when a merged batch fails, each is tried alone, so that one pays for itself."""
    loaded = batch[0].loaded
    if len(batch) == 1:
        return [outcome_of(loaded, batch[0].rows)]
    merged = outcome_of(loaded, [row for job in batch for row in job.rows])
    if isinstance(merged, BaseException):
        return [outcome_of(loaded, job.rows) for job in batch]
    answers = iter(merged)
    return [tuple(next(answers) for _ in job.rows) for job in batch]


def outcome_of(loaded: Loaded, rows: Sequence[Row]) -> Outcome:
    """Return what the release says of the rows, or what it raised; who calls holds its lock."""
    started = perf_counter()
    try:
        answers = loaded.scorer.answer(rows)
        loaded.pace.record(len(rows), perf_counter() - started)
        _refuse_nonsense(answers, len(rows), len(loaded.scorer.signature.classes))
    except BaseException as error:
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
            job.future.set_exception(raisable(outcome))
        else:
            job.future.set_result(outcome)


def raisable(error: BaseException) -> Exception:
    """Return the error, or one that tells of it where raising it would end more than a request."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return NonsenseError(f"the scorer raised {error!r}")
