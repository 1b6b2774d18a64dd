"""Whatever is sent to the control plane's own routes: a clear error in our words, and nothing half-written."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from control_house import serving

from kaizenml.core.digest import Digest, digest_of, digest_of_bytes
from kaizenml.core.run import Code, Environment, Run, RunState
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import House, open_house, read_settings
from kaizenml.training.journal import Points, Started, framed

NOW = datetime(2026, 3, 1, tzinfo=UTC)
JSON = {"content-type": "application/json"}
RUN = Run(
    "run-1", "shop", RunState.FINISHED, NOW, Code(digest_of("x"), "abc"), Environment("3.11", "linux", {}, 2, 2**30),
    finished_at=NOW, latest={"loss": 0.5},
)  # fmt: skip


@dataclass
class Own:
    """A server with a run, and a model with a version of it; the house behind it."""

    client: httpx.Client
    house: House
    folder: Path

    def refused(self, method: str, path: str, **more: Any) -> str:
        """Return what an answer says is wrong: it must be the caller's error, and say what to do."""
        answer = self.client.request(method, path, **more)
        assert 400 <= answer.status_code < 500, (method, path, answer.status_code, answer.text[:500])
        assert len(answer.content) < 10_000
        error = answer.json()["error"]
        assert error["hint"]
        return str(error["message"])

    def state(self) -> tuple[object, ...]:
        """Return all that a request could have changed."""
        with self.house.records.reading() as books:
            events = len(books.events.after())
        blobs = sorted(each.digest for each in self.house.blobs.listed())
        return events, blobs, self.client.get("/api/v1/models/churn").json(), self.client.get("/api/v1/models").json()


@pytest.fixture(params=["sqlite", "postgresql"])
def own(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Own]:
    of = {"database": request.getfixturevalue("postgres").database()} if request.param == "postgresql" else {}
    house = open_house(read_settings(tmp_path, of))
    with house.records.writing() as books:
        books.runs.save(RUN)
    service: Any = LoopService(house)
    with serving(service) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        client.post("/api/v1/models", json={"name": "churn"}).raise_for_status()
        client.post("/api/v1/models/churn/versions", json={"run": "run-1"}).raise_for_status()
        yield Own(client, house, tmp_path)
    house.records.close()


NAMES = ["a/b", "a\nb", "../x", "..", ".", "", " ", "x" * 300, "a:1", "\0", "\ud800", 7, None, ["a"], {"a": 1}, True]


def test_names_that_are_none_are_refused(own: Own) -> None:
    before = own.state()

    for name in NAMES:
        own.refused("POST", "/api/v1/models", content=json.dumps({"name": name}), headers=JSON)
        own.refused("POST", "/api/v1/models/churn/rename", content=json.dumps({"to": name}), headers=JSON)

    assert own.state() == before


TEXTS = {
    "a description of 10 MB": {"description": "x" * 10_000_000},
    "a tag of 10 MB": {"tags": {"k": "x" * 10_000_000}},
    "a tag of 100,001 characters": {"tags": {"k": "x" * 100_001}},
    "a key of 10 MB": {"tags": {"k" * 10_000_000: "x"}},
    "a key with a newline": {"tags": {"a\nb": "x"}},
    "an empty key": {"tags": {"": "x"}},
    "a number for a tag": {"tags": {"k": 1}},
    "a list for tags": {"tags": ["k"]},
    "a thousand and one tags": {"tags": {str(number): "x" for number in range(1001)}},
    "half a character": {"description": "\ud800"},
    "half a character in a tag": {"tags": {"k": "\udfff"}},
    "a list for a text": {"description": ["x"]},
    "a field that nobody knows": {"colour": 1},
    "an author": {"author": "eve"},
    "somebody who is none": {"by": "policy:approval"},
}


def test_texts_and_fields_that_cannot_be_are_refused(own: Own) -> None:
    before = own.state()

    for what, told in TEXTS.items():
        sent = {"content": json.dumps(told), "headers": JSON}
        assert own.refused("PATCH", "/api/v1/models/churn", **sent), what
        assert own.refused("PATCH", "/api/v1/models/churn/versions/1", **sent), what
        sent["content"] = json.dumps({"run": "run-1", **told})
        assert own.refused("POST", "/api/v1/models/churn/versions", **sent), what

    assert own.state() == before


NUMBERS = ["NaN", "Infinity", "-Infinity", "1e400", "-1", "0", "1.5", '"x"', "true", "[1]", "9" * 5000, "null"]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:12])
def test_numbers_that_are_none_are_refused(own: Own, number: str) -> None:
    before = own.state()

    own.refused("PUT", "/api/v1/models/churn/aliases/best", content=f'{{"version": {number}}}', headers=JSON)
    path = number.strip('"')[:200]
    own.refused("GET", f"/api/v1/models/churn/versions/{path}")

    assert own.state() == before


