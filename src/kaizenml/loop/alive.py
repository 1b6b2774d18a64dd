"""Runs that no worker takes over: a file that their process holds locked, and the end of those that it left behind."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kaizenml.core.event import Draft, Kind
from kaizenml.core.job import finished
from kaizenml.core.run import Run, RunState
from kaizenml.loop.live import kept_console, live
from kaizenml.loop.syncing import DIED
from kaizenml.loop.wiring import House


@contextmanager
def alive(house: House, run: str) -> Iterator[None]:
    """Let it be known, while the block goes on, that this process executes a run."""
    path = _folder(house) / run
    path.parent.mkdir(parents=True, exist_ok=True)
    held = [_locked(path)]

    def forget() -> None:
        """In a process that was forked: only the first one keeps the run alive."""
        while held:
            os.close(held.pop())

    os.register_at_fork(after_in_child=forget)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        forget()


def end_lost(house: House) -> list[str]:
    """End the runs whose process is gone as failed, with what is known of them; return which they were."""
    folder = _folder(house)
    names = sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []
    return [name for name in names if _ended(house, folder / name)]


def _folder(house: House) -> Path:
    return house.settings.home / "alive"


def _locked(path: Path) -> int:
    """Return a descriptor of the file, locked; made anew where somebody takes it away in between."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
        os.close(descriptor)


def _ended(house: House, path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with house.records.writing() as books:
            run = books.runs.find(path.name)
            job = next((each for each in books.jobs.unfinished() if each.id == path.name), None)
            is_taken_over = job is not None and job.attempts > 1
            is_lost = run is not None and not run.is_over and not is_taken_over
            if run is not None and is_lost:
                if job is not None:
                    books.jobs.save(finished(job, job.fence, house.clock.now(), error=DIED), fence=job.fence)
                ended = _failed(house, run)
                books.runs.save(ended)
                facts = {"error": ended.error, "hint": ended.hint}
                draft = Draft(
                    run.project, "system:loop", Kind.RUN_FAILED, f"run:{run.id}", None, house.data_at(books), facts
                )
                books.events.append(draft, house.clock.now())
        path.unlink(missing_ok=True)
        return is_lost
    except BlockingIOError:
        return False  # its process lives
    finally:
        os.close(descriptor)


def _failed(house: House, run: Run) -> Run:
    known = live(house, run)
    hint = f"Execute it again: `kaizen rerun {run.again}`." if run.again else ""
    return replace(known, state=RunState.FAILED, finished_at=house.clock.now(), error=DIED, hint=hint,
                   console=kept_console(house, run))  # fmt: skip
