"""An engine over steps of a test, with results kept in memory."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kaizenml.adapters.memory import MemoryStepCache
from kaizenml.core.digest import digest_of
from kaizenml.core.step import Symbol
from kaizenml.training.engine import Asked, Engine
from kaizenml.training.graph import graph
from kaizenml.training.perform import performed
from kaizenml.training.piece import CodeOfStep
from kaizenml.training.shelf import Shelf
from kaizenml.training.values import code_by_name, value_digest


@dataclass
class Named:
    """Tells the code of a step by a version that the test sets."""

    versions: dict = field(default_factory=dict)
    packages: dict = field(default_factory=dict)
    forbids: dict = field(default_factory=dict)
    holds: dict = field(default_factory=dict)

    def of(self, node):
        text = str(self.versions.get(node.name, 1))
        return CodeOfStep(
            digest_of([node.name, text]),
            lambda: {f"project.{node.name}": Symbol(text, text)},
            self.packages,
            forbids=self.forbids.get(node.name, ()),
        )

    def of_value(self, value):
        return value_digest(value, code_by_name)

    def differs(self, observed):
        return next((f"`{k}` is another" for k, v in observed.items() if self.holds.get(k, v) != v), "")


@dataclass
class Here:
    nodes: dict
    shelf: Shelf
    watch: object = None

    def is_here(self, _task):
        return True

    def submit(self, task):
        future = Future()
        more = {"watch": self.watch} if self.watch else {}
        try:
            node = self.nodes[task.step]
            future.set_result(performed(task, node, self.shelf.load, of_code=code_by_name, **more))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self): ...


@dataclass
class Lab:
    """Runs steps again and again with one cache, and tells which of them ran."""

    steps: dict
    options: dict = field(default_factory=dict)
    code: Named = field(default_factory=Named)
    cache: MemoryStepCache = field(default_factory=MemoryStepCache)
    told: list = field(default_factory=list)
    watch: object = None

    def run(self, given=None, parameters=None, **asked):
        given = given or {}
        nodes = graph(self.steps, given, parameters, self.options)
        shelf = Shelf(self.cache, code_by_name)
        self.told = []
        engine = Engine(
            Asked("shop", asked.pop("run", "run-1"), **asked), nodes, code=self.code, cache=self.cache, shelf=shelf,
            runner=Here({node.name: node for node in nodes}, shelf, self.watch), told=self.told.append,
            clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        engine.execute(given)
        return engine

    @property
    def ran(self):
        return [story.name for story in self.told if story.state == "done"]

    @property
    def states(self):
        return {story.name: str(story.state) for story in self.told}

    def why(self, name):
        return next(story.why for story in self.told if story.name == name)
