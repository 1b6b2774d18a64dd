"""Runs asked for over HTTP: with parameters and a way, cancelled, and searches for better parameters."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import httpx
import pytest
from loop_processes import free_ports
from step_projects import laid

BODY = """
@project.step
def first(times=1):
    return 2 * times

@project.step
def second(first, how="ok"):
    print("in second", flush=True)
    if how == "slow":
        time.sleep(120)
    return first + 1

project.pipeline("all", second)
"""


@pytest.fixture
def home(tmp_path):
    """Start `kaizen up` over a small project, and give a client of its control plane."""
    folder = laid(tmp_path / "lab", BODY)
    port, other = free_ports(2)
    subprocess.run([sys.executable, "-m", "kaizenml", "run", "--pipeline", "all"], cwd=folder, check=True,
                   capture_output=True, timeout=120)  # fmt: skip
    with (tmp_path / "up.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "kaizenml", "up", "--port", str(port), "--predict-port", str(other)], cwd=folder,
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                until = time.monotonic() + 60
                while time.monotonic() < until:
                    try:
                        if client.get("/health/ready").status_code == 200:
                            break
                    except httpx.TransportError:
                        time.sleep(0.1)
                yield client
        finally:
            process.terminate()
            process.wait(30)


def ended(client, name, *, seconds=90):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = client.get(f"/api/v1/runs/{name}")
        if found.status_code == 200 and found.json()["state"] != "running":
            return found.json()
        time.sleep(0.2)
    raise AssertionError(f"{name} did not end")


def asked(client, path, **body):
    answer = client.post(path, json={"by": "ada", **body})
    assert answer.status_code == 202, answer.text
    return answer.json()["done"]["id"]


def test_a_run_is_asked_for_with_parameters_and_a_way_and_another_is_cancelled(home):
    name = asked(home, "/api/v1/projects/lab/run", pipeline="all", parameters={"first.times": 5})
    done = ended(home, name)

    assert done["state"] == "finished", json.dumps(done)[:500]
    assert {step["name"]: step["state"] for step in done["steps"]} == {"first": "done", "second": "done"}
    assert done["steps"][0]["why"] == ["parameter `times` changed"]

    slow = asked(home, "/api/v1/projects/lab/run", pipeline="all", parameters={"second.how": "slow"})
    until = time.monotonic() + 60
    while time.monotonic() < until and home.get(f"/api/v1/runs/{slow}").status_code != 200:
        time.sleep(0.1)
    while time.monotonic() < until and not home.get(f"/api/v1/runs/{slow}").json()["steps"]:
        time.sleep(0.1)
    so_far = home.get(f"/api/v1/runs/{slow}").json()
    assert (so_far["state"], [step["name"] for step in so_far["steps"]]) == ("running", ["first"])
    while time.monotonic() < until and "in second" not in home.get(f"/api/v1/runs/{slow}/console").text:
        time.sleep(0.1)
    assert home.post(f"/api/v1/runs/{slow}/cancel", json={"by": "ada"}).status_code == 202
    assert ended(home, slow, seconds=40)["state"] == "cancelled"
    assert "in second" in home.get(f"/api/v1/runs/{slow}/console").text
    assert home.post(f"/api/v1/runs/{slow}/cancel").status_code == 409
    assert home.post("/api/v1/runs/nobody/cancel").status_code == 404

    again = asked(home, "/api/v1/projects/lab/run", pipeline="all")
    assert ended(home, again)["state"] == "finished"


def test_a_search_is_queued(home):
    name = asked(home, "/api/v1/projects/lab/tune", trials=3)

    assert name.startswith("tune-lab-")
    assert home.post("/api/v1/projects/lab/tune", json={"trials": 0}).status_code in (400, 422)
    assert home.post("/api/v1/projects/nobody/tune").status_code == 404


def found(client, job, *, seconds=90):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = client.get(f"/api/v1/jobs/{job}/found")
        if answer.status_code == 200 or "failed" in answer.text:
            return answer.json()
        time.sleep(0.2)
    raise AssertionError(f"{job} did not end")


def test_a_run_that_failed_is_gone_on_with_and_a_harmless_change_accepted(home, tmp_path):
    laid(
        tmp_path / "lab",
        BODY.replace("return first + 1", "if how == 'bad':\n        return 1 / 0\n    return first + 1"),
    )
    bad = asked(home, "/api/v1/projects/lab/run", pipeline="all", parameters={"first.times": 7, "second.how": "bad"})
    assert ended(home, bad)["state"] == "failed"

    name = asked(home, "/api/v1/projects/lab/run", resume=bad[:-1], parameters={"second.how": "ok"})
    on = ended(home, name)
    laid(tmp_path / "lab", BODY.replace("return first + 1", "found = first + 1\n    return found"))
    job = asked(home, "/api/v1/projects/lab/steps/second/accept", because="a name for the sum")
    accepted = found(home, job)
    again = asked(home, "/api/v1/projects/lab/run", pipeline="all", parameters={"first.times": 7})

    assert (on["state"], on["parameters"]["first.times"]) == ("finished", 7), on
    assert accepted["step"] == "second"
    assert any("second" in each for each in accepted["accepted"])
    assert {step["state"] for step in ended(home, again)["steps"]} == {"cached"}
    events = home.get("/api/v1/events", params={"kind": "step.accepted"}).json()["events"]
    assert [(each["actor"], each["facts"]["because"]) for each in events] == [("person:ada", "a name for the sum")]
    misnamed = asked(home, "/api/v1/projects/lab/steps/secnd/accept", because="x")
    assert "Did you mean 'second'?" in json.dumps(found(home, misnamed))
    assert home.post("/api/v1/projects/lab/steps/second/accept", json={"by": "ada"}).status_code == 422
    assert home.post("/api/v1/projects/lab/run", json={"resume": "nobody"}).status_code == 404
    assert home.post("/api/v1/projects/nobody/steps/second/accept", json={"because": "x"}).status_code == 404
