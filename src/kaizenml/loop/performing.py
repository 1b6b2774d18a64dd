"""Steps of one project, ready to be performed in this process: its modules at hand, its values in reach."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from kaizenml.core.task import Outcome, Task
from kaizenml.errors import NotFoundError
from kaizenml.loop.codebase import ProjectCode
from kaizenml.training.graph import Node
from kaizenml.training.perform import performed
from kaizenml.training.shelf import Shelf


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


@dataclass(frozen=True, slots=True)
class Here:
    """The runner that performs tasks in this process, one after the other."""

    perform: Performer

    @property
    def is_here(self) -> bool:
        """Whether tasks execute in this process: they do."""
        return True

    def submit(self, task: Task) -> Future[Outcome]:
        """Perform the task, and return its future as it ended."""
        future: Future[Outcome] = Future()
        try:
            future.set_result(self.perform(task))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """There is nothing to end."""
