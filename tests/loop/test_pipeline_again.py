"""A run of a pipeline that reads no data is executed again from its record, as any other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest
from loop_processes import soon
from step_projects import laid, ran

from kaizenml.core.run import RunKind
from kaizenml.errors import KaizenError, StateError, StepFailedError
from kaizenml.loop.alive import alive, end_lost
from kaizenml.loop.rerunning import rerun
from kaizenml.loop.wiring import open_house, read_settings

BODY = """
@project.step
def first(times=1, rng=None):
    return [times * 2, {drawn}]

@project.step
def second(first):
    return sum(first)

project.pipeline("all", second)
"""


def again(folder, drawn):
    """Run, change the code, and execute the first run again; return what came of it, and the run itself."""
    laid(folder, BODY.format(drawn=drawn))
    ran(folder, "then", parameters={"first.times": 3})
    laid(folder, BODY.format(drawn="0").replace("* 2", "* 5"))  # the record has the code of then
    house = open_house(read_settings(folder.resolve(), {}))
    done = rerun(house, "then", lambda _: None, author="person:ada")
    with house.records.reading() as books:
        return done, books.runs.get(done.run)


def test_the_same_code_and_parameters_give_the_same_values(tmp_path):
    done, run = again(tmp_path / "lab", "7")

    assert (done.original, done.largest, done.steps) == ("then", 0.0, ())
    assert (run.again, run.state, [step.name for step in run.steps]) == ("then", "finished", ["first", "second"])
    assert run.parameters["first.times"] == 3


def test_a_step_that_gives_another_value_each_time_is_named(tmp_path):
    done, _ = again(tmp_path / "lab", "time.time_ns() % 1_000_003")

    assert done.steps == ("first", "second")


SLOW = """
@project.step
def first(seed):
    print("in first", flush=True)
    return seed

@project.step
def second(first):
    if os.path.exists("{mark}"):
        print("in second", flush=True)
        {what}
    return first

