"""Kedro: a pipeline of nodes in memory, run in order; a fan-out is as many nodes, in two processes. It has no cache."""

import functools
import logging
from importlib import import_module

from driver import main, needs, steps_of
from kedro.io import DataCatalog, MemoryDataset, SharedMemoryDataCatalog
from kedro.pipeline import node, pipeline
from kedro.runner import ParallelRunner, SequentialRunner


def _total(*items: int) -> int:
    return sum(items)


def _fan() -> None:
    work = import_module("fan")
    names = [f"done{each}" for each in range(work.ITEMS)]
    nodes = [
        node(functools.partial(work.worked, each), None, name, name=f"node_{name}") for each, name in enumerate(names)
    ]
    nodes.append(node(_total, names, "total", name="node_total"))
    ParallelRunner(max_workers=2).run(pipeline(nodes), SharedMemoryDataCatalog())


def ran(module: str) -> dict[str, object]:
    """Run a module's steps."""
    logging.getLogger("kedro").setLevel(logging.WARNING)
    if module == "fan":
        _fan()
        return {}
    nodes = [node(step, needs(step) or None, name, name=f"node_{name}") for name, step in steps_of(module).items()]
    SequentialRunner().run(pipeline(nodes), DataCatalog({each.outputs[0]: MemoryDataset() for each in nodes}))
    return {}


if __name__ == "__main__":
    main(ran)
