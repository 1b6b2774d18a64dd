"""The next task, a label and the first fill of a queue of a million tasks, over SQLite and Delta on disk.

Usage: python benchmarks/data/bench_labels.py [TASKS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from kaizenml.core.labelling import LabelTask
from kaizenml.loop import labelling
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import open_house

ROUNDS = 200


def main(count: int) -> None:
    """Fill, then hand out and label with four annotators in turn."""
    row = {f"column_{at}": at * 1.5 for at in range(8)}
    tasks = [LabelTask(str(at), row, "no", 0.6, "till/1", priority=(at * 7919 % count) / count) for at in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        house = open_house(settings(Path(folder), {}))
        start = time.perf_counter()
        labelling.fill(house, "till", tasks, choices=["yes", "no"])
        print(f"fill: {count:,} tasks in {time.perf_counter() - start:.1f} s")
        handed, gave = [], []
        for at in range(ROUNDS):
            who = f"person:p{at % 4}"
            start = time.perf_counter()
            found = labelling.next_task(house, "till", who)
            handed.append(time.perf_counter() - start)
            assert found is not None
            start = time.perf_counter()
            labelling.give(house, "till", found.task.id, "yes", who)
            gave.append(time.perf_counter() - start)
    for name, taken in (("next", handed), ("give", gave)):
        taken.sort()
        print(f"{name}: median {taken[ROUNDS // 2] * 1e3:.1f} ms, 95 % {taken[ROUNDS * 95 // 100] * 1e3:.1f} ms, "
              f"worst {taken[-1] * 1e3:.1f} ms")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
