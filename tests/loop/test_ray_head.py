"""A run whose Ray cluster goes away altogether ends, and says so."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess

import pytest
from interrupted_runs import forever, recorded
from loop_processes import KAIZEN, call, soon
from ray_clusters import one_node

if importlib.util.find_spec("ray") is None:
    pytest.skip("Ray is not installed.", allow_module_level=True)

pytestmark = [
    # Ray leaves the log files of the nodes that it starts, and its own sockets, to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed file <_io.*/ray/session_:ResourceWarning"),
]


@pytest.fixture
def head():
    with one_node() as started:
        yield started


def test_a_run_whose_cluster_has_gone_fails_with_the_reason_and_goes_on_elsewhere(tmp_path, head):
    folder = forever(tmp_path / "lab")
    words = ("run", "--project", str(folder), "--pipeline", "all", "--on", f"ray://{head.address}")
    with (tmp_path / "said").open("w") as said:
        run = subprocess.Popen([*KAIZEN, *words], stdout=said, stderr=said, env=os.environ.copy())
    try:
        soon((folder / "pids").exists, within=120)
        os.kill(head.head_node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
        assert run.wait(90) == 3
    finally:
        run.kill()
        run.wait()
        os.kill(int((folder / "pids").read_text().split()[1]), signal.SIGKILL)  # the child of a worker that is gone

    assert "as by Ray when its cluster has gone" in (tmp_path / "said").read_text()
    ended = recorded(folder)
    assert ended["state"] == "failed"
    (folder / "go").touch()
    again = call("run", "--project", folder, "--resume", ended["id"], "--on", "local", "--json")
    assert again.returncode == 0, again.stderr
    assert [step["state"] for step in json.loads(again.stdout)["steps"]] == ["cached", "done"]
