"""A process is running, stopped or over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from kaizenml.core.process import is_over, is_running, is_stopped, nobody_left_behind


def wait_for(claim):
    until = time.monotonic() + 30
    while not claim():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_process_is_running_until_it_is_stopped_or_over():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        assert is_running(process.pid)

        os.kill(process.pid, signal.SIGSTOP)
        wait_for(lambda: is_stopped(process.pid))
        assert not is_running(process.pid)

        os.kill(process.pid, signal.SIGCONT)
        wait_for(lambda: is_running(process.pid))

        assert not is_over(process.pid)
        process.kill()
        wait_for(lambda: not is_running(process.pid))
        assert is_over(process.pid)  # nobody has asked after it yet
    assert not is_running(process.pid)
    assert not is_stopped(process.pid)


def sleeper():
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def interrupted(started):
    """Start a process in a block that is interrupted then."""
    with nobody_left_behind():
        time.sleep(0.05)  # processes are told apart by when they began, in hundredths of a second
        started.append(sleeper())
        raise KeyboardInterrupt


def test_an_interruption_ends_what_was_started_in_the_block_and_nothing_else():
    started = [sleeper()]
    try:
        time.sleep(0.05)
        with pytest.raises(KeyboardInterrupt):
            interrupted(started)
        before, within = started
        assert within.wait(10) == -signal.SIGKILL
        assert before.poll() is None
    finally:
        for each in started:
            each.kill()
            each.wait()
