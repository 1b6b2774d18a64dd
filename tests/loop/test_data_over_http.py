"""A project's data over HTTP: snapshots compared, restored and pinned, rows in quarantine, the contract, a look."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import httpx
import pytest
from loop_processes import free_ports

CODE = """import kaizenml as kz
from sklearn.linear_model import LogisticRegression

project = kz.Project("till", source=kz.files("data/*.csv"), target="late", id="id")


@project.step
def estimator():
    return LogisticRegression()
"""
API = "/api/v1/projects/till"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("till")
    (folder / "data").mkdir()
    (folder / "project.py").write_text(CODE)
    rng = random.Random(4)
    rows = [f"{at},{rng.random():.3f},{rng.randrange(9)}" for at in range(150)]
    lines = [f"{row},{'yes' if float(row.split(',')[1]) > 0.5 else 'no'}" for row in rows]
    lines[3] = "3,0.5O,2,yes"
    lines[5] = "5,lots,2,yes"
    (folder / "data" / "t.csv").write_text("\n".join(["id,amount,visits,late", *lines]) + "\n")
    return folder


@pytest.fixture(scope="module")
def client(folder):
    """Start `kaizen up` over a project that has run once, and give a client of its control plane."""
    subprocess.run([sys.executable, "-m", "kaizenml", "run"], cwd=folder, check=True, capture_output=True, timeout=120)
    port, other = free_ports(2)
    with (folder / "up.log").open("w") as log:
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


def got(client, path, **query):
    answer = client.get(f"{API}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def done(client, path, status=200, **body):
    answer = client.post(f"{API}/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()["done"] if status < 400 else answer.json()["error"]


def test_snapshots_are_pinned_restored_and_compared(client):
    first = got(client, "snapshots")["snapshots"][-1]["name"]
    assert first == "till@1"

    assert done(client, "snapshots/pin", name="good", snapshot="1") == {"pin": "good", "snapshot": first}
    restored = done(client, "snapshots/restore", 201, snapshot="good", by="ada")
    found = got(client, "snapshots/diff", before="good")

    assert restored["snapshot"] == first
    assert (found["before"], found["after"], found["is_empty"]) == (first, restored["current"], True)
    entries = got(client, "snapshots")["snapshots"]
    assert [each["name"] for each in entries] == [restored["current"], first]
    assert entries[1]["entry"]["pins"] == ["good"]
    assert done(client, "snapshots/unpin", name="good")["snapshot"] is None
    assert done(client, "snapshots/unpin", 404, name="good")["code"] == "not_found"
    assert done(client, "snapshots/pin", 404, name="good", snapshot="99")["code"] == "not_found"
    assert client.get(f"{API}/snapshots/diff").status_code in (400, 422)


def test_rows_in_quarantine_are_repaired_and_dropped(client):
    listed = got(client, "quarantine")
    held = {each["payload"]["id"]: each for each in listed["quarantine"]}
    assert set(held) == {"3", "5"}
    assert listed["count"] == 2

    refused = done(client, f"quarantine/{held['5']['id']}/release", 409, by="ada")
    assert "breaks the contract still" in refused["message"]
    done(client, f"quarantine/{held['5']['id']}/drop", 400)
    assert done(client, f"quarantine/{held['5']['id']}/drop", because="no amount", by="ada")["state"] == "dropped"
    repaired = done(client, f"quarantine/{held['3']['id'][:8]}/repair", cells={"amount": "0.5"}, by="ada")

    assert repaired["decision"]["by"] == "person:ada"
    assert repaired["decision"]["changes"] == {"amount": "0.5"}
    assert got(client, "quarantine")["count"] == 0
    assert {each["state"] for each in got(client, "quarantine", all=True)["quarantine"]} == {"dropped", "repaired"}
    assert got(client, "quarantine", state="dropped")["count"] == 1
    assert done(client, "quarantine/ffffffffff/repair", 404)["code"] == "not_found"


def test_a_looser_contract_is_shown_and_accepted_for_a_reason(client, folder):
    page = folder / "contract.yaml"
    before = page.read_text()
    digest = got(client, "contract")["digest"]
    assert got(client, "contract/diff")["changes"] == []
    assert done(client, "contract/accept", 409, because="nothing")["code"]

    lines = before.splitlines(keepends=True)
    page.write_text("".join(line for line in lines if not line.startswith("unique")))
    found = got(client, "contract/diff")

    assert found["contract"] != digest
    assert found["is_accepted"] is False
    assert done(client, "contract/accept", 400)["code"]
    accepted = done(client, "contract/accept", because="ids are used again", by="ada")
    assert accepted["is_accepted"] is True
    assert accepted["acceptance"]["by"] == "person:ada"
    page.write_text(before)


def test_a_look_is_queued_and_loads_what_is_new(client, folder):
    (folder / "data" / "u.csv").write_text("id,amount,visits,late\n900,0.25,1,no\n")

    queued = done(client, "look", 202)

    assert queued["work"] == "look"
    assert "folder" not in queued["facts"]
    until, arrived = time.monotonic() + 60, []
    while not arrived and time.monotonic() < until:
        events = client.get("/api/v1/events", params={"kind": "data.arrived", "limit": 100}).json()["events"]
        arrived = [each for each in events if "u.csv" in str(each["facts"])]
        time.sleep(0.2)
    assert arrived
    assert done(client, "look", 422, who="me")


def test_a_project_that_nobody_knows_is_not_found(client):
    for path in ("snapshots", "quarantine", "contract", "contract/diff"):
        assert client.get(f"/api/v1/projects/tull/{path}").status_code == 404
    assert client.post("/api/v1/projects/tull/look").status_code == 404
