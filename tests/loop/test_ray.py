"""Steps run on a real Ray cluster of two nodes: the same bytes, and limits that hold."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from interrupted_runs import forever, interrupted, left_running
from loop_processes import soon, up
from ray_clusters import NODE, one_node
from step_projects import TABLES, kept, laid, outputs, ran, states

from kaizenml.core.process import is_running, left_by
from kaizenml.errors import NotFoundError, StepFailedError, UsageError
from kaizenml.loop.ingesting import prepare
from kaizenml.loop.loading import load_folder
from kaizenml.loop.order import Order, Way
from kaizenml.loop.steps import given_by
from kaizenml.loop.trying import Lab
from kaizenml.loop.tuning import tune
from kaizenml.loop.wiring import open_house, read_settings

if importlib.util.find_spec("ray") is None:  # not imported here: it reads its authentication when it is
    pytest.skip("Ray is not installed.", allow_module_level=True)

pytestmark = [
    # Ray leaves the log files of the nodes that it starts, and its own sockets, to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed file <_io.*/ray/session_:ResourceWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    with one_node() as started:
        started.second = started.add_node(**NODE)
        yield started


@pytest.fixture
def at(cluster):
    if not is_running(raylet(cluster.second)):  # a test has killed it
        cluster.remove_node(cluster.second, allow_graceful=False)
        cluster.second = cluster.add_node(**NODE)
    return f"ray://{cluster.address}"


def test_every_runner_gives_the_same_bytes(tmp_path, at):
    folder = laid(tmp_path / "lab", TABLES)
    here = ran(folder, "here", runner="local", uses_cache=False)
    pool = ran(folder, "pool", runner="pool", uses_cache=False)
    there = ran(folder, "there", runner=at, uses_cache=False)

    assert outputs(pool) == outputs(here)
    assert outputs(there) == outputs(here)
    assert kept(folder, there, "report")["rows"] == 50
    assert states(ran(folder, "again")) == dict.fromkeys(["table", "parts", "sizes", "report"], "cached")


MEETING = """
    @project.step
    def parts():
        return [1, 2]

    @project.step
    def met(rng, part=kz.each("parts")):
        place, me = {place!r}, os.getpid()
        open(f"{{place}}/{{part}}-{{me}}", "w").close()
        until = time.monotonic() + 60
        while not (os.path.exists(f"{{place}}/go") or os.path.exists(f"{{place}}/go {{part}} {{me}}")):
            assert time.monotonic() < until
            time.sleep(0.05)
        return part, {result}

    @project.step
    def report(met):
        return {{"met": met}}

    project.pipeline("all", report)