project.pipeline("all", second)
"""


def slow(tmp_path, what):
    """Run a pipeline whose second step does something else once a file is there; return the folder and the house."""
    folder = laid(tmp_path / "lab", SLOW.format(mark=tmp_path / "mark", what=what))
    ran(folder, "then")
    (tmp_path / "mark").touch()
    return folder, open_house(read_settings(folder.resolve(), {}))


def kept_in(lines, line):
    """Keep a line, to show what was said where something else was expected."""
    lines.append(line)
    return line


def newest(house):
    with house.records.reading() as books:
        return books.runs.newest(limit=1)[0]


def test_a_repetition_whose_process_is_killed_ends_as_failed_with_what_it_had(tmp_path):
    folder, house = slow(tmp_path, "time.sleep(120)")
    process = subprocess.Popen(
        [sys.executable, "-m", "kaizenml", "rerun", "then", "--anyway"], cwd=folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    heard: list[str] = []
    try:
        assert any("in second" in line for line in map(partial(kept_in, heard), process.stderr)), "".join(heard)
        assert end_lost(house) == []
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        process.stderr.close()

    said = subprocess.run(
        [sys.executable, "-m", "kaizenml", "runs"], cwd=folder, check=True, capture_output=True, text=True, timeout=60
    )  # fmt: skip

    run = newest(house)
    assert "Its process died." in said.stdout
    assert (run.kind, run.state, run.again) == ("rerun", "failed", "then")
    assert [step.name for step in run.steps] == ["first"]
    assert b"in second" in house.blobs.get(run.console.content)
    assert end_lost(house) == []


def test_a_repetition_that_fails_keeps_its_steps_and_its_console(tmp_path):
    _, house = slow(tmp_path, "raise ValueError('not again')")

    with pytest.raises(StepFailedError, match="not again"):
        rerun(house, "then", lambda _: None, author="person:ada")

    run = newest(house)
    assert (run.state, [step.name for step in run.steps]) == ("failed", ["first", "second"])
    assert b"in second" in house.blobs.get(run.console.content)


def test_a_run_that_failed_fails_again_for_its_own_reason(tmp_path):
    folder = laid(tmp_path / "lab", BODY.format(drawn="1 / 0"))
    with pytest.raises(StepFailedError, match="division by zero"):
        ran(folder, "then")
    house = open_house(read_settings(folder.resolve(), {}))

    with pytest.raises(StepFailedError, match="division by zero"):
        rerun(house, "then", lambda _: None, author="person:ada")

    with pytest.raises(StepFailedError, match="division by zero"):
        rerun(house, newest(house).id, lambda _: None, author="person:ada")


def test_a_repetition_is_repeated_as_what_it_repeats(tmp_path):
    done, _ = again(tmp_path / "lab", "7")
    house = open_house(read_settings((tmp_path / "lab").resolve(), {}))

    once_more = rerun(house, done.run, lambda _: None, author="person:ada")

    assert (once_more.original, once_more.largest, once_more.steps) == (done.run, 0.0, ())
    assert [step.name for step in newest(house).steps] == ["first", "second"]


def test_a_run_of_one_step_alone_is_repeated_up_to_that_step(tmp_path):
    folder = laid(tmp_path / "lab", BODY.format(drawn="7"))
    ran(folder, "whole")
    ran(folder, "then", only="first")
    house = open_house(read_settings(folder.resolve(), {}))

    rerun(house, "then", lambda _: None, author="person:ada")

    assert [step.name for step in newest(house).steps] == ["first"]


def test_a_run_that_ended_before_its_data_were_there_says_that_there_is_nothing_to_repeat(tmp_path):
    folder = laid(tmp_path / "lab", BODY.format(drawn="7"))
    with pytest.raises(KaizenError, match=r"none\.csv"):
        ran(folder, "then", pipeline="training")
    house = open_house(read_settings(folder.resolve(), {}))

    with pytest.raises(StateError, match="ended before its data were loaded"):
        rerun(house, "then", lambda _: None, author="person:ada")


FORKS = """
import os, signal
from pathlib import Path
from kaizenml.loop.alive import alive
from kaizenml.loop.wiring import open_house, read_settings

with alive(open_house(read_settings(Path("."))), "mine"):
    if child := os.fork():
        print(child, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()
"""


def test_only_the_process_itself_keeps_a_run_alive_and_not_its_children(tmp_path):
    done = subprocess.Popen([sys.executable, "-c", FORKS], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    child = int(done.stdout.readline())
    try:
        done.wait(30)
        house = open_house(read_settings(tmp_path))
        mine = house.settings.home / "alive" / "mine"
        assert mine.exists()

        def is_forgotten():
            end_lost(house)
            return not mine.exists()

        soon(is_forgotten)  # at first the child may be in the midst of being made, and still have the lock
    finally:
        os.kill(child, signal.SIGKILL)
        done.stdout.close()


def test_a_run_that_goes_on_is_left_alone(tmp_path):
    house = open_house(read_settings(tmp_path))

    with alive(house, "mine"):
        assert end_lost(house) == []
        assert (house.settings.home / "alive" / "mine").exists()

    assert list((house.settings.home / "alive").iterdir()) == []


TYPED = "import kaizenml as kz\nwith kz.run('typed', system=False) as run:\n    run.log(x=1)\n"


def test_what_was_typed_or_ran_elsewhere_is_not_executed(tmp_path):
    subprocess.run([sys.executable, "-"], input=TYPED, cwd=tmp_path, check=True, text=True, timeout=60)
    house = open_house(read_settings(tmp_path))
    with house.records.writing() as books:
        typed = books.runs.newest(limit=1)[0]
        books.runs.save(replace(typed, id="told", name="", kind=RunKind.MLFLOW, command=None))

    for name in ("typed", "told"):
        with pytest.raises(StateError, match="there is nothing to execute"):
            rerun(house, name, lambda _: None, author="person:ada")
