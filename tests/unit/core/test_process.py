"""A process is running, stopped or over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from kaizenml.core import process
from kaizenml.core.process import children_of, family_of, is_over, is_running, is_stopped, nobody_left_behind


def wait_for(claim):
    until = time.monotonic() + 30
    while not claim():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_process_is_running_until_it_is_stopped_or_over():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        assert is_running(child.pid)

        os.kill(child.pid, signal.SIGSTOP)
        wait_for(lambda: is_stopped(child.pid))
        assert not is_running(child.pid)

        os.kill(child.pid, signal.SIGCONT)
        wait_for(lambda: is_running(child.pid))

        assert not is_over(child.pid)
        child.kill()
        wait_for(lambda: not is_running(child.pid))
        assert is_over(child.pid)  # nobody has asked after it yet
    assert not is_running(child.pid)
    assert not is_stopped(child.pid)


def sleeper():
    return subprocess.Popen(["sleep", "60"])


def interrupted(started):
    """Start a process in a block that is interrupted then."""
    with nobody_left_behind():
        started.append(sleeper())
        raise KeyboardInterrupt


@pytest.mark.parametrize("is_listed", [True, False], ids=["a kernel that lists children", "one that does not"])
@pytest.mark.parametrize("times", range(5))
def test_an_interruption_ends_what_was_started_in_the_block_and_nothing_else(monkeypatch, is_listed, times):
    if not is_listed:
        monkeypatch.setattr(process, "_lists_children", lambda: False)
    started = [sleeper()]  # just before the block, in the same hundredth of a second: the machine tells no more
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted(started)
        before, within = started
        assert within.wait(10) == -signal.SIGKILL
        assert before.poll() is None
    finally:
        for each in started:
            each.kill()
            each.wait()


@pytest.mark.parametrize("is_listed", [True, False], ids=["a kernel that lists children", "one that does not"])
def test_a_family_is_a_process_and_all_that_came_of_it(monkeypatch, is_listed):
    if not is_listed:
        monkeypatch.setattr(process, "_lists_children", lambda: False)
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as shell:
        child = int(shell.stdout.readline())
        assert set(family_of(shell.pid)) == {shell.pid, child}
        assert children_of(shell.pid) == {child}
        assert shell.pid in children_of(os.getpid())
        os.kill(child, signal.SIGKILL)
    assert children_of(shell.pid) == set()
