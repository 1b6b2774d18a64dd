"""Webhooks of MLflow's clients as subscriptions of the outbox: when they are told what, and who may make them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from control_house import serving

from clocks import Wristwatch, notifying_house
from kaizenml.core.event import Draft, Kind
from kaizenml.core.letter import MOST_ATTEMPTS, LetterState
from kaizenml.core.mlflow.hooks import signed_headers
from kaizenml.core.subscription import MOST_SUBSCRIPTIONS, Channel
from kaizenml.errors import StateError, UsageError
from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.loop import accounts, models
from kaizenml.loop.notify_service import LoopNotify
from kaizenml.loop.notifying import deliver
from kaizenml.loop.service import LoopService
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import House, open_house
from receivers import Got, Receiver, receiving

HOOKS = "/api/2.0/mlflow/webhooks"
MADE = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
TAGGED = [{"entity": "MODEL_VERSION_TAG", "action": "SET"}]


on_both = pytest.mark.parametrize("house", ["file", "postgres"], indirect=True)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    yield from notifying_house(request, tmp_path)


@pytest.fixture
def client(house: House) -> Iterator[httpx.Client]:
    with serving(LoopService(house)) as url, httpx.Client(base_url=url, timeout=60) as opened:
        yield opened


def hook(client: httpx.Client, receiver: Receiver, **change: Any) -> dict[str, Any]:
    body = {"name": "ci", "url": receiver.url, "events": MADE, "secret": "opensesame"} | change
    answer = client.post(HOOKS, json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()["webhook"]
    return made


def register(house: House, *names: str, **more: Any) -> None:
    with house.records.writing() as books:
        for name in names:
            models.create(books, house.clock.now(), name, "person:ada", **more)


def names(got: list[Got]) -> list[str]:
    return [json.loads(each.body)["data"]["name"] for each in got]


@on_both
def test_only_what_happens_while_it_is_active_is_told(house: House, client: httpx.Client) -> None:
    with receiving() as receiver:
        register(house, "before")
        made = hook(client, receiver)
        register(house, "one")
        client.patch(f"{HOOKS}/{made['webhook_id']}", json={"status": "DISABLED"})
        register(house, "two")
        deliver(house)
        client.patch(f"{HOOKS}/{made['webhook_id']}", json={"status": "ACTIVE"})
        register(house, "three")
        deliver(house)

    assert sorted(names(receiver.got)) == ["one", "three"]


@on_both
def test_what_happened_before_a_change_is_told_as_it_was_wanted_then(house: House, client: httpx.Client) -> None:
    with receiving() as receiver:
        made = hook(client, receiver)
        register(house, "wanted")
        changed = client.patch(f"{HOOKS}/{made['webhook_id']}", json={"events": TAGGED, "name": "tags"}).json()
        register(house, "unwanted")
        deliver(house)

    assert names(receiver.got) == ["wanted"]
    assert changed["webhook"]["events"] == TAGGED
    with house.records.reading() as books:
        (event,) = books.events.find(Kind.SUBSCRIPTION_CHANGED)
    assert event.facts == {"changed": ["name", "events"]}


def test_a_letter_goes_again_under_its_id_until_it_is_received(house: House, client: httpx.Client) -> None:
    with receiving(Receiver(lambda _: (503, {}))) as receiver:
        hook(client, receiver)
        register(house, "churn")
        (waiting,) = deliver(house)
        Wristwatch.ahead += timedelta(hours=1)
        receiver.answers = lambda _: (200, {})
        (letter,) = deliver(house)

    first, second = receiver.got
    assert (waiting.state, letter.state, letter.attempts) == (LetterState.PENDING, LetterState.DELIVERED, 2)
    assert first.id == second.id == letter.id
    assert first.body == second.body
    for each in receiver.got:
        at = datetime.fromtimestamp(int(each.headers["x-mlflow-timestamp"]), tz=letter.created_at.tzinfo)
        signed = signed_headers(each.id, at, each.body, ["opensesame"])
        assert {name.lower(): value for name, value in signed.items()}.items() <= each.headers.items()


def test_a_receiver_that_refuses_for_ever_leaves_dead_letters(house: House, client: httpx.Client) -> None:
    with receiving(Receiver(lambda _: (500, {}))) as receiver:
        made = hook(client, receiver)
        register(house, "churn")
        for _ in range(MOST_ATTEMPTS):
            deliver(house)
            Wristwatch.ahead += timedelta(hours=7)
        (dead,) = LoopNotify(house).letters(f"mlflow-{made['webhook_id']}")
        receiver.answers = lambda _: (410, {})
        register(house, "gone")
        deliver(house)

    assert (dead.state, len(receiver.got)) == (LetterState.DEAD, MOST_ATTEMPTS + 1)
    assert client.get(f"{HOOKS}/{made['webhook_id']}").json()["webhook"]["status"] == "DISABLED"


def test_neither_secret_nor_address_is_kept_open(house: House, client: httpx.Client, tmp_path: Path) -> None:
    with receiving() as receiver:
        made = hook(client, receiver)
        client.patch(f"{HOOKS}/{made['webhook_id']}", json={"secret": "anothersesame"})
        tested = client.post(f"{HOOKS}/{made['webhook_id']}/test", json={}).json()
        register(house, "churn")
        deliver(house)
        answers = client.get(HOOKS).text + client.get(f"{HOOKS}/{made['webhook_id']}").text

    assert tested == {"result": {"success": True, "response_status": 204}}
    assert "sesame" not in answers
    listed = LoopNotify(house).listed()
    assert (listed[0]["name"], listed[0]["channel"]) == (f"mlflow-{made['webhook_id']}", "mlflow")
    assert "s3cret" not in str(listed)
    with house.records.reading() as books:
        assert not any(word in str(books.events.newest()) for word in ("sesame", "s3cret"))
    files = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    assert b"sesame" not in files
    assert b"hooks/s3cret" not in files


def test_what_looks_like_a_secret_is_blotted_out_and_long_texts_are_left_out(
    house: House, client: httpx.Client
) -> None:  # fmt: skip
    with receiving() as receiver:
        hook(client, receiver)
        register(house, "open", description="call it with password=opensesame12")
        register(house, "long", description="d", tags={str(n): "x" * 90_000 for n in range(3)})
        deliver(house)

    told = {each["name"]: each for each in (json.loads(one.body)["data"] for one in receiver.got)}
    assert "sesame" not in told["open"]["description"]
    assert told["long"] == {"name": "long", "tags": {}, "description": ""}


def test_what_an_import_brings_is_not_told(house: House, client: httpx.Client) -> None:
    with receiving() as receiver:
        hook(client, receiver)
        with house.records.writing() as books:
            draft = Draft("", "person:ada", Kind.MODEL_CREATED, "model:old", facts={"from": "mlruns"})
            books.events.append(draft, house.clock.now())
        deliver(house)

    assert receiver.got == []


def test_our_own_commands_know_a_clients_webhook(house: House, client: httpx.Client) -> None:
    desk = LoopNotify(house)
    with receiving() as receiver:
        name = f"mlflow-{hook(client, receiver)['webhook_id']}"
        assert desk.test(name, by="person:ada").is_received
        desk.pause(name, by="person:ada")
        register(house, "churn")
        desk.resume(name, by="person:ada")
        deliver(house)
        with pytest.raises(StateError, match="no secret of ours"):
            desk.rotate(name, by="person:ada")
        with pytest.raises(UsageError, match="MLflow client"):
            desk.add("ops", receiver.url, by="person:ada", channel=Channel.MLFLOW)
        desk.remove(name, by="person:ada")

    assert names(receiver.got) == ["example_model", "churn"]
    assert client.get(HOOKS).json() == {}


def test_a_webhook_reaches_only_what_the_setting_names(tmp_path: Path) -> None:
    house = open_house(settings(tmp_path, {}, {}))
    with receiving() as receiver, serving(LoopService(house)) as url:
        answer = httpx.post(f"{url}{HOOKS}", json={"name": "ci", "url": receiver.url, "events": MADE})
    house.records.close()

    assert answer.status_code == 400
    assert "notify_allow" in answer.json()["message"]
    assert receiver.got == []


def test_a_test_of_a_receiver_that_is_away_says_why(client: httpx.Client) -> None:
    with receiving() as receiver:
        made = hook(client, receiver)
    result = client.post(f"{HOOKS}/{made['webhook_id']}/test", json={}).json()["result"]

    assert result["success"] is False
    assert result["error_message"].startswith("Failed to test webhook: 127.0.0.1 cannot be talked to")


def test_there_are_no_more_webhooks_than_subscriptions_may_be(house: House, client: httpx.Client) -> None:
    with receiving() as receiver:
        for _ in range(MOST_SUBSCRIPTIONS):
            hook(client, receiver)
        answer = client.post(HOOKS, json={"name": "ci", "url": receiver.url, "events": MADE})

    assert (answer.status_code, answer.json()["error_code"]) == (400, "BAD_REQUEST")
    assert len(LoopNotify(house).listed()) == MOST_SUBSCRIPTIONS


def test_operators_see_webhooks_and_only_admins_make_them_and_see_where_they_go(house: House) -> None:
    tokens, now = {}, house.clock.now()
    at: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "stop": threading.Event()}
    with house.records.writing() as books:
        for role in ("admin", "operator", "viewer", "developer", "shop:admin"):
            tokens[role], _ = accounts.issue(books, "ada", [role], by="person:root", now=now)

    def asked(role: str, method: str, path: str, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {tokens[role]}"}
        return httpx.request(method, f"{url}{HOOKS}{path}", headers=headers, json=body or None, timeout=60)

    with receiving() as receiver, serve_control_plane(LoopService(house), **at) as url:
        body = {"name": "ci", "url": receiver.url, "events": MADE}
        id_ = asked("admin", "POST", "", **body).json()["webhook"]["webhook_id"]

        for role in ("operator", "viewer", "developer", "shop:admin"):
            assert asked(role, "POST", "", **body).status_code == 403
            assert asked(role, "PATCH", f"/{id_}", name="mine").status_code == 403
            assert asked(role, "POST", f"/{id_}/test", event=MADE[0]).status_code == 403
            assert asked(role, "DELETE", f"/{id_}").status_code == 403
        for role in ("viewer", "developer", "shop:admin"):
            assert asked(role, "GET", "").status_code == 403
            assert asked(role, "GET", f"/{id_}").status_code == 403
        seen = {role: asked(role, "GET", f"/{id_}").json()["webhook"]["url"] for role in ("admin", "operator")}
        assert seen == {"admin": receiver.url, "operator": f"http://127.0.0.1:{receiver.port}/…"}
        assert asked("operator", "GET", "").json()["webhooks"][0]["url"] == seen["operator"]
        assert receiver.got == []
