"""However a run ends, its record says so: killed, cancelled, interrupted; and it can be gone on with."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from step_projects import laid

BODY = """
@project.step(cache=False)
def first():
    with open("first.ran", "a") as file:
        file.write("x")
    return 1

@project.step
def second(first, how="ok"):
    print("in second", flush=True)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "left":
        os._exit(7)
    if how == "ended":
        sys.exit()
    if how == "gone":
        os._exit(0)
    if how == "slow":
        time.sleep(120)
    if how == "deaf":
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                time.sleep(1)
            except KeyboardInterrupt:
                pass
    if how == "loud":
        sys.stdout.write("x" * 40_000_000)
    return first + 1

project.pipeline("all", second)
"""


def kaizen(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "kaizenml", *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@contextmanager
def begun(folder, *words):
    """Start a run, wait until its second step runs, and give its process and its name."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kaizenml", "run", "--pipeline", "all", *words], cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with process.stdout:
        assert any("in second" in line for line in process.stdout)
        jobs = json.loads(kaizen(folder, "jobs", "--json").stdout)["jobs"]
        yield process, next(job["id"] for job in jobs if job["state"] == "leased")
    process.kill()
    process.wait()


def record(folder):
    return json.loads(kaizen(folder, "runs", "--json").stdout)["runs"][0]


@pytest.fixture
def folder(tmp_path):
    return laid(tmp_path / "lab", BODY)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("killed", "killed by SIGKILL, as a machine does that runs out of memory"),
        ("left", "ended with exit code 7 by a library"),
    ],
)
def test_a_run_whose_process_is_gone_fails_with_the_reason_and_can_be_gone_on_with(folder, how, says):
    done = kaizen(folder, "run", "--pipeline", "all", "--set", f"second.how={how}")

    assert done.returncode == 3
    assert says in done.stderr
    run = record(folder)
    assert run["state"] == "failed"
    assert says in run["error"]
    again = kaizen(folder, "run", "--resume", run["id"], "--set", "second.how=ok", "--json")
    assert again.returncode == 0, again.stderr
    assert [step["state"] for step in json.loads(again.stdout)["steps"]] == ["cached", "done"]
    assert (folder / "first.ran").read_text() == "x"


@pytest.mark.parametrize(
    ("how", "on", "said"),
    [
        ("ended", "local", "The step `second` (line 21) raised SystemExit\n"),
        ("ended", "pool", "The step `second` (line 21) raised SystemExit\n"),
        ("gone", "local", "its process was ended with exit code 0 by a library"),
        ("gone", "pool", "The step `second` took its process down with it (exit code 0"),
    ],
    ids=["ended-local", "ended-pool", "gone-local", "gone-pool"],
)
def test_a_step_that_ends_the_program_as_if_all_were_well_fails_the_run(folder, how, on, said):
    done = kaizen(folder, "run", "--pipeline", "all", "--set", f"second.how={how}", "--on", on)

    assert (done.returncode, said in done.stderr) == (3, True), done.stderr
    run = record(folder)
    assert (run["state"], said[4:].strip() in run["error"]) == ("failed", True), run["error"]


def test_a_project_file_that_ends_the_program_is_refused(folder):
    with (folder / "project.py").open("a") as file:
        file.write("sys.exit(0)\n")

    done = kaizen(folder, "run", "--pipeline", "all")

    assert (done.returncode, "raised SystemExit" in done.stderr) == (2, True), done.stderr


def test_a_run_is_cancelled_from_elsewhere(folder):
    with begun(folder, "--set", "second.how=slow") as (process, name):
        asked = time.monotonic()

        done = kaizen(folder, "cancel", name[:-1], "--json")

        assert json.loads(done.stdout) == {"run": name, "state": "cancelled"}
        assert process.wait(30) == 130
        assert time.monotonic() - asked < 25
        run = record(folder)
        assert (run["state"], run["error"][:12]) == ("cancelled", "Cancelled by")
        assert kaizen(folder, "cancel", name).returncode == 1
        assert kaizen(folder, "cancel", "nobody").returncode == 2


