"""What a process of a pool prints begins with the step it comes from."""

from __future__ import annotations

import os

from kaizenml.core.step import StepOptions
from kaizenml.core.task import Task
from kaizenml.loop.attributed import Attributed, title


def printed(act):
    ours, theirs = os.pipe()
    with Attributed(theirs) as stream:
        os.close(theirs)
        act(stream)
    with os.fdopen(ours, newline="") as found:
        return found.read()


def test_every_line_begins_with_the_step_it_comes_from():
    def act(stream):
        print("one\ntwo", file=stream)
        stream.title("fit")
        print("a", "b", file=stream)
        print("three", end="", file=stream)
        stream.title("score 2/9")
        print("four", file=stream)

    assert printed(act) == "one\ntwo\n[fit] a b\n[fit] three\n[score 2/9] four\n"


def test_a_line_that_is_flushed_in_parts_stays_one_line():
    def act(stream):
        stream.title("fit")
        print(".", end="", flush=True, file=stream)
        print(".", end="", flush=True, file=stream)
        print(file=stream)
        print("over", file=stream)

    assert printed(act) == "[fit] ..\n[fit] over\n"


def test_a_progress_bar_keeps_its_place():
    def act(stream):
        stream.title("fit")
        stream.write("\r10 %\r20 %")

    assert printed(act).replace("[fit] ", "") == "\r10 %\r20 %"


def test_a_task_is_named_by_its_step_and_item():
    task = Task("run/fit", "run", "fit", {}, {}, StepOptions())

    assert title(task) == "fit"
    assert title(Task("run/fit", "run", "fit", {}, {}, StepOptions(), item=1, items=9)) == "fit 2/9"
