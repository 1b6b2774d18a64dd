"""`kz.run()`: tracked runs of programs and notebooks, in the records of this home or of a server."""

from __future__ import annotations

import atexit
import getpass
import os
import secrets
import shutil
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kaizenml.core.names import checked_name, suggested_name
from kaizenml.core.ports import Blobs
from kaizenml.core.run import Run, RunKind, RunState
from kaizenml.errors import KaizenError
from kaizenml.loop import syncing
from kaizenml.loop.observing import RUNNING
from kaizenml.loop.sending import AwayError, Server
from kaizenml.loop.settings import Settings
from kaizenml.loop.wiring import open_blobs, open_house, read_settings
from kaizenml.packaging.environment import captured
from kaizenml.training import console, program, system
from kaizenml.training.journal import Ended, Journal, Points, Started
from kaizenml.training.seeds import sow
from kaizenml.training.track import TrackedRun, plain

#: How often what was logged is brought into the records.
SYNC_SECONDS = 1.0
#: How long the end of a run waits for a server before it leaves the rest for later.
_PATIENCE_SECONDS = 5.0
#: Set by `kaizen rerun` for the program that it executes again.
AGAIN = "KAIZEN_RERUN_OF"

_CURRENT: ContextVar[TrackedRun | None] = ContextVar("kaizenml_run", default=None)


def run(
    name: str = "",
    *,
    project: str = "",
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    seed: int | None = None,
    console: bool = True,
    system: bool = True,
) -> TrackedRun:
    """Begin a run that records what this program does.

    Recorded are: the commit, branch and uncommitted changes of the program's code, its files, the environment, the
    machine, the command, everything written to the console, what is used of the machine, and what you log.
    A run within another (in the same thread) is its child.

    Parameters
    ----------
    name
        What you call it; need not be unique.
    project
        Under which project it is listed; the name of the project's folder, unless told otherwise.
    params, tags
        As `TrackedRun.log_params` and `set_tags`.
    seed
        Seeds Python's, NumPy's and PyTorch's generators, of those that are loaded, and is recorded.
    console
        Whether to keep what is written to standard output and error.
    system
        Whether to sample processor, memory and disk every 5 seconds.

    Returns
    -------
    TrackedRun
        Use it in a ``with`` block, which ends it, or call its ``finish()``. At the end of the program it ends anyway.

    Examples
    --------
    >>> import kaizenml as kz
    >>> with kz.run("try", params={"depth": 3}) as run:  # doctest: +SKIP
    ...     for step in range(10):
    ...         run.log(loss=1 / (step + 1), step=step)
    """
    of = read_settings(program.home_folder(Path.cwd()))
    return _begin(of, name, project, params or {}, tags or {}, seed, keeps_console=console, samples=system)


def current_run() -> TrackedRun | None:
    """Return the run that goes on in this thread, if there is one."""
    found = _CURRENT.get()
    return None if found is None or found.is_over else found


def _begin(
    of: Settings, name: str, project: str, parameters: Mapping[str, object], tags: Mapping[str, object],
    seed: int | None, *, keeps_console: bool, samples: bool,
) -> TrackedRun:  # fmt: skip
    place = _place(of)
    place.pick_up()
    parent, now = current_run(), datetime.now(UTC)
    called = checked_name("project", project) if project else suggested_name(of.folder.name)
    again = os.environ.get(AGAIN, "")
    code, command = program.described(place.blobs)
    begun = Run(
        id=f"{suggested_name(name)[:40] if name else 'run'}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        project=called,
        state=RunState.RUNNING,
        started_at=now,
        code=code,
        environment=captured(),
        seed=seed,
        parameters={str(key): plain(value) for key, value in parameters.items()},
        kind=RunKind.RERUN if again else RunKind.NOTEBOOK if command is None else RunKind.SCRIPT,
        name=name,
        author=_person(),
        parent=parent.id if parent else os.environ.get(RUNNING, ""),
        again=again,
        tags={str(key): str(value) for key, value in tags.items()},
        command=command,
    )
    if seed is not None:
        sow(seed)
    folder = syncing.journals(of.home) / begun.id
    journal = Journal(folder)
    journal.append(Started(begun))
    around = ExitStack()
    if keeps_console and not begun.parent:
        around.enter_context(console.kept(folder / "console"))
    keeper = _Keeper(begun.id, journal, place, around, _CURRENT.get())
    tracked = TrackedRun(begun, journal, place.blobs, keeper.end)
    if samples and not begun.parent:
        around.enter_context(system.sampled(lambda sample: journal.append(_sample(sample))))
    _CURRENT.set(tracked)
    keeper.start(tracked)
    return tracked


