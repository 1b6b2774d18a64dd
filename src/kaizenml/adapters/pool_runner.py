"""Steps in processes of this machine: each loads the project once, and then performs one task after the other.

A process that takes too long or too much memory is killed, and so is known to be over; one that dies by itself is
noticed at once, one that was stopped (SIGSTOP) within half a minute, and its task handed to another. What a process is
ended for, its children are ended for too.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kaizenml.adapters.pool_room import SharedRoom
from kaizenml.core.process import is_stopped
from kaizenml.core.room import Room
from kaizenml.core.task import Outcome, Task
from kaizenml.errors import KaizenError, StepFailedError

#: How often a task whose process died is handed out, in all.
MOST_HANDINGS = 3
#: A process that is stopped for so long counts as lost: it might never go on.
LOST_SECONDS = 20.0
_LOOK_SECONDS = 0.05
#: A look that came later than this was late because this process was stopped itself, as by Ctrl-Z.
_MOST_LOOK_SECONDS = 1.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Team:
    """What the processes of a pool are.

    Parameters
    ----------
    command
        What is started, with the number of an open socket behind it. There it receives tasks, and answers each with a
        pair: ``("done", Outcome)`` or ``("failed", KaizenError)``.
    workers
        How many there are at the most.
    write, read
        Values to bytes, and back: what goes over the socket is as trusted as the project's own code.
    room
        What the machine has, which tasks that run at once share; None: what they ask for does not matter.
    """

    command: tuple[str, ...]
    workers: int
    write: Callable[[object], bytes]
    read: Callable[[bytes], Any]
    room: Room | None = None


class PoolRunner:
    """The runner that hands tasks to processes of this machine."""

    def __init__(self, team: Team) -> None:
        self._team = team
        self._tasks: queue.SimpleQueue[tuple[Task, Future[Outcome]] | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._waiting = 0
        self._ready = 0
        self._lock = threading.Lock()
        self._room = SharedRoom(team.room, self._stop)

    def is_here(self, task: Task) -> bool:  # noqa: ARG002
        """Say whether the task executes in this process: it does not."""
        return False

    @property
    def is_ready(self) -> bool:
        """Whether a process waits for tasks, so that one need not wait for it."""
        return self._ready > 0

    def warm(self) -> None:
        """Start the processes, so that they are ready when they are needed."""
        with self._lock:
            self._grow(self._team.workers)

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin a task. Its future raises `StepFailedError` when the step raised, was stopped or lost."""
        future: Future[Outcome] = Future()
        with self._lock:
            if self._stop.is_set():
                future.set_exception(_cancelled(task))
                return future
            self._waiting += 1
            self._grow(min(self._team.workers, self._waiting))
            self._tasks.put((task, future))
        return future

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        with self._lock:
            self._stop.set()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        with suppress(queue.Empty):
            while True:
                given = self._tasks.get_nowait()
                if given is not None and given[1].set_running_or_notify_cancel():
                    given[1].set_exception(_cancelled(given[0]))

    def _grow(self, count: int) -> None:
        while len(self._threads) < count:
            thread = threading.Thread(target=self._serve, daemon=True, name=f"pool-{len(self._threads)}")
            self._threads.append(thread)
            thread.start()

    def _started(self) -> _Worker:
        worker = _Worker(self._team)
        worker.wait_until_ready(self._stop)
        return worker

    def _serve(self) -> None:
        worker: _Worker | None = self._started()
        self._ready += 1
        while not self._stop.is_set() and (given := self._tasks.get()) is not None:
            task, future = given
            if future.set_running_or_notify_cancel():
                try:
                    with self._room.taken(task.options):
                        worker = self._performed(task, future, worker)
                except BaseException as error:
                    future.set_exception(error)
                    worker = None
            with self._lock:
                self._waiting -= 1
        if worker is not None:
            worker.end()

    def _performed(self, task: Task, future: Future[Outcome], worker: _Worker | None) -> _Worker | None:
        """Have a task performed, again and again while its process dies; return the process that is left."""
        for fence in range(1, MOST_HANDINGS + 1):
            if worker is None or not worker.is_alive:
                worker = self._started()
            try:
                future.set_result(worker.perform(replace(task, fence=fence), self._stop))
                return worker
            except _LostError as lost:
                if worker is not None:
                    worker.end()
                worker = None
                if lost.is_final or fence == MOST_HANDINGS:
                    future.set_exception(_failed(task, lost, fence))
                    return None
            except KaizenError as error:
                future.set_exception(error)
                return worker
        return worker


