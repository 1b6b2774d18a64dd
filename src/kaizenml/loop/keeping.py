"""Holding a job while it is done: its lease is renewed, and a cancellation is noticed."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kaizenml.core.job import LEASE_SECONDS, Job, JobState, renewed
from kaizenml.errors import ConflictError
from kaizenml.loop.cancelling import GRACE_SECONDS, end_run
from kaizenml.loop.wiring import House

#: How often it is looked whether somebody has cancelled the job.
LOOK_SECONDS = 0.5
_CANCELLED = signal.SIGUSR2
#: What a process leaves with whose step did not listen: as after Ctrl-C.
_INTERRUPTED = 130


def worker_here() -> str:
    """Return the name of this process among those that hold jobs: machine and number."""
    return f"{socket.gethostname()}:{os.getpid()}"


@contextmanager
def keeping(house: House, job: Job) -> Iterator[None]:
    """Renew the lease of a job every few seconds, from a thread, until the block ends.

    When the job is cancelled the main thread is interrupted, as by Ctrl-C; a step that does not listen for ten seconds
    is ended with its process.
    """
    over = threading.Event()
    thread = threading.Thread(target=_keep, args=(house, job, over), daemon=True, name=f"lease of {job.id}")
    with _interruptible():
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let a signal of our own end what the main thread does as Ctrl-C would, whatever Ctrl-C means to this process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(_CANCELLED, _raise)
    try:
        yield
    finally:
        signal.signal(_CANCELLED, before)


def _raise(*_: object) -> None:
    raise KeyboardInterrupt


def _keep(house: House, job: Job, over: threading.Event) -> None:
    renewed_at, mark = time.monotonic(), house.mark()
    while not over.wait(LOOK_SECONDS):
        is_due = time.monotonic() - renewed_at > LEASE_SECONDS / 3
        if not is_due and house.mark() == mark:
            continue
        mark = house.mark()
        with house.records.reading() as books:
            mine = books.jobs.get(job.id)
        if mine.state is JobState.CANCELLED:
            _interrupt(house, mine, over)
            return
        if is_due:
            try:
                with house.records.writing() as books:
                    books.jobs.save(renewed(books.jobs.get(job.id), job.fence, house.clock.now()), fence=job.fence)
            except ConflictError:
                return
            renewed_at = time.monotonic()


def _interrupt(house: House, job: Job, over: threading.Event) -> None:
    if signal.getsignal(_CANCELLED) is _raise:
        signal.pthread_kill(threading.main_thread().ident or 0, _CANCELLED)  # wakes it up too, where it waits
    if over.wait(GRACE_SECONDS):
        return
    with house.records.writing() as books:
        end_run(books, house, job.id, job.error.removeprefix("Cancelled by ").rstrip("."))
    os._exit(_INTERRUPTED)