def test_a_run_whose_command_was_killed_ends_when_it_is_cancelled(folder):
    with begun(folder, "--set", "second.how=slow") as (process, name):
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert record(folder)["state"] == "running"

        done = kaizen(folder, "cancel", name)

        assert done.returncode == 0, done.stderr
        run = record(folder)
        assert (run["state"], run["error"][:12]) == ("cancelled", "Cancelled by")


def test_a_run_whose_command_was_killed_is_over_once_another_goes_on_with_it(folder):
    with begun(folder, "--set", "second.how=slow") as (process, name):
        early = kaizen(folder, "run", "--resume", name)
        process.send_signal(signal.SIGKILL)
        process.wait(30)

        done = kaizen(folder, "run", "--resume", name[:-1], "--set", "second.how=ok", "--json")

        assert (early.returncode, f"{name} is under way." in early.stderr) == (1, True), early.stderr
        assert [step["state"] for step in json.loads(done.stdout)["steps"]] == ["cached", "done"], done.stderr
        runs = json.loads(kaizen(folder, "runs", "--json").stdout)["runs"]
        assert [(run["state"], run["error"]) for run in runs] == [("finished", ""), ("failed", "Its process died.")]
        jobs = json.loads(kaizen(folder, "jobs", "--json").stdout)["jobs"]
        assert {job["state"] for job in jobs} == {"done", "failed"}


def test_a_step_that_does_not_listen_is_ended_with_its_process(folder):
    with begun(folder, "--set", "second.how=deaf") as (process, name):
        kaizen(folder, "cancel", name)

        assert process.wait(40) == 130
        assert record(folder)["state"] == "cancelled"


def test_ctrl_c_ends_a_run_as_cancelled(folder):
    with begun(folder, "--set", "second.how=slow") as (process, _):
        subprocess.run(["pkill", "-INT", "-P", str(process.pid)], check=False)

        assert process.wait(30) == 130
        assert record(folder)["state"] == "cancelled"
        job = json.loads(kaizen(folder, "jobs", "--json").stdout)["jobs"][0]
        assert (job["state"], job["error"][:12]) == ("cancelled", "Cancelled by")


def test_killing_the_command_kills_the_work(folder):
    with begun(folder, "--set", "second.how=slow") as (process, _):
        children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False).stdout
        assert children.split()

        process.send_signal(signal.SIGKILL)
        process.wait(10)
        until = time.monotonic() + 10
        while time.monotonic() < until and any(_is_alive(pid) for pid in children.split()):
            time.sleep(0.1)

        assert not any(_is_alive(pid) for pid in children.split())


def test_a_step_that_prints_without_end_fills_nothing(folder):
    done = kaizen(folder, "run", "--pipeline", "all", "--set", "second.how=loud", "--json")

    assert done.returncode == 0, done.stderr[-500:]
    kept = sum(path.stat().st_size for path in (folder / ".kaizen").rglob("*") if path.is_file())
    assert kept < 10_000_000


def _is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as handle:
            return handle.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_full_disk_fails_the_run_with_its_reason_and_leaves_the_store_whole(tmp_path):
    folder = laid(tmp_path / "full", """
        @project.step
        def first():
            return b"x" * 8_000_000

        @project.step
        def second(first):
            return len(first)

        project.pipeline("all", second)
    """)  # fmt: skip
    most = 3_000_000  # what a file may hold here: as on a disk with no more room
    done = subprocess.run(
        [sys.executable, "-m", "kaizenml", "run", "--pipeline", "all", "--json"], cwd=folder, capture_output=True,
        text=True, check=False, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )  # fmt: skip

    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert (error["message"], "disk" in error["hint"]) == (
        "Keeping the result of a step failed: File too large.", True,
    )  # fmt: skip
    assert (record(folder)["state"], record(folder)["error"]) == ("failed", error["message"])
    assert json.loads(kaizen(folder, "verify", "--json").stdout)["is_intact"] is True
    assert kaizen(folder, "run", "--pipeline", "all").returncode == 0
