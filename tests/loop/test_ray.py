"""Steps run on a real Ray cluster of two nodes: the same bytes, and limits that hold."""

from __future__ import annotations

import importlib.util
import os
import sys
import time

import pytest
from step_projects import kept, laid, ran, states

from kaizenml.errors import NotFoundError, StepFailedError, UsageError

if importlib.util.find_spec("ray") is None:  # not imported here: it reads its authentication when it is
    pytest.skip("Ray is not installed.", allow_module_level=True)

pytestmark = [
    pytest.mark.xdist_group("ray"),
    # Ray leaves sockets and log files of its own to the garbage collector, and says what it will change one day.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
]

TABLES = """
    import polars as pl

    @project.step
    def table(seed):
        return pl.DataFrame({"a": range(50), "b": [f"x{i % 7}" for i in range(50)]})

    @project.step
    def parts(table):
        return [table.filter(pl.col("b") == f"x{i}") for i in range(7)]

    @project.step
    def sizes(rng, part=kz.each("parts")):
        return len(part), float(rng.random())

    @project.step
    def report(sizes, table):
        return {"sizes": sizes, "set": {"a", "b"}, "rows": len(table)}

    project.pipeline("all", report)
"""


@pytest.fixture(scope="module")
def cluster():
    before = dict(os.environ)
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a1" * 32, "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # a cluster of the loopback alone
    os.environ.pop("RAY_AUTH_TOKEN_PATH", None)
    from ray.cluster_utils import Cluster

    nodes = {"node_ip_address": "127.0.0.1", "include_dashboard": False}
    started = Cluster(initialize_head=True, head_node_args={**nodes, "num_cpus": 1})
    try:
        started.second = started.add_node(**nodes, num_cpus=1)
        yield started
    finally:
        started.shutdown()
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def at(cluster):
    return f"ray://{cluster.address}"


def test_every_runner_gives_the_same_bytes(tmp_path, at):
    folder = laid(tmp_path / "lab", TABLES)
    here = ran(folder, "here", runner="local", uses_cache=False)
    pool = ran(folder, "pool", runner="pool", uses_cache=False)
    there = ran(folder, "there", runner=at, uses_cache=False)

    outputs = [step.output for step in here.steps]
    assert [step.output for step in pool.steps] == outputs
    assert [step.output for step in there.steps] == outputs
    assert kept(folder, there, "report")["rows"] == 50
    assert states(ran(folder, "again")) == dict.fromkeys(["table", "parts", "sizes", "report"], "cached")


def test_a_step_that_takes_too_long_is_stopped(tmp_path, at):
    folder = laid(tmp_path / "lab", f"""
        @project.step(timeout="1s")
        def slow():
            open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
            time.sleep(300)

        project.pipeline("all", slow)
    """)  # fmt: skip
    with pytest.raises(StepFailedError, match="`slow` took longer than 1 s and was stopped"):
        ran(folder, runner=at)
    soon_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(
    ("options", "body", "says"),
    [
        ("cpus=64", "return 1", "needs 64 CPUs, which no node of the cluster has"),
        ("gpus=1", "return 1", "1 GPUs, which no node of the cluster has"),
        ("", "raise ValueError('no such price')", "raised ValueError: no such price"),
        ("", "os._exit(7)", "lost its worker 3 times"),
    ],
)
def test_a_step_that_cannot_be_done_fails_with_the_reason(tmp_path, at, options, body, says):
    folder = laid(tmp_path / "lab", f"""
        @project.step({options})
        def bad():
            {body}

        project.pipeline("all", bad)
    """)  # fmt: skip
    with pytest.raises(StepFailedError, match=says):
        ran(folder, runner=at)


def test_a_cluster_is_joined_only_with_its_authentication_said(tmp_path, at, monkeypatch):
    monkeypatch.delenv("RAY_AUTH_MODE")
    with pytest.raises(UsageError, match="RAY_AUTH_MODE is not set"):
        ran(laid(tmp_path / "lab", TABLES), runner=at)


def test_an_address_where_nobody_answers_is_told_at_once(tmp_path, cluster):
    begun = time.monotonic()
    with pytest.raises(UsageError, match=r"Nobody answers at 127\.0\.0\.1:9"):
        ran(laid(tmp_path / "lab", TABLES), runner="ray://127.0.0.1:9")
    assert time.monotonic() - begun < 10


def test_an_address_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(NotFoundError, match="ray://here"):
        ran(laid(tmp_path / "lab", TABLES), runner="ray://here")


def test_a_missing_ray_is_told_with_what_to_install(tmp_path, cluster, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="Ray, which is not installed") as refused:
        ran(laid(tmp_path / "lab", TABLES), runner=f"ray:{cluster.address}")
    assert "pip install 'kaizenml[ray]'" in refused.value.hint


def soon_gone(pid):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail(f"process {pid} still runs")
