"""A run that goes on, told as it does: its console and its steps, until it ends, whichever process executes it."""

from __future__ import annotations

import codecs
import socket
import time
from collections.abc import Callable
from datetime import timedelta

from kaizenml.core.job import LEASE_SECONDS, Job, JobState, Work
from kaizenml.core.run import Run, StepRun
from kaizenml.errors import KaizenError, NotFoundError
from kaizenml.loop.alive import end_lost
from kaizenml.loop.live import console_so_far, live
from kaizenml.loop.processes import is_alive
from kaizenml.loop.run_names import found_run
from kaizenml.loop.syncing import journals, pick_up
from kaizenml.loop.wiring import House, Say

_LOOK_SECONDS = 0.2
#: So often it is looked whether the process of the run still lives.
_CHECK_SECONDS = 2.0
#: So long a run whose process is gone waits for a worker that takes it over.
_LOST_SECONDS = 2 * LEASE_SECONDS


def follow(
    house: House, word: str, write: Callable[[str], None], step: Callable[[StepRun], None], say: Say,
    *, lost_seconds: float = _LOST_SECONDS,
) -> Run:  # fmt: skip
    """Tell of a run until it has ended; return it then.

    Parameters
    ----------
    word
        The run, as `found_run` knows it, or the id of one that is queued.
    write
        Takes the console, whole lines at a time.
    step
        Takes each step that is over.

    Raises
    ------
    KaizenError
        When its process is gone and nobody takes it over within ``lost_seconds``.
    """
    run, told, steps = _begun(house, word, say), _Console(write), 0
    watch = _Watch(house, run.id, lost_seconds)
    while True:
        with house.records.reading() as books:
            run = live(house, books.runs.get(run.id))
        told.take(house, run)
        for each in run.steps[steps:]:
            step(each)
        steps = max(steps, len(run.steps))
        if run.is_over:
            told.end()
            return run
        watch.check()
        time.sleep(_LOOK_SECONDS)


class _Console:
    """Writes the lines of a console that are new."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write, self._at, self._rest = write, 0, ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def take(self, house: House, run: Run) -> None:
        """Write what came since."""
        text = console_so_far(house, run)
        if text.written < self._at:  # another worker began it anew, or its end is being kept
            if not text.written:
                return
            self._at = 0
        new, self._at = text.since(self._at), text.written
        lines, mark, self._rest = (self._rest + self._decode(new)).rpartition("\n")
        if mark:
            self._write(lines + mark)

    def end(self) -> None:
        """Write the last line although nothing ended it."""
        if self._rest:
            self._write(self._rest + "\n")


class _Watch:
    """Notices that nobody executes a run any more."""

    def __init__(self, house: House, run: str, lost_seconds: float) -> None:
        self._house, self._run, self._lost_seconds = house, run, lost_seconds
        self._next, self._lost_since = 0.0, None

    _lost_since: float | None

    def check(self) -> None:
        """Bring the journals of dead programs in, which ends their runs; raise for a run that is lost."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _CHECK_SECONDS
        if journals(self._house.settings.home).is_dir():
            pick_up(self._house)
        end_lost(self._house)
        if not self._is_lost():
            self._lost_since = None
            return
        self._lost_since = self._lost_since or now
        if now - self._lost_since > self._lost_seconds:
            raise KaizenError(
                f"The process of run {self._run} is gone, and nobody took it over.",
                f"`kaizen run --resume {self._run}` goes on with it, and so does a worker: `kaizen up`.",
            )

    def _is_lost(self) -> bool:
        with self._house.records.reading() as books:
            try:
                job = books.jobs.get(self._run)
            except NotFoundError:
                return False
        if job.state is not JobState.LEASED:
            return job.is_over
        lapsed = job.lease_until is not None and job.lease_until + timedelta(seconds=1) < self._house.clock.now()
        return lapsed or not _lives(job)


def _lives(job: Job) -> bool:
    machine, _, pid = job.worker.rpartition(":")
    return machine != socket.gethostname() or not pid.isdigit() or is_alive(int(pid))


def _begun(house: House, word: str, say: Say) -> Run:
    """Return the run; one that is queued is waited for."""
    has_said = False
    while True:
        with house.records.reading() as books:
            try:
                return found_run(books, word)
            except NotFoundError:
                waiting = [job.id for job in books.jobs.unfinished() if job.work is Work.RUN]
                if word not in waiting:
                    raise
        if not has_said:
            say(f"{word} is queued")
            has_said = True
        time.sleep(_LOOK_SECONDS)
