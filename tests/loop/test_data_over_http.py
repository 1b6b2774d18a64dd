"""A project's data over HTTP: snapshots compared, restored and pinned, rows in quarantine, the contract, a look."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import time

import httpx
import polars as pl
import pytest
from loop_processes import free_ports

from kaizenml.loop.wiring import open_house, read_settings

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


def found(client, path, **body):
    """Queue work on the data, and return what it found."""
    job = done(client, path, 202, **body)
    assert (job["work"], "folder" in job["facts"]) == ("data", False)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = client.get(f"{API}/found/{job['id']}")
        if answer.status_code != 409 or answer.json()["error"]["details"]["state"] == "failed":
            return answer
        assert answer.json()["error"]["hint"]
        time.sleep(0.1)
    raise AssertionError("not done in a minute")


def test_what_is_in_the_data_is_explored_by_a_worker(client):
    newest = got(client, "snapshots")["snapshots"][0]["name"]

    told = found(client, "explore", snapshot=newest, against="1").json()

    assert {each["name"] for each in told["columns"]} >= {"amount", "visits"}
    assert told["project"] == "till"
    missing = found(client, "explore", snapshot="till@99")
    assert (missing.status_code, "till@99" in missing.json()["error"]["message"]) == (409, True)


def test_what_cleaning_does_is_told_by_a_worker(client):
    told = found(client, "clean").json()

    columns = {each["name"]: each for each in told["columns"]}
    assert columns["amount"]["kind"] == "number"
    assert columns["amount"]["repairs"]["unreadable"] >= 1


def test_one_row_in_quarantine_is_shown_by_the_beginning_of_its_id(client):
    row = got(client, "quarantine", all=True)["quarantine"][0]

    assert got(client, f"quarantine/{row['id'][:8]}") == row
    assert client.get(f"{API}/quarantine/ffffffffff").status_code == 404


def test_the_rows_of_a_snapshot_are_taken_away_as_a_file(client):
    answer = client.get(f"{API}/snapshots/1/rows")

    rows = pl.read_parquet(io.BytesIO(answer.content))
    assert (answer.status_code, rows.columns, len(rows)) == (200, ["id", "amount", "visits", "late"], 150)
    assert client.get(f"{API}/snapshots/99/rows").status_code == 404


def of_runs(client, path, **body):
    """Queue work on runs, and return what it found."""
    job = client.post(f"/api/v1/runs/{path}", json=body)
    assert job.status_code == 202, job.text
    until = time.monotonic() + 90
    while time.monotonic() < until:
        answer = client.get(f"/api/v1/jobs/{job.json()['done']['id']}/found")
        if answer.status_code != 409 or answer.json()["error"]["details"].get("state") == "failed":
            return answer
        time.sleep(0.2)
    raise AssertionError("not done in time")


def test_runs_are_compared_and_one_is_executed_again(client, folder):
    file = folder / "project.py"
    before = file.read_text()
    file.write_text(f"{before}\nLIMIT = 3\n")
    second = done(client, "run", 202, reason="again")["id"]
    until = time.monotonic() + 90
    while client.get(f"/api/v1/runs/{second}").json().get("state", "running") == "running":
        assert time.monotonic() < until
        time.sleep(0.2)
    file.write_text(before)
    first = client.get("/api/v1/runs").json()["runs"][-1]["id"]

    told = of_runs(client, "compare", runs=[first, second]).json()
    again = of_runs(client, f"{first}/rerun", by="ada").json()

    assert told["runs"] == [first, second]
    assert set(told) >= {"parameters", "code", "environment", "data", "metrics"}
    [added] = told["symbols"][second]["project.py"]
    assert (added["name"], added["kind"], added["change"]) == ("LIMIT", "constant", "added")
    assert (again["original"], again["largest"]) == (first, 0.0)
    assert client.get(f"/api/v1/runs/{again['run']}").json()["again"] == first
    assert client.post("/api/v1/runs/compare", json={"runs": [first]}).status_code in (400, 422)
    assert client.post("/api/v1/runs/compare", json={"runs": [first, "nobody"]}).status_code == 404
    assert client.post("/api/v1/runs/nobody/rerun").status_code == 404
    assert client.get("/api/v1/jobs/nobody/found").status_code == 404


def test_a_person_is_erased_and_nothing_of_the_wish_is_left(client, folder):
    assert done(client, "erase", 422, value="7")["code"]
    assert done(client, "erase", 400, value="7", because=" ")["hint"]

    told = found(client, "erase", value="7", because="request 12", give_up=True, by="ada").json()

    assert told["rows"]["raw-till"] >= 1 or sum(told["rows"].values()) >= 1
    assert told["given_up"]
    shown = client.get("/api/v1/jobs").text
    assert "request 12" not in shown
    with open_house(read_settings(folder)).records.reading() as books:
        assert all(value is None for value in books.notes.all("erasing").values())
    cleared = found(client, "gc", grace_hours=0).json()
    assert cleared["is_rehearsal"] is False
    assert sum(each["files"] for each in cleared["tables"].values()) > 0
    again = found(client, "gc", dry_run=True, grace_hours=0).json()
    assert sum(each["files"] for each in again["tables"].values()) == 0


def test_a_project_that_nobody_knows_is_not_found(client):
    for path in ("snapshots", "quarantine", "contract", "contract/diff"):
        assert client.get(f"/api/v1/projects/tull/{path}").status_code == 404
    assert client.post("/api/v1/projects/tull/look").status_code == 404
