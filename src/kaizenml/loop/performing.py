"""Steps of one project, ready to be performed: in this process, or in another that loads the same project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Protocol

from kaizenml.core.room import Room
from kaizenml.core.step import StepOptions
from kaizenml.core.task import Outcome, Runner, StepCache, Task
from kaizenml.errors import NotFoundError, StepFailedError
from kaizenml.loop.codebase import ProjectCode
from kaizenml.loop.loading import Loaded
from kaizenml.loop.steps import GIVEN, steps_beside, steps_of
from kaizenml.training.graph import Node, graph
from kaizenml.training.perform import performed
from kaizenml.training.shelf import Shelf

#: A fan-out that is expected to take less than this is over before other processes have loaded the project.
WORTH_SECONDS = 2.0


class Pool(Runner, Protocol):
    """A runner that takes a while to start."""

    @property
    def is_ready(self) -> bool:
        """Whether somebody waits for tasks."""
        ...

    def warm(self) -> None:
        """Start, without waiting for it."""
        ...


@dataclass(frozen=True, slots=True)
class Performer:
    """Performs tasks of these nodes with the values of a shelf."""

    nodes: Mapping[str, Node]
    shelf: Shelf
    code: ProjectCode

    def __call__(self, task: Task) -> Outcome:
        """Perform a task, or raise `StepFailedError`."""
        if task.step not in self.nodes:
            raise NotFoundError("step", task.step, self.nodes)
        node = self.nodes[task.step]
        return performed(task, node, self.shelf.load, of_code=self.code.of_code, watch=self.code.watch(node))


def performer(loaded: Loaded, cache: StepCache, home: Path) -> Performer:
    """Return what performs any step of a project with values from a cache."""
    code = ProjectCode(loaded, ignore=(home,))
    nodes = graph(steps_of(loaded.project) | steps_beside(), GIVEN, {}, loaded.project.options)
    return Performer({node.name: node for node in nodes}, Shelf(cache, code.of_code), code)


def elsewhere(perform: Performer, cache: StepCache, task: Task) -> Outcome:
    """Perform a task for another process: the result goes into the cache, and only its place is told."""
    outcome = perform(task)
    if outcome.content is None:
        return replace(outcome, value=None)
    return replace(outcome, value=None, content=None, blob=cache.put(outcome.content))


class Local:
    """The runner of one machine: a step runs in this process, what needs a process of its own gets one.

    A process of its own need steps with a limit of time or memory, and the items of a fan-out that is worth it.

    Parameters
    ----------
    pool
        Opens the processes, when they are needed for the first time.
    prefers_pool
        Whether every step runs in a process of its own.
    room
        What this machine has: a step that asks for more is refused. None: whoever runs the steps knows.
    """

    def __init__(
        self,
        perform: Callable[[Task], Outcome],
        pool: Callable[[], Pool],
        *,
        prefers_pool: bool = False,
        room: Room | None = None,
    ) -> None:
        self._perform, self._open, self._prefers_pool, self._room = perform, pool, prefers_pool, room
        self._pool: Pool | None = None
        self._seconds: dict[str, float] = {}
        self._lock = Lock()

    def is_here(self, task: Task) -> bool:
        """Say whether the task executes in this process."""
        if not task.needs_bytes or any(ref.is_live for ref in task.values.values()):
            return True  # its values, or what comes of it, cannot leave
        if self._prefers_pool or needs_process(task.options):
            return False
        if task.item is None or self._left_seconds(task) < WORTH_SECONDS:
            return True
        self._at_hand().warm()
        return not self._at_hand().is_ready  # until then, items are done here

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin a task; one that executes here is over when this returns. One that asks for too much is refused."""
        self._check(task)
        if all(ref.blob for ref in task.values.values()) and not self.is_here(task):
            return self._at_hand().submit(task)
        future: Future[Outcome] = Future()
        try:
            outcome = self._perform(task)
            self._seconds[task.step] = outcome.seconds
            future.set_result(outcome)
        except Exception as error:
            future.set_exception(error)
        return future

    def _check(self, task: Task) -> None:
        lacks = "" if self._room is None else self._room.lacks(task.options)
        if lacks:
            raise StepFailedError(
                f"The step `{task.step}` asks for {lacks}.",
                "Run it where there is that much: --on ray://HOST:PORT; or ask for less.",
                {"step": task.step, "item": task.item},
            )

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.close()

    def _at_hand(self) -> Pool:
        with self._lock:  # several graphs of steps may be at it
            if self._pool is None:
                self._pool = self._open()
            return self._pool

    def _left_seconds(self, task: Task) -> float:
        """Return how long the items that are left would take here; nothing as long as none has run."""
        return self._seconds.get(task.step, 0.0) * (task.items - (task.item or 0))


def needs_process(options: StepOptions) -> bool:
    """Say whether a step can only be held to what was asked of it in a process of its own."""
    return options.timeout_seconds is not None or options.memory_bytes is not None
