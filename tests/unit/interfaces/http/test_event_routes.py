"""The event log over HTTP: who did what to what, when, page by page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from control_house import House, filled_house

from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.loop import accounts


@pytest.fixture(scope="module")
def house() -> House:
    return filled_house()


@pytest.fixture(scope="module")
def client(house: House) -> Iterator[httpx.Client]:
    with (
        serve_control_plane(house, host="127.0.0.1", port=0, stop=threading.Event()) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        yield client


def asked(client: httpx.Client, **query: Any) -> Any:
    return client.get("/api/v1/events", params=query).raise_for_status().json()


def test_events_are_filtered_by_who_what_about_what_and_when(client: httpx.Client) -> None:
    told = asked(client)["events"]
    assert len(told) == 10
    for query, fits in (
        ({"actor": "ada"}, lambda e: e["actor"] == "person:ada"),
        ({"actor": "policy:"}, lambda e: e["actor"].startswith("policy:")),
        ({"kind": "rollout"}, lambda e: e["kind"].startswith("rollout.")),
        ({"kind": ["gate.passed", "run"]}, lambda e: e["kind"] in ("gate.passed", "run.started")),
        ({"subject": "release:flights/3"}, lambda e: e["subject"] == "release:flights/3"),
        ({"since": "170m"}, lambda e: e["at"] >= "2026-03-01T09:10"),
        ({"until": "2026-03-01T09:10:00Z"}, lambda e: e["at"] < "2026-03-01T09:10"),
        ({"project": "taxis"}, lambda _e: False),
    ):
        assert asked(client, **query)["events"] == [event for event in told if fits(event)], query


@pytest.mark.parametrize("newest", [False, True])
def test_pages_follow_each_other_without_gap_or_repetition(client: httpx.Client, newest: bool) -> None:
    whole = [each["id"] for each in asked(client, newest=newest)["events"]]
    seen, page = [], asked(client, newest=newest, limit=3)
    while True:
        seen += [each["id"] for each in page["events"]]
        if page["next"] is None:
            break
        page = asked(client, newest=newest, limit=3, **{"before" if newest else "after": page["next"]})
    assert seen == whole == sorted(whole, reverse=newest)


@pytest.mark.parametrize(("query", "said"), [
    ({"kind": "gate.pased"}, "gate.passed"), ({"since": "yesterday"}, "is no time"), ({"actor": "a\x00"}, "nothing"),
    ({"before": 0}, "before"), ({"limit": 0}, "limit"), ({"after": -1}, "after"),
])  # fmt: skip
def test_what_makes_no_sense_is_told(client: httpx.Client, query: dict[str, Any], said: str) -> None:
    answer = client.get("/api/v1/events", params=query)
    assert 400 <= answer.status_code < 500
    assert said in answer.text


def test_a_role_in_one_project_sees_its_events_alone(house: House, client: httpx.Client) -> None:
    with house.records.writing() as books:
        text, _ = accounts.issue(books, "zoe", ["taxis:viewer"], by="person:root", now=house.now())
    headers = {"Authorization": f"Bearer {text}"}
    assert client.get("/api/v1/events", headers=headers).json() == {"events": [], "next": None}
    assert client.get("/api/v1/events?project=flights", headers=headers).status_code == 403
