"""Apache Hamilton with its cache: the module is the graph; a fan-out is Parallelizable and Collect, in two threads."""

import types
from importlib import import_module

from driver import main, steps_of
from hamilton import driver
from hamilton.ad_hoc_utils import create_temporary_module
from hamilton.execution import executors
from hamilton.htypes import Collect, Parallelizable


def _fan() -> types.ModuleType:
    work = import_module("fan")

    def items() -> Parallelizable[int]:
        yield from range(work.ITEMS)

    def done(items: int) -> int:
        return int(work.worked(items))

    def total(done: Collect[int]) -> int:
        return sum(done)

    return create_temporary_module(items, done, total)


def ran(module: str) -> dict[str, object]:
    """Run a module's steps."""
    builder = driver.Builder().with_cache(path="hamilton")
    if module != "fan":
        steps = list(steps_of(module))
        return dict(builder.with_modules(import_module(module)).build().execute(steps))
    threads = executors.MultiThreadingExecutor(max_tasks=2)
    builder = builder.with_modules(_fan()).enable_dynamic_execution(allow_experimental_mode=True)
    return dict(builder.with_remote_executor(threads).build().execute(["total"]))


if __name__ == "__main__":
    main(ran)
