"""Prefect with a server beside it: tasks cached by inputs and source, results kept; a fan-out is mapped, in threads."""

import time
from importlib import import_module

from driver import STEPS_ALONE, main, needs, steps_of
from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE
from prefect.task_runners import ThreadPoolTaskRunner

POLICY = INPUTS + TASK_SOURCE


def ran(module: str) -> dict[str, object]:
    """Run a module's steps."""

    @flow(name=module, log_prints=False)
    def steps() -> dict[str, object]:
        given: dict[str, object] = {}
        began = time.perf_counter()
        for name, step in steps_of(module).items():
            cached = task(step, name=name, cache_policy=POLICY, persist_result=True)
            given[name] = cached(*(given[each] for each in needs(step)))
        return given | ({} if module == "edits" else {STEPS_ALONE: time.perf_counter() - began})

    @flow(name=module, task_runner=ThreadPoolTaskRunner(max_workers=2))
    def fan() -> int:
        work = import_module("fan")
        cached = task(work.worked, cache_policy=POLICY, persist_result=True)
        return sum(cached.map(range(work.ITEMS)).result())

    return {"total": fan()} if module == "fan" else steps()


if __name__ == "__main__":
    main(ran)
