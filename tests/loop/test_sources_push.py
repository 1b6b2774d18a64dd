"""Rows that programs send over HTTP: each once for its idempotency key, bad ones named by row and column."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from loop_sources import Home

import kaizenml as kz
from kaizenml.core.declaration import Declaration, Delivery
from kaizenml.errors import SourceError
from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.loop.service import LoopService

TOKEN = "a-long-enough-token"
ROW = {"id": 1, "y": 2.5, "ok": True, "note": None}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    with home.house.records.writing() as books:
        books.declarations.save(Declaration("shop", str(tmp_path), "y", "id", None, (), Delivery(), ()))
    return home


@pytest.fixture
def client(home: Home) -> Iterator[httpx.Client]:
    login = {"Authorization": f"Bearer {TOKEN}"}
    with (
        serve_control_plane(LoopService(home.house), host="127.0.0.1", port=0, token=TOKEN) as address,
        httpx.Client(base_url=address, headers=login, trust_env=False) as client,
    ):
        yield client


def send(client: httpx.Client, rows: object, key: str | None = "k1", **more: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/api/v1/projects/shop/rows", json={"rows": rows, **more}, headers=headers)


def test_rows_are_appended_and_loaded_in_the_order_of_arrival(home: Home, client: httpx.Client) -> None:
    first = send(client, [ROW, {**ROW, "id": 2}])
    second = send(client, [{**ROW, "id": 1, "y": 7}], "k2")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["done"]["rows"] == 2
    assert home.load(kz.push()).rows.rows() == [
        ("1", "2.5", "true", None), ("2", "2.5", "true", None), ("1", "7", "true", None),
    ]  # fmt: skip
    assert home.load(kz.push(key="id")).rows.select("id", "y").rows() == [("2", "2.5"), ("1", "7")]
    assert [event.facts["rows"] for event in home.arrived()] == [2, 1]


def test_many_small_batches_are_merged_and_stay_in_order(home: Home, client: httpx.Client, monkeypatch) -> None:
    monkeypatch.setattr("kaizenml.loop.loading_data.COMMITS_BETWEEN_COMPACTIONS", 10)
    for number in range(12):
        send(client, [{**ROW, "id": number, "y": number}, {**ROW, "id": 99, "y": number}], f"k{number}")

    found = home.load(kz.push())

    until = time.monotonic() + 30
    while home.house.tables.version("raw-shop") <= 12 and time.monotonic() < until:
        time.sleep(0.05)
    assert home.house.tables.version("raw-shop") > 12
    assert found.rows["id"].to_list() == [text for number in range(12) for text in (str(number), "99")]
    assert home.load(kz.push(key="id")).rows.filter(id="99")["y"].to_list() == ["11"]
    assert send(client, [{**ROW, "id": 0, "y": 0}, {**ROW, "id": 99, "y": 0}], "k0").status_code == 200


def test_sending_again_changes_nothing_and_says_the_same(home: Home, client: httpx.Client) -> None:
    first, again = send(client, [ROW]), send(client, [ROW])

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["done"] == {**first.json()["done"], "repeated": True}
    assert len(home.load(kz.push()).rows) == len(home.arrived()) == 1


def test_many_at_once_under_one_key_load_once(home: Home, client: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: send(client, [ROW] * 5).status_code, range(24)))

    assert set(said) <= {200, 201}
    assert len(home.load(kz.push()).rows) == 5
    assert len(home.arrived()) == 1


def test_other_rows_under_the_same_key_are_refused(home: Home, client: httpx.Client) -> None:
    send(client, [ROW])
    answer = send(client, [{**ROW, "id": 9}])

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert len(home.load(kz.push()).rows) == 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{**ROW, "extra": 1}], {"row": 0, "column": "extra"}),
        ([ROW, {"id": 3, "y": 1, "ok": False}], {"row": 1, "column": "note"}),
        ([ROW, {**ROW, "y": [1]}], {"row": 1, "column": "y"}),
        ([ROW, {**ROW, "y": {"a": 1}}], {"row": 1, "column": "y"}),
    ],
)
def test_a_bad_row_is_named_and_none_of_its_batch_is_kept(
    home: Home, client: httpx.Client, rows: object, said: dict[str, object]
) -> None:
    send(client, [ROW])
    answer = send(client, rows, "k2")

    assert (answer.status_code, answer.json()["error"]["details"]) == (422, said)
    assert len(home.load(kz.push()).rows) == 1
    assert send(client, [ROW], "k2").status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b'{"rows": [{"y": NaN}]}', b'{"rows": [{"y": "\\ud800"}]}', b'{"rows": [{"": 1}]}', b'{"rows": [{"_file": 1}]}',
        b'{"rows": [{"__batch": 1}]}', b'{"rows": [{"^a$": 1}]}', b'{"rows": []}', b'{"rows": [3]}', b'{"rows": 3}',
        b"[",
        b'{"rows": [{"a": 1}], "more": 1}', b'{"rows": [{"a": 1}], "by": "a b"}', b'{"rows": [{}]}',
    ],
)  # fmt: skip
def test_garbage_is_refused_and_leaves_nothing(home: Home, client: httpx.Client, body: bytes) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = client.post("/api/v1/projects/shop/rows", content=body, headers=headers)

    assert 400 <= answer.status_code < 500, answer.text
    assert "error" in answer.json()
    assert home.arrived() == []


def test_what_is_needed_is_asked_for(home: Home, client: httpx.Client) -> None:
    assert send(client, [ROW], None).status_code == 400
    assert send(client, [ROW], "x" * 201).status_code == 422
    assert client.post("/api/v1/projects/nope/rows", json={"rows": [ROW]}, headers={"Idempotency-Key": "k"}).json()[
        "error"
    ]["code"] == "not_found"  # fmt: skip
    assert send(client, [{"a": "x" * 1_000_000}]).status_code == 413
    assert httpx.post(f"{client.base_url}/api/v1/projects/shop/rows", json={"rows": [ROW]}).status_code == 401


def test_a_column_may_join_when_that_is_meant(home: Home, client: httpx.Client) -> None:
    send(client, [ROW])
    answer = send(client, [{"id": 2, "y": 1, "colour": "red"}], "k2", new_columns=True)

    assert answer.status_code == 201
    assert home.load(kz.push()).rows["colour"].to_list() == [None, "red"]


def test_arrival_may_queue_a_run_and_names_itself_as_the_cause(home: Home, client: httpx.Client) -> None:
    job = send(client, [ROW], run=True).json()["done"]["job"]

    with home.house.records.reading() as books:
        assert books.jobs.get(job).cause == home.arrived()[0].id


def test_a_project_with_another_source_takes_no_rows(home: Home, client: httpx.Client) -> None:
    (home.folder / "a.csv").write_text("id,y\n1,2\n")
    home.load(kz.files("*.csv"))

    assert send(client, [ROW]).status_code == 409


def test_a_push_source_without_rows_says_how_to_send_some(home: Home) -> None:
    with pytest.raises(SourceError, match="POST /api/v1/projects"):
        home.load(kz.push())