QUESTIONS = [
    "(" * 1000 + "metrics.a = 1" + ")" * 1000, "not " * 1000 + "metrics.a = 1", "'; DROP TABLE runs; --",
    "metrics.a = 1; DROP TABLE runs", "name = 'x' UNION SELECT * FROM runs", "name in (SELECT name FROM runs)",
    "x" * 200_000, "'" * 999, "metrics.`a = 1", "\0", "metrics.a = ", "a b c", "name = 'x' order by (select 1)",
]  # fmt: skip


def test_sql_and_depth_in_a_question_do_nothing(own: Own) -> None:
    for question in QUESTIONS:
        answer = own.client.get("/api/v1/runs", params={"q": question[:60_000]})
        assert answer.status_code < 500, (question[:40], answer.text[:300])
        assert len(answer.content) < 5_000
        assert answer.status_code >= 400 or answer.json() == {"runs": []}, question[:40]

    assert [each["id"] for each in own.client.get("/api/v1/runs").json()["runs"]] == ["run-1"]


def test_values_that_are_no_numbers_of_a_journal_come_back_as_they_were(own: Own) -> None:
    begun = replace(RUN, id="sent", state=RunState.RUNNING, finished_at=None, latest={}, code=Code(Digest("")))
    values = [float("nan"), float("inf"), -float("inf")]
    points = [framed(Points(1_000_000, step, {"loss": value})) for step, value in enumerate(values)]
    sent = b"".join([framed(Started(begun)), *points])

    own.client.post("/api/v1/runs/sent/journal?start=0", content=sent).raise_for_status()

    found = own.client.get("/api/v1/runs/sent/series/loss").json()["points"]
    assert [value for _, _, value in found] == ["NaN", "Infinity", "-Infinity"]
    listed = own.client.get("/api/v1/runs", params={"q": "metrics.loss > 1e308"}).json()["runs"]
    assert all(each["id"] != "run-1" for each in listed)


@pytest.mark.parametrize("path", ["/api/v1/blobs", "/api/v1/runs/sent/journal?start=0"])
def test_a_client_that_dies_during_an_upload_leaves_nothing(own: Own, path: str) -> None:
    before = own.state()
    address = own.client.base_url
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"

    for _ in range(3):
        with socket.create_connection((address.host, address.port), timeout=10) as wire:
            wire.sendall(f"{head}Content-Length: 900000\r\n\r\n".encode() + b"x" * 300_000)
    time.sleep(0.2)

    assert own.state() == before
    assert own.client.get("/api/v1/runs/sent").status_code == 404
    assert not own.house.blobs.has(digest_of_bytes(b"x" * 300_000))


@pytest.mark.parametrize("days", [-1, 1])
def test_a_run_of_a_machine_whose_clock_is_a_day_off_is_kept_as_it_says(own: Own, days: int) -> None:
    at = datetime.now(UTC) + timedelta(days=days)
    begun = replace(RUN, id="sent", state=RunState.RUNNING, started_at=at, finished_at=None, code=Code(Digest("")))

    own.client.post("/api/v1/runs/sent/journal?start=0", content=framed(Started(begun))).raise_for_status()

    (found,) = [each for each in own.client.get("/api/v1/runs").json()["runs"] if each["id"] == "sent"]
    assert datetime.fromisoformat(found["started_at"]) == at
    assert found["duration"] is None
    with own.house.records.reading() as books:
        told = books.events.after()
    assert all(abs(each.at - datetime.now(UTC)) < timedelta(hours=1) for each in told)


def test_a_large_artefact_comes_as_it_was_and_a_damaged_one_not_at_all(own: Own) -> None:
    content = bytes(range(256)) * 20_000
    parts = [content[at : at + 900_000] for at in range(0, len(content), 900_000)]
    sent = [own.client.post("/api/v1/blobs", content=part).json()["digest"] for part in parts]
    digest = digest_of_bytes(content)
    joined = own.client.post("/api/v1/blobs/joined", json={"digest": digest, "parts": sent})
    fewer = own.client.post("/api/v1/blobs/joined", json={"digest": digest, "parts": sent[:-1]})
    with own.house.records.writing() as books:
        books.runs.save(replace(RUN, id="kept", artefacts={"model/all.bin": digest}))
    path = "/api/v1/runs/kept/artefacts/model/all.bin"
    whole = own.client.get(path)

    assert (joined.status_code, joined.json(), fewer.status_code) == (201, {"digest": digest}, 500)
    assert whole.content == content
    assert whole.headers["content-length"] == str(len(content))
    assert whole.headers["content-disposition"] == "attachment"

    file = own.folder / ".kaizen/blobs/sha256" / digest[:2] / digest[2:4] / digest[4:]
    file.write_bytes(content[:-1] + b"x")
    damaged = own.client.get(path)
    assert damaged.status_code == 500
    assert "is damaged" in damaged.json()["error"]["message"]
    assert len(damaged.content) < 1000
