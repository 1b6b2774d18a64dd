"""`kill -9` of `kaizen up`, and of a run: what was acknowledged is kept, and everything comes to its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from loop_processes import KAIZEN, Up, begin, called, environment, finish, is_alive, soon
from loop_shop import DAYS, START, champion, live, rows_of_day, write_shop

from kaizenml.adapters.tables import DeltaTables


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_shop(tmp_path_factory.mktemp("killed") / "shop")
    called("run", "--project", folder)
    called("ship", "shop/1", "--project", folder)
    return folder


@pytest.fixture
def running(folder: Path) -> Iterator[list[Up]]:
    """Those that run; each test adds what it starts again."""
    started = [begin(folder)]
    try:
        soon(lambda: started[0].is_serving("shop"))
        yield started
    finally:
        (folder / "hold").unlink(missing_ok=True)
        for each in started:
            finish(each)


def kill(one: Up) -> None:
    """Kill the parent alone, and see that its children end and its ports become free."""
    children = one.children()
    assert len(children) == 3
    os.kill(one.process.pid, signal.SIGKILL)
    one.process.wait()
    soon(lambda: not any(map(is_alive, children)))
    for port in (one.port, one.predict_port):
        socket.create_server(("127.0.0.1", port)).close()


def again(running: list[Up]) -> Up:
    """Start it again, on the same ports, and wait until the endpoint answers."""
    last = running[-1]
    running.append(begin(last.folder, ports=(last.port, last.predict_port)))
    soon(lambda: running[-1].is_serving("shop"))
    return running[-1]


def asked(rows: list[dict]) -> list[dict]:
    return [{name: cell for name, cell in row.items() if name != "late"} for row in rows]


def kept(folder: Path, table: str) -> list[str]:
    return sorted(DeltaTables(folder / ".kaizen" / "tables").read(f"{table}-shop", columns=["id"])["id"].to_list())


def is_collected(one: Up) -> bool:
    return one.get("/api/v1/loop")["is_idle"] and not list((one.folder / ".kaizen/serving/log").glob("*"))


def test_a_kill_during_a_run_loses_no_answer_no_label_and_no_run(running, folder):
    first = running[0]
    rows = rows_of_day(START + timedelta(days=DAYS))
    acknowledged, labelled = [], []
    (folder / "hold").touch()
    queued = first.post("/api/v1/projects/shop/run", {"reason": "a drill"})
    assert queued.status_code == 202, queued.text
    queued = queued.json()["done"]
    soon(lambda: [each for each in first.get("/api/v1/runs")["runs"] if each["state"] == "running"])
    for row in rows:
        answer = first.predict("shop", asked([row]), at=row["at"])
        acknowledged += [each["id"] for each in answer.json()["predictions"]]
        if first.feedback("shop", [{"id": row["parcel"], "value": row["late"], "at": row["at"]}]).status_code == 200:
            labelled.append(row["parcel"])

    kill(first)  # the last answer is a few milliseconds old
    (folder / "hold").unlink()
    second = again(running)
    ended = soon(
        lambda: [
            each
            for each in second.get("/api/v1/runs")["runs"]
            if each["id"] == queued["id"] and each["state"] != "running"
        ],
        within=90,
    )

    assert ended[0]["state"] == "finished"
    soon(lambda: [job["state"] for job in second.get("/api/v1/jobs")["jobs"] if job["id"] == queued["id"]] == ["done"])
    assert len([each for each in second.get("/api/v1/releases")["releases"] if each["run"] == queued["id"]]) == 1
    assert champion(second) == ("shop/1", "shop/1")
    assert len(acknowledged) == len(labelled) == len(rows)
    second.post("/api/v1/clock", {"to": (START + timedelta(days=DAYS + 1)).isoformat()})
    soon(lambda: is_collected(second), within=30)
    answers = kept(folder, "predictions")
    assert sorted(id_ for id_ in answers if id_ in acknowledged) == sorted(acknowledged)  # each of them, once
    assert kept(folder, "labels") == sorted(labelled)
    assert called("verify", "--project", folder)["is_intact"] is True


def test_a_kill_during_a_rollout_leaves_one_champion_and_the_rollout_goes_on(running, folder):
    first = running[0]
    called("run", "--project", folder, "--set", "estimator.strength=0.5")
    release = called("releases", "--project", folder)["releases"][0]["name"]
    called("ship", release, "--canary", "50,100", "--project", folder)
    soon(lambda: first.get("/api/v1/loop")["routes"]["is_followed"])
    for row in rows_of_day(START + timedelta(days=DAYS + 1))[:30]:
        assert first.predict("shop", asked([row]), at=row["at"]).status_code == 200

    kill(first)
    second = again(running)
    endpoint = second.endpoint("shop")
    states = [each["state"] for each in second.get("/api/v1/releases")["releases"]]

    assert (endpoint["champion"], endpoint["rollouts"][0]["state"]) == ("shop/1", "canary")
    assert states.count("live") == 1
    for day in range(DAYS + 1, DAYS + 6):
        assert set(live(second, START + timedelta(days=day))) == {200}
        if not second.endpoint("shop")["rollout"]:
            break
    assert second.endpoint("shop")["champion"] == release
    assert soon(lambda: champion(second) == (release, release))
    states = [each["state"] for each in second.get("/api/v1/releases")["releases"]]
    assert states.count("live") == 1
    assert called("verify", "--project", folder)["is_intact"] is True


def test_a_killed_run_of_a_person_leaves_nothing_half_made_and_comes_to_its_end(running, folder):
    before = called("releases", "--project", folder)["releases"]
    (folder / "hold").touch()
    process = subprocess.Popen(
        [*KAIZEN, "run", "--project", str(folder), "--set", "estimator.strength=0.3"], env=environment(None),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    lost = soon(lambda: [each for each in called("runs", "--project", folder)["runs"] if each["state"] == "running"])[0]

    process.kill()
    process.wait()
    (folder / "hold").unlink()

    assert called("releases", "--project", folder)["releases"] == before
    later = called("run", "--project", folder)
    assert later["status"] == "finished"
    ended = soon(lambda: [each for each in called("runs", "--project", folder)["runs"]
                          if each["id"] == lost["id"] and each["state"] != "running"], within=90)[0]  # fmt: skip
    assert (ended["state"], ended["parameters"]["estimator.strength"]) == ("finished", 0.3)
    numbers = [each["number"] for each in called("releases", "--project", folder)["releases"]]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_a_worker_that_dies_is_started_again_and_the_endpoint_answers_meanwhile(running):
    first = running[0]
    begun = time.monotonic()
    for child in first.children():
        os.kill(child, signal.SIGKILL)

    soon(lambda: len(first.children()) == 3, within=10)
    soon(lambda: first.is_serving("shop"), within=20)

    assert time.monotonic() - begun < 20
    assert first.get("/api/v1/endpoints")["endpoints"][0]["name"] == "shop"
