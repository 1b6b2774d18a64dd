"""Where one machine runs a step: here, or in a process of its own."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from kaizenml.adapters.pool_runner import PoolRunner, Team, python_command
from kaizenml.core.room import Room
from kaizenml.core.step import StepOptions
from kaizenml.core.task import LIVE, Outcome, Ref, Task
from kaizenml.errors import StepFailedError
from kaizenml.loop.performing import Local


@dataclass
class FakePool:
    is_ready: bool = False
    warmed: int = 0
    tasks: list = field(default_factory=list)

    def warm(self):
        self.warmed += 1

    def is_here(self, _task):
        return False

    def submit(self, task):
        self.tasks.append(task)
        future = Future()
        future.set_result(Outcome("d", b"", 0.1))
        return future

    def close(self): ...


def task(item=None, items=1, **options):
    refs = {"rows": options.pop("ref", Ref("a", "b"))}
    return Task("t", "run-1", "s", refs, {}, StepOptions(**options), item=item, items=items)


def local(pool, seconds, **more):
    return Local(lambda _: Outcome("d", b"", seconds), lambda: pool, **more)


def test_a_plain_step_runs_here_and_starts_nothing():
    pool = FakePool()
    local(pool, 10.0).submit(task())

    assert (pool.warmed, pool.tasks) == (0, [])


def test_a_limit_needs_a_process():
    pool = FakePool()
    runner = local(pool, 0.1)
    runner.submit(task(timeout_seconds=1.0))
    runner.submit(task(memory_bytes=10))

    assert len(pool.tasks) == 2


@pytest.mark.parametrize("options", [{"gpus": 2.0}, {"memory_bytes": 2_000}], ids=["cards", "memory"])
def test_what_asks_for_more_than_there_is_is_refused_before_it_begins(options):
    pool = FakePool()
    runner = local(pool, 0.1, room=Room(2.0, 1_000, 1.0))

    with pytest.raises(StepFailedError, match=r"`s` asks for .*, and this machine has"):
        runner.submit(task(**options))

    assert pool.tasks == []


def test_what_lives_in_this_process_stays_in_it():
    pool = FakePool()
    runner = local(pool, 0.1, prefers_pool=True)
    runner.submit(task(ref=Ref(LIVE + "x")))

    assert pool.tasks == []


def test_short_items_stay_here():
    pool = FakePool()
    runner = local(pool, 0.001)
    for item in range(100):
        runner.submit(task(item, 100))

    assert (pool.warmed, pool.tasks) == (0, [])


def test_long_items_go_to_the_pool_as_soon_as_it_is_ready():
    pool = FakePool()
    runner = local(pool, 1.0)
    for item in range(10):
        pool.is_ready = item >= 4
        runner.submit(task(item, 10))

    assert pool.warmed > 0
    assert [each.item for each in pool.tasks] == [4, 5, 6, 7, 8]  # the last alone is done sooner here


def test_several_graphs_of_steps_that_begin_at_once_share_one_pool():
    opened = []

    def slow():
        time.sleep(0.1)
        opened.append(FakePool())
        return opened[-1]

    runner = Local(lambda _: Outcome("d", b"", 0.1), slow, prefers_pool=True)
    with ThreadPoolExecutor(4) as threads:
        for each in [threads.submit(runner.submit, task()) for _ in range(4)]:
            each.result()

    assert [len(pool.tasks) for pool in opened] == [4]


def test_a_pool_that_is_closed_takes_no_task():
    pool = PoolRunner(Team(("false",), 1, pickle.dumps, pickle.loads))
    pool.close()

    with pytest.raises(StepFailedError, match="`s` was cancelled"):
        pool.submit(task()).result(30)


def test_a_task_that_waits_when_its_pool_is_closed_ends_as_cancelled():
    python = python_command("kaizenml.errors")  # ends at once
    pool = PoolRunner(Team(python, 1, pickle.dumps, pickle.loads))
    futures = [pool.submit(task()) for _ in range(8)]
    pool.close()

    for each in futures:
        with pytest.raises(StepFailedError):
            each.result(30)
