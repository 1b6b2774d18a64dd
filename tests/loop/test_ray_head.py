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

if importlib.util.find_spec("ray") is None:
    pytest.skip("Ray is not installed.", allow_module_level=True)

pytestmark = [
    pytest.mark.xdist_group("ray"),
    # Ray leaves the log files of the nodes that it starts, and its own sockets, to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed file <_io.*/ray/session_:ResourceWarning"),
]


@pytest.fixture
def head(monkeypatch):
    for name, value in {"MODE": "token", "TOKEN": "b2" * 32}.items():
        monkeypatch.setenv(f"RAY_AUTH_{name}", value)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    from ray.cluster_utils import Cluster

    node = {"node_ip_address": "127.0.0.1", "include_dashboard": False, "num_cpus": 1}
    started = Cluster(initialize_head=True, head_node_args=node)
    yield started
    started.shutdown()


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