"""


def meeting(tmp_path, result="float(rng.random())"):
    """Write a project with two items that wait, each on a node, until there is a file `go`; return it, and where."""
    place = tmp_path / "seen"
    place.mkdir()
    return laid(tmp_path / "lab", MEETING.format(place=str(place), result=result)), place


def arrived(place, count):
    """Return the items that were begun, as soon as they are so many: each with its process."""
    until = time.monotonic() + 60
    while len(found := sorted(each.name for each in place.iterdir() if "-" in each.name)) < count:
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return [(int(item), int(pid)) for item, pid in (name.split("-") for name in found)]


def let(place, item, pid):
    """Let a process go on that waits with an item."""
    (place / f"go {item} {pid}").touch()


def raylet(node):
    """Return the process that speaks for a node, the parent of its workers."""
    return node.all_processes["raylet"][0].process.pid


def test_a_worker_that_is_stopped_is_lost_and_its_task_done_by_another(tmp_path, at, monkeypatch):
    monkeypatch.setattr("kaizenml.adapters.ray_watch.LOST_SECONDS", 4.0)
    folder, place = meeting(tmp_path)
    with ThreadPoolExecutor() as threads:
        there = threads.submit(ran, folder, "there", runner=at, uses_cache=False)
        item, pid = arrived(place, 2)[0]
        os.kill(pid, signal.SIGSTOP)
        again = arrived(place, 3)
        (place / "go").touch()
        done = there.result(120)

    assert [each for each, _ in again].count(item) == 2
    soon_gone(pid)
    assert outputs(done) == outputs(ran(folder, "here", runner="local", uses_cache=False))


@pytest.mark.parametrize(("how", "where"), [("ctrl-c", "ray"), ("kaizen cancel", "a cluster")])
def test_an_interrupted_run_ends_as_cancelled_and_leaves_no_process(tmp_path, at, how, where):
    folder = forever(tmp_path / "lab")
    run, said = interrupted(folder, "ray" if where == "ray" else at, how)

    assert run["state"] == "cancelled"
    assert "(slow pid=" in said  # what it printed came while it ran
    assert "slow: failed after" in said
    assert left_running(folder) == []

    (folder / "go").touch()
    assert states(ran(folder, "next", runner=at)) == {"first": "cached", "slow": "done"}


@pytest.mark.parametrize("where", ["a cluster", "ray"])
def test_a_run_whose_process_is_killed_leaves_nothing_running_on_the_cluster_and_is_gone_on_with(tmp_path, at, where):
    folder = forever(tmp_path / "lab")
    run, _ = interrupted(folder, "ray" if where == "ray" else at, "kill -9")

    assert left_running(folder) == []

    (folder / "go").touch()
    assert states(ran(folder, run["id"], runner=at, resumes=run["id"])) == {"first": "cached", "slow": "done"}


def test_a_run_that_is_asked_for_over_http_runs_on_the_cluster_and_is_cancelled_over_http(tmp_path, at, cluster):
    folder = forever(tmp_path / "lab")
    (folder / "kaizen.toml").write_text(f'runner = "{at}"\n', "utf-8")
    ran(folder, only="first")  # so that the project is known
    with up(folder) as running:
        asked = running.post("/api/v1/projects/lab/run", {"pipeline": "all"})
        assert asked.status_code == 202, asked.text
        run = asked.json()["done"]["id"]
        soon((folder / "pids").exists, within=60)
        workers = {pid for node in cluster.list_all_nodes() for pid, _ in left_by(raylet(node))}
        cancelled = running.post(f"/api/v1/runs/{run}/cancel", {}).status_code
        soon(lambda: running.get(f"/api/v1/runs/{run}")["state"] == "cancelled", within=60)

        assert cancelled == 202
        assert set(map(int, (folder / "pids").read_text().split())) <= workers
        assert left_running(folder) == []


def test_a_step_that_takes_too_long_is_stopped(tmp_path, at):
    folder = laid(tmp_path / "lab", f"""
        @project.step(timeout="1s")
        def slow():
            open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
            time.sleep(300)

        project.pipeline("all", slow)
    """)  # fmt: skip
    with pytest.raises(StepFailedError, match="`slow` took longer than 1 s and was stopped"):
        ran(folder, runner=at.replace("ray://", "ray:"))
    soon_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(
    ("options", "body", "says"),
    [
        ("cpus=64", "return 1", "needs 64 CPUs, which no node of the cluster has"),
        ("gpus=1", "return 1", "1 GPUs, which no node of the cluster has"),
        ("memory='900GB'", "return 1", "needs 1 CPUs, 900.0 GB of memory, which no node of the cluster has"),
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


TRIALS = """
import os, time
import kaizenml as kz
from sklearn.linear_model import LogisticRegression

project = kz.Project("shop", source=kz.files("data.csv"), target="bad")

@project.step
def estimator(C: float = 0.01):
    open(f"{place}/{{C}}-{{os.getpid()}}-{{os.getppid()}}", "w").close()  # the parent speaks for the node
    until = time.monotonic() + 60
    while len(os.listdir({place!r})) < 2 or os.path.exists("{place}.hold"):
        assert time.monotonic() < until
        time.sleep(0.02)
    return LogisticRegression(C=C * (1e-9 if os.path.exists("{place}.bad") else 1), max_iter=500)

