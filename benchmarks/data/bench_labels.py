"""The next task, a label and the first fill of a queue of a million tasks, over SQLite and Delta on disk.

Meanwhile somebody holds the very first task and does nothing with it, so that no cursor can pass the first block; every
tenth task is skipped; and every twentieth round is a newcomer's. The target is 50 ms for the next task, the worst one.

Usage: python benchmarks/data/bench_labels.py [TASKS]
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from pathlib import Path

from kaizenml.core.labelling import LabelTask
from kaizenml.loop import labelling
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import open_house

ROUNDS = 1000
TARGET_SECONDS = 0.05


def main(count: int) -> None:
    """Fill, then hand out and label with four annotators in turn."""
    row = {f"column_{at}": at * 1.5 for at in range(8)}
    tasks = [LabelTask(str(at), row, "no", 0.6, "till/1", priority=(at * 7919 % count) / count) for at in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        house = open_house(settings(Path(folder), {}))
        start = time.perf_counter()
        labelling.fill(house, "till", tasks, choices=["yes", "no"])
        print(f"fill: {count:,} tasks in {time.perf_counter() - start:.1f} s")
        del tasks  # a server holds none of them, and collecting a million objects would be measured below
        gc.collect()
        gc.freeze()  # as the control plane does
        labelling.next_task(house, "till", "person:idle")
        handed, computed, gave = [], [], []
        for at in range(ROUNDS):
            who = f"person:new{at}" if at % 20 == 19 else f"person:p{at % 4}"
            start, cpu = time.perf_counter(), time.process_time()
            found = labelling.next_task(house, "till", who)
            handed.append(time.perf_counter() - start)
            computed.append(time.process_time() - cpu)
            assert found is not None
            start = time.perf_counter()
            if at % 10 == 9:
                labelling.skip(house, "till", found.task.id, who)
                continue
            labelling.give(house, "till", found.task.id, "yes", who)
            gave.append(time.perf_counter() - start)
    for name, taken in (("next", sorted(handed)), ("next, computing", sorted(computed)), ("give", sorted(gave))):
        half, most = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
        print(f"{name}: median {half * 1e3:.1f} ms, 99 % {most * 1e3:.1f} ms, worst {taken[-1] * 1e3:.1f} ms")
    kept = "kept" if max(handed) <= TARGET_SECONDS else "missed"
    print(f"next within {TARGET_SECONDS * 1e3:.0f} ms: {kept}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
