"""What made a prediction, asked for over real HTTP: a worker asks the model, the control plane loads none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from answered_shop import answered_shop, copied

from kaizenml.core.job import Work
from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.loop import accounts, worker
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import House

BASE = "/api/v1/endpoints/shop/predictions"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return copied(answered_shop(), tmp_path / "shop")


@pytest.fixture
def client(house: House) -> Iterator[httpx.Client]:
    with (
        serve_control_plane(LoopService(house), host="127.0.0.1", port=0, stop=threading.Event()) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):
        yield client


@pytest.fixture
def working(house: House) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=worker.work, args=(house, [Work.WHY], lambda _: None), kwargs={"stop": stop})
    thread.start()
    yield
    stop.set()
    thread.join()


def token(house: House, *roles: str) -> dict[str, str]:
    with house.records.writing() as books:
        text, _ = accounts.issue(books, "zoe", roles, by="person:root", now=house.clock.now())
    return {"Authorization": f"Bearer {text}"}


@pytest.mark.usefixtures("working")
def test_a_prediction_says_what_made_it(client: httpx.Client) -> None:
    said = client.get(f"{BASE}/new-1/why?wait=30")
    for _ in range(10):  # a machine under load may need longer than a request waits
        said = said if said.status_code != 202 else client.get(f"{BASE}/new-1/why?wait=30")
    assert said.status_code == 200
    found = said.json()
    assert found["prediction"] == "shop/new-1"
    added = sum(each["adds"] for each in found["attribution"]["contributions"])
    assert found["attribution"]["base"] + added == pytest.approx(found["attribution"]["score"])
    assert client.get(f"{BASE}/new-1/why?release=shop/1&wait=0").status_code in (200, 202)


def test_without_a_worker_it_is_said_that_one_is_waited_for(client: httpx.Client) -> None:
    first, second = (client.get(f"{BASE}/new-1/why?wait=0") for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert first.json()["job"]["state"] == "queued"
    assert first.json() == second.json()


def test_what_nobody_knows_is_met_with_the_close_one(client: httpx.Client) -> None:
    said = client.get(f"{BASE}/nwe-1/why")
    assert said.status_code == 404
    assert "new-1" in said.json()["error"]["hint"]
    assert client.get("/api/v1/endpoints/shpo/predictions/new-1/why").status_code == 404


def test_who_may_only_look_does_not_set_workers_going(client: httpx.Client, house: House) -> None:
    path = f"{BASE}/new-1/why?wait=0"
    assert client.get(path, headers=token(house, "shop:viewer")).status_code == 403
    assert client.get(path, headers=token(house, "shop:developer")).status_code == 202
    assert client.get(path, headers=token(house, "other:developer")).status_code == 404
