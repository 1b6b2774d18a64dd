"""Workers of a cluster are watched, and one that was given up changes nothing any more."""

from __future__ import annotations

import json
import pickle
import threading

import pytest

from kaizenml.adapters.ray_runner import MOST_HANDINGS, RayRunner, Shipment
from kaizenml.adapters.ray_watch import LOST_SECONDS, Place, Watch
from kaizenml.core.step import StepOptions
from kaizenml.core.task import Outcome, Task
from kaizenml.errors import StepFailedError


class Lookouts:
    """Those who look, with what they will say."""

    def __init__(self, says):
        self.says, self.replaced = says, []

    def ask(self, place):
        return place

    def told(self, _):
        return self.says

    def replace(self, node):
        self.replaced.append(node)


def watched(says, seconds, *, by=1.0):
    """Watch one worker for so long; return what is lost at the end, and who was replaced."""
    now = [0.0]
    lookouts = Lookouts(says)
    watch = Watch(lookouts, lambda: now[0])
    watch.begin("task", Place("node", 7))
    found = []
    while now[0] < seconds and not found:
        now[0] += by
        found = watch.lost()
    return found, now[0], lookouts.replaced


def test_a_worker_that_is_seen_running_is_never_lost():
    assert watched(True, 300)[0] == []


@pytest.mark.parametrize("says", [False, None])
def test_a_worker_that_nobody_sees_running_is_lost_within_thirty_seconds(says):
    found, seconds, _ = watched(says, 300)

    assert found == ["task"]
    assert LOST_SECONDS < seconds <= 30


def test_who_does_not_answer_is_replaced_before_the_worker_is_lost():
    assert watched(None, 15)[2] == ["node"]


def test_time_in_which_nobody_could_look_does_not_count():
    assert watched(None, 3 * 3600, by=3600.0)[0] == []


def test_a_worker_that_is_watched_no_more_is_not_lost():
    watch = Watch(Lookouts(False), iter([0.0, 0.0, 100.0]).__next__)
    watch.begin("task", Place("node", 7))

    assert watch.end("task") == Place("node", 7)
    assert watch.lost() == []


class CutOffError(Exception):
    """A worker that was lost, as the cluster says it."""


class Field:
    """A cluster whose workers say what the test lets them say, when it lets them."""

    is_joined = True

    def __init__(self):
        self.handed, self.said, self.ended = [], {}, []
        self.changed = threading.Condition()

    def join(self): ...
    def leave(self): ...
    def check(self, task): ...
    def cancel(self, answer): ...
    def end(self, place): ...
    def replace(self, node): ...

    def put(self, value):
        return value

    def call(self, task, *_):
        with self.changed:
            answer = len(self.handed)
            self.handed.append(task)
            self.said[answer] = []
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

    def ask(self, place):
        return place

    def told(self, _):
        return True

    def says(self, answer, word):
        with self.changed:
            self.said[answer].append(word)
            self.changed.notify_all()

    def wait_for_handings(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.handed) >= count, 30)


def begun(fence):
    return "begun", fence, json.dumps(["node", 7]).encode()


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
    field.says(0, begun(1))
    field.says(0, CutOffError("the node died"))
    field.wait_for_handings(2)

    field.says(0, over(1, "stale"))
    field.says(1, begun(2))
    field.says(1, over(1, "stale, by another way"))
    field.says(1, over(2, "right"))

    assert future.result(30).digest == "right"
    assert [task.fence for task in field.handed] == [1, 2]
    assert kept == [b"right"]


def test_a_worker_that_nobody_sees_is_given_up_and_its_late_answer_is_ignored(field, runner, kept, monkeypatch):
    monkeypatch.setattr("kaizenml.adapters.ray_watch.LOST_SECONDS", 0.2)
    field.told = lambda _: False
    future = runner.submit(TASK)
    field.wait_for_handings(1)
    field.says(0, begun(1))
    field.wait_for_handings(2)

    field.says(0, over(1, "stale"))
    field.says(1, over(2, "right"))

    assert future.result(30).digest == "right"
    assert kept == [b"right"]


def test_a_task_is_handed_out_no_more_often_than_that(field, runner):
    future = runner.submit(TASK)
    for handing in range(MOST_HANDINGS):
        field.wait_for_handings(handing + 1)
        field.says(handing, CutOffError("gone"))

    with pytest.raises(StepFailedError, match=f"lost its worker {MOST_HANDINGS} times .CutOffError: gone."):
        future.result(30)


def test_what_runs_when_the_runner_is_closed_ends_as_cancelled(field, runner):
    future = runner.submit(TASK)
    field.wait_for_handings(1)
    runner.close()

    with pytest.raises(StepFailedError, match="was cancelled"):
        future.result(30)
