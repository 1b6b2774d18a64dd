"""A run in a process of its own whose step takes forever, interrupted as a person would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

from loop_processes import KAIZEN, call, environment
from step_projects import laid

from kaizenml.core.process import is_running, left_by

_SIGNALS = {"ctrl-c": signal.SIGINT, "kill -9": signal.SIGKILL}


def forever(folder):
    """Write a project whose second step starts a child and waits until there is a file `go`."""
    return laid(folder, f"""
        import subprocess

        @project.step
        def first():
            return 1

        @project.step
        def slow(first):
            if os.path.exists({str(folder / "go")!r}):
                return first + 1
            child = subprocess.Popen(["sleep", "300"])
            open({str(folder / "pids.part")!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
            os.rename({str(folder / "pids.part")!r}, {str(folder / "pids")!r})
            print("working on it", flush=True)
            time.sleep(300)

        project.pipeline("all", slow)
    """)  # fmt: skip


def interrupted(folder, runner, how):
    """Interrupt the run by Ctrl-C, `kaizen cancel` or `kill -9`; return how it is recorded, and what it said."""
    said = (folder / "said").open("w")
    words = ("run", "--project", folder, "--pipeline", "all", "--on", runner)
    run = subprocess.Popen([*KAIZEN, *map(str, words)], stdout=said, stderr=said, env=environment(None),
                           process_group=0)  # fmt: skip
    try:
        until = time.monotonic() + 120
        while not ((folder / "pids").exists() and "working on it" in (folder / "said").read_text()):
            assert run.poll() is None, (folder / "said").read_text()
            assert time.monotonic() < until, (folder / "said").read_text()
            time.sleep(0.05)
        started = [run.pid, *(pid for pid, _ in left_by(run.pid))]
        (folder / "pids").write_text(" ".join([(folder / "pids").read_text(), *map(str, started)]))
        if how in _SIGNALS:
            os.killpg(run.pid, _SIGNALS[how])
        else:
            done = call("cancel", recorded(folder)["id"], "--project", folder)
            assert done.returncode == 0, done.stderr
        run.wait(60)
        return recorded(folder), (folder / "said").read_text()
    finally:
        run.kill()
        run.wait()
        said.close()


def recorded(folder):
    found = json.loads(call("runs", "--project", folder, "--json").stdout)
    return (found["runs"] if isinstance(found, dict) else found)[0]


def left_running(folder):
    """Return the processes of the step and of the run that still are there after a while in which they should end."""
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    until = time.monotonic() + 60
    while any(map(is_running, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    return [pid for pid in pids if is_running(pid)]