@dataclass(frozen=True, slots=True)
class _Place:
    """Where runs are remembered: the blobs of this home, and how a journal is brought to the records."""

    blobs: Blobs
    bring: Callable[[str, Path, int], int]
    pick_up: Callable[[], object]


def _place(of: Settings) -> _Place:
    if of.server:
        server, blobs = Server(of.server, of.token), open_blobs(of)
        return _Place(
            blobs,
            lambda run, path, at: server.bring(run, path, blobs, at),
            lambda: threading.Thread(target=send_left, args=(of,), daemon=True, name="journals").start(),
        )
    house = open_house(of)
    return _Place(house.blobs, lambda run, path, _: syncing.bring(house, run, path), lambda: syncing.pick_up(house))


def send_left(of: Settings) -> tuple[list[str], list[str]]:
    """Send the journals of processes that are gone to the server; return whose were sent, and whose it did not take."""
    server, blobs = Server(of.server, of.token), open_blobs(of)
    sent: list[str] = []
    waiting: list[str] = []
    folder = syncing.journals(of.home)
    for each in sorted(folder.iterdir()) if folder.is_dir() else ():
        taken = syncing.end_dead(each, blobs)
        if taken is None:
            continue
        try:
            if taken.size:
                server.bring(each.name, taken.path, blobs)
                sent.append(each.name)
            shutil.rmtree(each, ignore_errors=True)
        except AwayError:
            waiting.append(each.name)
        finally:
            taken.close()
    return sent, waiting


class _Keeper:
    """Brings what a run logs into the records while it runs, from a thread, and closes it at its end."""

    def __init__(self, id_: str, journal: Journal, place: _Place, around: ExitStack, parent: TrackedRun | None) -> None:
        self._id, self._journal, self._place, self._around, self._parent = id_, journal, place, around, parent
        self._over = threading.Event()
        self._at = 0
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._keep, daemon=True, name=f"records of {id_}")

    def start(self, tracked: TrackedRun) -> None:
        """Begin, and see to it that the end of the program ends the run."""
        self._tracked = tracked
        self._thread.start()
        atexit.register(self._at_exit)
        os.register_at_fork(after_in_child=self._journal.forget_lock)

    def end(self, tracked: TrackedRun, state: RunState, error: str) -> None:
        """End the run; in a process that was forked from the run's own, change nothing."""
        if os.getpid() != self._pid:
            return
        atexit.unregister(self._at_exit)
        self._around.close()
        syncing.keep_console(self._journal, self._journal.path.parent, self._place.blobs)
        self._journal.append(Ended(state, datetime.now(UTC), error))
        self._over.set()
        self._thread.join(2 * _PATIENCE_SECONDS)
        if _CURRENT.get() is tracked:
            _CURRENT.set(self._parent)

    def _at_exit(self) -> None:
        self._tracked.finish()

    def _keep(self) -> None:
        while not self._over.wait(SYNC_SECONDS):
            try:
                self._bring()
            except AwayError:
                continue
            except KaizenError as error:
                _warn(f"Run {self._id} is not in the records: {error.message} {error.hint}")
                self._over.wait(10 * SYNC_SECONDS)
        self._bring_last()
        self._journal.close()

    def _bring_last(self) -> None:
        limit = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self._bring()
                shutil.rmtree(self._journal.path.parent, ignore_errors=True)
                return
            except AwayError as error:
                if time.monotonic() > limit:
                    _warn(f"{error.message} Run {self._id} is sent by the next run here, or by `kaizen sync`.")
                    return
            except KaizenError as error:
                _warn(f"Run {self._id} is not in the records: {error.message} {error.hint}")
                return
            time.sleep(0.2)

    def _bring(self) -> None:
        self._at = self._place.bring(self._id, self._journal.path, self._at)


def _sample(values: Mapping[str, float]) -> Points:
    now = datetime.now(UTC)
    return Points(int(now.timestamp() * 1e6), int(now.timestamp()), dict(values))


def _person() -> str:
    try:
        return f"person:{getpass.getuser()}"
    except (OSError, KeyError):
        return "person:unknown"


def _warn(line: str) -> None:
    warnings.warn(line, RuntimeWarning, stacklevel=2)