class _LostError(Exception):
    """A process that died, or had to be ended, with a task."""

    def __init__(self, sentence: str, hint: str, *, is_final: bool) -> None:
        super().__init__(sentence)
        self.hint, self.is_final = hint, is_final


class _Worker:
    """One process of a pool."""

    def __init__(self, team: Team) -> None:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            [*team.command, str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            env=environment,
            process_group=0,  # Ctrl-C is for the run alone, which ends its processes; and their children with them
        )
        theirs.close()
        self._pipe = Connection(ours.detach())
        self._peak_bytes = 0
        self._stopped_seconds, self._looked_at = 0.0, time.monotonic()
        self._team = team

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self, stop: threading.Event) -> None:
        """Wait until the process says that it has loaded the project, or has died of it."""
        with suppress(EOFError, OSError):
            while not stop.is_set():
                if self._pipe.poll(_LOOK_SECONDS):
                    self._pipe.recv_bytes()
                    return

    def perform(self, task: Task, stop: threading.Event) -> Outcome:
        """Have a task performed; raise `_LostError` when the process dies of it, or is ended for it."""
        begun = self._looked_at = time.monotonic()
        self._stopped_seconds = 0.0
        try:
            self._pipe.send_bytes(self._team.write(task))
            while not self._pipe.poll(_LOOK_SECONDS):
                self._check(task, time.monotonic() - begun, stop)
            word, said = self._team.read(self._pipe.recv_bytes())
        except (EOFError, OSError) as error:
            raise self._death() from error
        if word == "failed":
            raise said
        return said  # type: ignore[no-any-return]

    def end(self) -> None:
        """Let the process end, and if it does not, end it."""
        self._pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._kill()
        self._process.wait()

    def _kill(self) -> None:
        """End the process and its children at once; a stopped one too."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _check(self, task: Task, seconds: float, stop: threading.Event) -> None:
        limit, most = task.options.timeout_seconds, task.options.memory_bytes
        self._peak_bytes = max(self._peak_bytes, _resident(self._process.pid))
        if stop.is_set():
            self._kill()
            raise _LostError("was cancelled", "", is_final=True)
        if limit is not None and seconds > limit:
            self._kill()
            raise _LostError(f"took longer than {limit:g} s and was stopped", "Give it more time: timeout=…",
                             is_final=True)  # fmt: skip
        if most is not None and self._peak_bytes > most:
            self._kill()
            raise _LostError(
                f"took {self._peak_bytes / 1e9:.2f} GB of memory, more than its {most / 1e9:.2f} GB, and was stopped",
                "Give it more memory, or let it read less at once.",
                is_final=True,
            )

        if self._was_stopped_for() > LOST_SECONDS:
            self._kill()
            raise _LostError(
                f"lost its process, which was stopped (SIGSTOP) for {LOST_SECONDS:g} s",
                "Find out who stops processes on this machine.",
                is_final=False,
            )

    def _was_stopped_for(self) -> float:
        """Return for how long the process has been stopped; time in which nobody looked does not count."""
        now = time.monotonic()
        passed, self._looked_at = min(now - self._looked_at, _MOST_LOOK_SECONDS), now
        self._stopped_seconds = self._stopped_seconds + passed if is_stopped(self._process.pid) else 0.0
        return self._stopped_seconds

    def _death(self) -> _LostError:
        try:
            code = self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._kill()
            code = self._process.wait()
        peak = f"it held {self._peak_bytes / 1e9:.2f} GB" if self._peak_bytes else "it had hardly begun"
        if code == -signal.SIGKILL:
            return _LostError(
                f"was killed from outside, as a machine does that runs out of memory ({peak})",
                "Let it read less at once, or run it where there is more memory; memory=… sets a limit.",
                is_final=False,
            )
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return _LostError(f"took its process down with it ({how}; {peak})", "Run it alone to see why.", is_final=False)


def _cancelled(task: Task) -> StepFailedError:
    return StepFailedError(f"The step `{task.step}` was cancelled.", "", {"step": task.step, "item": task.item})


def _failed(task: Task, lost: _LostError, handings: int) -> StepFailedError:
    times = f" {handings} times" if handings > 1 else ""
    return StepFailedError(f"The step `{task.step}` {lost}{times}.", lost.hint, {"step": task.step, "item": task.item})


def _resident(pid: int) -> int:
    """Return how much memory a process holds now, in bytes; 0 where that cannot be told."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def python_command(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that starts a module of this interpreter."""
    return (sys.executable, "-m", module, *arguments)