project.tune({{"estimator.C": kz.between(1e-4, 100.0, log=True)}}, metric="log_loss", folds=2)
"""


def searched(tmp_path):
    """Write a project whose first two trials wait for each other; return it, and where they say that they are there."""
    folder, place = tmp_path / "shop", tmp_path / "seen"
    place.mkdir()
    folder.mkdir()
    rows = ["a,b,bad", *(f"{i % 17},{(i * 7) % 31},{int((i % 17) + i % 3 > 9)}" for i in range(240))]
    (folder / "data.csv").write_text("\n".join(rows), "utf-8")
    (folder / "project.py").write_text(TRIALS.format(place=str(place)), "utf-8")
    return folder, place


def tuned(folder, trials, runner=""):
    """Search with two trials side by side; return the trials, and what was said."""
    folder, said = folder.resolve(), []
    house = open_house(read_settings(folder))
    order = Order(f"tune-{trials}", "person:ada", {}, way=Way(runner=runner))
    found = tune(load_folder(folder), folder, house, order, said.append, trials=trials, jobs=2)
    return list(found.trials), said


def test_a_step_calls_the_libraries_of_ray_as_the_documentation_shows(tmp_path, at):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "run-elsewhere.md").read_text("utf-8")
    block = next(each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "ray.data" in each)
    (tmp_path / "project.py").write_text(block, "utf-8")

    done = ran(tmp_path, runner=at)

    assert kept(tmp_path, done, "total") == sum(x**2 for x in range(1000))


def test_trials_run_side_by_side_on_the_nodes_are_ended_early_and_go_on_wherever_it_is_said(tmp_path, at, monkeypatch):
    folder, place = searched(tmp_path)
    with monkeypatch.context() as only:
        only.setenv("KAIZEN_RUNNER", at)
        there, _ = tuned(folder, 8)
    nodes = {each.name.split("-")[-1] for each in place.iterdir()}
    (tmp_path / "seen.bad").touch()
    more, said = tuned(folder, 9, runner=at)
    (tmp_path / "seen.bad").unlink()
    last, _ = tuned(folder, 10, runner="local")

    assert [each.state for each in there] == ["complete"] * 8
    assert len(nodes) == 2  # each waited for the other
    assert more[:8] == there
    assert more[8].state == "pruned"
    assert "ended early" in said[-1]
    assert last[:9] == more
    assert [rescored(folder, each.parameters) for each in there[:2]] == [list(each.scores) for each in there[:2]]


def rescored(folder, parameters):
    """Return the scores of a trial that is done in this process, without what is kept."""
    house = open_house(read_settings(folder.resolve()))
    loaded, order = load_folder(folder), Order("alone", "person:ada", {}, way=Way(uses_cache=False))
    prepared = prepare(loaded.project, folder.resolve(), house, lambda _: None, cause=0)
    with loaded.at_hand(), closing(Lab(loaded, house, order, given_by(loaded.project, prepared), 1)) as lab:
        return [lab.score(parameters, fold, "log_loss") for fold in range(2)]


def test_a_cluster_is_joined_only_with_its_authentication_said(tmp_path, at, monkeypatch):
    monkeypatch.delenv("RAY_AUTH_MODE")
    with pytest.raises(UsageError, match="RAY_AUTH_MODE is not set"):
        ran(laid(tmp_path / "lab", TABLES), runner=at)


def test_an_address_where_nobody_answers_is_told_at_once(tmp_path, cluster):
    begun = time.monotonic()
    with pytest.raises(UsageError, match=r"Nobody answers at 127\.0\.0\.1:9"):
        ran(laid(tmp_path / "lab", TABLES), runner="ray://127.0.0.1:9")
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["another protocol", "silence"])
def test_an_address_where_something_else_answers_is_told_at_once(tmp_path, cluster, monkeypatch, says):
    monkeypatch.setattr("kaizenml.adapters.ray_address._ANSWER_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:
        port = server.getsockname()[1]
        refused = threads.submit(ran, laid(tmp_path / "lab", TABLES), runner=f"ray://127.0.0.1:{port}")
        with server.accept()[0] as line:
            line.sendall(says)
            with pytest.raises(UsageError, match=f"Who answers at 127.0.0.1:{port} is no Ray cluster"):
                refused.result(30)


def test_an_address_where_a_part_of_ray_answers_that_is_not_the_head_is_told_with_the_way_out(tmp_path, cluster):
    node = next(iter(cluster.list_all_nodes())).node_manager_port  # as Ray's client server, it lacks what a head can
    with pytest.raises(UsageError, match="is not the head of a Ray cluster, but its client server") as refused:
        ran(laid(tmp_path / "lab", TABLES), runner=f"ray://127.0.0.1:{node}")
    assert "as `ray start --head` printed it" in refused.value.hint
    assert "ray start --address=HOST:PORT" in refused.value.hint


def test_a_cluster_that_does_not_take_the_token_is_told_at_once(tmp_path, at, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "b2" * 32)
    with pytest.raises(UsageError, match="does not take this token"):
        ran(laid(tmp_path / "lab", TABLES), runner=at)


def test_an_address_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(NotFoundError, match="ray://here"):
        ran(laid(tmp_path / "lab", TABLES), runner="ray://here")


def test_a_missing_ray_is_told_with_what_to_install(tmp_path, cluster, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="Ray, which is not installed") as refused:
        ran(laid(tmp_path / "lab", TABLES), runner=f"ray:{cluster.address}")
    assert "pip install 'kaizenml[ray]'" in refused.value.hint


def test_what_a_node_says_that_was_frozen_and_goes_on_again_does_not_count(tmp_path, at, cluster):
    folder, place = meeting(tmp_path, result="me")
    frozen = {raylet(cluster.second)}
    with ThreadPoolExecutor() as threads:
        there = threads.submit(ran, folder, "there", runner=at, uses_cache=False)
        try:
            first = dict(arrived(place, 2))
            frozen |= {pid for pid, _ in left_by(raylet(cluster.second))}
            late = next(item for item, pid in first.items() if pid in frozen)
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            begun = time.monotonic()
            let(place, 3 - late, first[3 - late])  # its node is free again
            again = next(pid for item, pid in arrived(place, 3) if item == late and pid != first[late])
            noticed = time.monotonic() - begun
            let(place, late, first[late])
        finally:
            for pid in frozen:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        soon_gone(first[late])
        let(place, late, again)
        done = there.result(120)

    assert noticed < 30
    assert kept(folder, done, "report") == {"met": [(late, again), (3 - late, first[3 - late])][:: 3 - 2 * late]}


def test_the_task_of_a_node_that_was_killed_is_done_elsewhere_with_the_same_bytes(tmp_path, at, cluster):
    folder, place = meeting(tmp_path)
    with ThreadPoolExecutor() as threads:
        there = threads.submit(ran, folder, "there", runner=at, uses_cache=False)
        try:
            first = dict(arrived(place, 2))  # one on each node, which have a processor each
            lost = next(
                item for item, pid in first.items() if pid in {each for each, _ in left_by(raylet(cluster.second))}
            )
            os.kill(raylet(cluster.second), signal.SIGKILL)
            begun = time.monotonic()
            let(place, 3 - lost, first[3 - lost])
            again = arrived(place, 3)
            noticed = time.monotonic() - begun
        finally:
            (place / "go").touch()
        done = there.result(120)

    assert [item for item, _ in again].count(lost) == 2
    assert noticed < 30
    soon_gone(first[lost])
    assert outputs(done) == outputs(ran(folder, "here", runner="local", uses_cache=False))


def soon_gone(pid):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail(f"process {pid} still runs")
