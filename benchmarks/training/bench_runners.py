"""What it takes until a step runs, and what a task costs besides, in this process, in a pool and on a Ray cluster.

Usage: python benchmarks/training/bench_runners.py [ITEMS]

Of each runner: how long the first step of a run takes, which does nothing but has everything still to start; and how
long a step behind it that does nothing with each of ITEMS items takes, for each of them. The cluster that is joined has
two nodes with a processor each on this machine, and is begun before anything is measured.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kaizenml.loop.loading import load_folder
from kaizenml.loop.order import Order, Way
from kaizenml.loop.running import run
from kaizenml.loop.wiring import open_house, read_settings

PROJECT = """
import kaizenml as kz

project = kz.Project("lab", source=kz.files("none.csv"), target="y")

@project.step
def parts(count=1):
    return list(range(count))

@project.step
def nothing(part=kz.each("parts")):
    return part

project.pipeline("all", nothing)
"""
ROUNDS = 3


def main(items: int) -> None:
    """Measure every runner in each round, and print the medians and how they compare."""
    with tempfile.TemporaryDirectory() as name, _cluster() as address:
        folder = Path(name)
        (folder / "project.py").write_text(PROJECT, "utf-8")
        runners = {"local": "local", "pool": "pool", "ray, begun for the run": "ray", "ray, joined": address}
        found: dict[str, list[tuple[float, float]]] = {each: [] for each in runners}
        _seconds(folder, "local", items)  # imports are paid once
        for _ in range(ROUNDS):
            for each, runner in runners.items():
                found[each].append(_seconds(folder, runner, items))
    fewest = statistics.median(each[1] for each in found["local"])
    print(f"{items} items, medians of {ROUNDS} rounds; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print("| runner | until the first step is done | an item | times local |\n|---|---|---|---|")
    for each, rounds in found.items():
        start, item = (statistics.median(one[n] for one in rounds) for n in (0, 1))
        print(f"| {each} | {start:.2f} s | {item * 1e3:.2f} ms | ×{item / fewest:.1f} |")


def _seconds(folder: Path, runner: str, items: int) -> tuple[float, float]:
    """Return how long the first step took, and each item of the second."""
    house = open_house(read_settings(folder))
    way = Way("all", uses_cache=False, runner=runner)
    order = Order(f"run-{time.time_ns()}", "person:bench", {"parts.count": items}, way=way)
    loaded = load_folder(folder)
    first, second = run(loaded, folder, house, order, lambda _: None).steps
    return first.seconds, second.seconds / items


@contextmanager
def _cluster() -> Iterator[str]:
    """Begin a cluster of two nodes on this machine's loopback; give how a run joins it."""
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": os.urandom(32).hex(), "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    from ray.cluster_utils import Cluster

    node = {"node_ip_address": "127.0.0.1", "include_dashboard": False, "num_cpus": 1}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.add_node(**node)
        yield f"ray://{cluster.address}"
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
