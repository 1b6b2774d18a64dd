"""Workers of a cluster are watched, and one that was given up changes nothing any more."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from kaizenml.adapters.ray_runner import MOST_HANDINGS, RayRunner, Shipment
from kaizenml.adapters.ray_watch import FIRST_SECONDS, GONE, LOST_SECONDS, RUNS, STOPPED, Lookout, Place, Watch
from kaizenml.core.process import is_running, is_stopped
from kaizenml.core.step import StepOptions
from kaizenml.core.task import Outcome, Task
from kaizenml.errors import StepFailedError

SILENCE = None  # who was asked says nothing
NOBODY = ()  # there is nobody to say anything


class Lookouts:
    """Those who look, with what they say from when on; a node may have ended, and be known to."""

    def __init__(self, *says, has_ended=False):
        self.says, self.has_ended = dict(says), has_ended
        self.now, self.replaced = 0.0, []

    def nodes(self):
        return ["node", "other"]

    def ask(self, node, pids):
        return node, pids

    def told(self, asked):
        node, pids = asked
        if node == "other":
            return [RUNS for _ in (node, *pids)]
        said = self.says[max(at for at in self.says if at <= self.now)]
        return said if not said else [said[0], *(said[1] for _ in pids)]

    def replace(self, node):
        self.replaced.append(node)

    def is_over(self, node):
        return self.has_ended and node == "node"


def watched(lookouts, seconds, *, by=1.0, worker=True, everywhere=False):
    """Watch for so long at most; return the lost workers, the shunned nodes, and when there was one of them."""
    watch = Watch(lookouts, lambda: lookouts.now)
    if worker:
        watch.begin("task", Place("node", 7))
    found = []
    while lookouts.now < seconds and not found and not watch.shunned:
        lookouts.now += by
        found = watch.lost(everywhere=everywhere)
    return found, watch.shunned, lookouts.now


SEEN = (0.0, (RUNS, RUNS))


def test_a_worker_that_is_seen_running_is_never_lost():
    assert watched(Lookouts(SEEN), 300)[:2] == ([], set())


@pytest.mark.parametrize("says", [(RUNS, STOPPED), (RUNS, GONE)])
def test_a_worker_that_nobody_sees_running_is_lost_and_its_node_is_not(says):
    found, shunned, seconds = watched(Lookouts(SEEN, (30.0, says)), 300)

    assert (found, shunned) == (["task"], set())
    assert 30 + LOST_SECONDS / 2 < seconds <= 30 + LOST_SECONDS + 1


@pytest.mark.parametrize("says", [SILENCE, NOBODY, (STOPPED, RUNS), (STOPPED, STOPPED)])
def test_a_node_that_nobody_hears_of_is_shunned_and_its_workers_are_lost(says):
    found, shunned, seconds = watched(Lookouts(SEEN, (30.0, says)), 300)

    assert (found, shunned) == (["task"], {"node"})
    assert 30 + LOST_SECONDS / 2 < seconds <= 30 + LOST_SECONDS + 1


def test_a_node_of_which_nobody_was_ever_heard_has_longer():
    assert FIRST_SECONDS < watched(Lookouts((0.0, SILENCE)), 300)[2] <= 30


@pytest.mark.parametrize("says", [SILENCE, NOBODY, (GONE, RUNS)])
def test_a_node_that_has_certainly_ended_is_shunned_within_seconds(says):
    found, shunned, seconds = watched(Lookouts(SEEN, (30.0, says), has_ended=True), 300)

    assert (found, shunned) == (["task"], {"node"})
    assert seconds <= 36


def test_a_node_is_looked_at_without_a_worker_of_ours_only_where_it_is_asked_for():
    assert watched(Lookouts((0.0, SILENCE)), 60, worker=False)[1] == set()
    assert watched(Lookouts((0.0, SILENCE)), 60, worker=False, everywhere=True)[1] == {"node"}


def test_a_node_is_shunned_no_more_once_it_is_heard_of_again():
    lookouts = Lookouts(SEEN, (30.0, SILENCE), (90.0, (RUNS, RUNS)))
    watch = Watch(lookouts, lambda: lookouts.now)
    watch.begin("task", Place("node", 7))
    seen = []
    while lookouts.now < 120:
        lookouts.now += 1.0
        if watch.lost():
            watch.end("task")
        seen.append(set(watch.shunned))

    assert {"node"} in seen
    assert seen[88] == {"node"}
    assert seen[-1] == set()


def test_another_is_asked_before_a_node_is_given_up_for_one_who_says_nothing():
    lookouts = Lookouts(SEEN, (30.0, SILENCE))
    watched(lookouts, 41)

    assert lookouts.replaced == ["node"]


def test_time_in_which_nobody_could_look_does_not_count():
    assert watched(Lookouts((0.0, SILENCE)), 3 * 3600, by=3600.0)[0] == []


def test_a_worker_that_is_watched_no_more_is_not_lost():
    lookouts = Lookouts((0.0, NOBODY))
    watch = Watch(lookouts, lambda: lookouts.now)
    watch.begin("task", Place("node", 7))
    place = watch.end("task")
    lookouts.now = 100.0

    assert place == Place("node", 7)
    assert watch.lost() == []


def test_who_looks_tells_of_processes_and_ends_one_with_what_it_started():
    script = "import subprocess, sys; child = subprocess.Popen(['sleep', '300']); print(child.pid, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        child = int(worker.stdout.readline())
        lookout = Lookout()
        running = lookout.look((worker.pid, child))
        os.kill(worker.pid, signal.SIGSTOP)
        soon(lambda: is_stopped(worker.pid))
        stopped = lookout.look((worker.pid,))
        lookout.end(worker.pid)
        worker.wait(30)
        gone = lookout.look((worker.pid,))

    assert (running, stopped, gone) == ([RUNS, RUNS, RUNS], [RUNS, STOPPED], [RUNS, GONE])
    soon(lambda: not is_running(child))


def soon(is_so):
    until = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


class CutOffError(Exception):
    """A worker that was lost, as the cluster says it."""


class Field:
    """A cluster whose workers say what the test lets them say, when it lets them."""

    is_joined = True

    def __init__(self):
        self.handed, self.said, self.shunned, self.cancelled = [], {}, [], []
        self.sees, self.done = [RUNS, RUNS], ""
        self.changed = threading.Condition()

    def join(self): ...
    def leave(self): ...
    def check(self, task): ...
    def end(self, place): ...
    def replace(self, node): ...

    def put(self, value):
        return value

    def cancel(self, answer):
        self.cancelled.append(answer)

    def call(self, task, shunned, *_):
        with self.changed:
            answer = len(self.handed)
            self.handed.append(task)
            self.shunned.append(set(shunned))
            self.said[answer] = [over(task.fence, self.done)] if self.done else []
            self.changed.notify_all()
            return answer

    def ready(self, answers, seconds):
        with self.changed:
            self.changed.wait_for(lambda: any(self.said[each] for each in answers), seconds)
            return [each for each in answers if self.said[each]][:1]

    def next(self, answer):
        word = self.said[answer].pop(0)
        if isinstance(word, Exception):
            raise word
        return word

    def lost(self):
        return (CutOffError,)

    def nodes(self):
        return ["node"]

    def ask(self, _node, pids):
        return pids

    def told(self, pids):
        return self.sees[: 1 + len(pids)] if self.sees else None

    def is_over(self, _node):
        return False

    def says(self, answer, *words):
        with self.changed:
            self.said[answer].extend(words)
            self.changed.notify_all()

    def say_of_all_but_the_first(self, value):
        """Let the task be done by whoever has it, and all who will."""
        with self.changed:
            self.done = value
            for answer in range(1, len(self.handed)):
                self.said[answer].append(over(self.handed[answer].fence, value))
            self.changed.notify_all()

    def handings(self):
        with self.changed:
            return len(self.handed)

    def wait_for_handings(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.handed) >= count, 30)


def here(fence):
    return "here", fence, json.dumps(["node", 7]).encode()


def begun(fence):
    return "begun", fence, b""


def over(fence, value):
    return "over", fence, pickle.dumps(("done", Outcome(value, value.encode(), 0.1)))


@pytest.fixture
def field():
    return Field()


@pytest.fixture
def kept():
    return []


@pytest.fixture
def runner(field, kept):
    def keep(content):
        kept.append(content)
        return f"blob-{len(kept)}"

    made = RayRunner(field, Shipment({}, "", "", lambda _: b"", keep, pickle.dumps, pickle.loads))
    yield made
    made.close()


TASK = Task("run/step", "run", "step", {}, {}, StepOptions())


def test_a_lost_task_is_handed_to_another_with_a_higher_fence_and_who_was_lost_changes_nothing(field, runner, kept):
    future = runner.submit(TASK)
    field.wait_for_handings(1)
    field.says(0, here(1), begun(1), CutOffError("the node died"))
    field.wait_for_handings(2)

    field.says(0, over(1, "stale"))
    field.says(1, here(2), begun(2), over(1, "stale, by another way"), over(2, "right"))

    assert future.result(30).digest == "right"
    assert [task.fence for task in field.handed] == [1, 2]
    assert kept == [b"right"]


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr("kaizenml.adapters.ray_watch.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("kaizenml.adapters.ray_runner.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("kaizenml.adapters.ray_watch.LOST_SECONDS", 0.5)
    monkeypatch.setattr("kaizenml.adapters.ray_watch.FIRST_SECONDS", 0.5)


@pytest.mark.parametrize("sees", [[RUNS, STOPPED], [STOPPED, RUNS], []])
def test_a_worker_that_nobody_sees_is_given_up_and_its_late_answer_is_ignored(field, runner, kept, hasty, sees):
    field.sees = sees
    future = runner.submit(TASK)
    field.wait_for_handings(1)
    field.says(0, here(1))
    field.wait_for_handings(2)

    field.sees = [RUNS, RUNS]
    field.says(0, begun(1), over(1, "stale"))
    field.say_of_all_but_the_first("right")

    assert future.result(30).digest == "right"
    assert field.cancelled[0] == 0
    assert kept == [b"right"]


def test_a_task_that_waits_for_a_worker_is_handed_out_anew_where_nodes_fall_silent_and_are_heard_again(
    field, runner, hasty
):
    field.sees = []
    future = runner.submit(TASK)
    field.wait_for_handings(2)
    field.sees = [RUNS, RUNS]
    field.wait_for_handings(3)
    for _ in range(MOST_HANDINGS):  # which is no loss, however often
        field.sees = []
        field.wait_for_handings(field.handings() + 1)
        field.sees = [RUNS, RUNS]
        field.wait_for_handings(field.handings() + 1)

    field.says(0, here(1), over(1, "stale"))
    field.say_of_all_but_the_first("right")

    assert future.result(30).digest == "right"
    assert field.shunned[:3] == [set(), {"node"}, set()]
    assert [task.fence for task in field.handed] == list(range(1, len(field.handed) + 1))


def test_only_the_time_of_the_step_itself_counts_for_its_limit(field, runner):
    limited = replace(TASK, options=StepOptions(timeout_seconds=0.4))
    loading, slow = runner.submit(limited), runner.submit(limited)
    field.wait_for_handings(2)
    field.says(0, here(1))
    field.says(1, here(1), begun(1))

    with pytest.raises(StepFailedError, match="took longer than"):
        slow.result(30)
    assert field.cancelled == [1]
    field.says(0, begun(1), over(1, "right"))
    assert loading.result(30).digest == "right"


def test_a_task_is_handed_out_no_more_often_than_that(field, runner):
    future = runner.submit(TASK)
    for handing in range(MOST_HANDINGS):
        field.wait_for_handings(handing + 1)
        field.says(handing, CutOffError("gone"))

    with pytest.raises(StepFailedError, match=f"lost its worker {MOST_HANDINGS} times .CutOffError: gone."):
        future.result(30)


def test_a_worker_that_cannot_even_begin_says_what_it_needs(field, runner):
    future = runner.submit(TASK)
    field.wait_for_handings(1)
    field.says(0, ModuleNotFoundError("No module named 'kaizenml'"))

    with pytest.raises(StepFailedError, match="could not be performed by a worker: No module named") as refused:
        future.result(30)
    assert refused.value.hint == "The workers need this version of kaizenml and what the project imports."


def test_what_runs_when_the_runner_is_closed_ends_as_cancelled(field, runner):
    future = runner.submit(TASK)
    field.wait_for_handings(1)
    runner.close()

    with pytest.raises(StepFailedError, match="was cancelled"):
        future.result(30)
