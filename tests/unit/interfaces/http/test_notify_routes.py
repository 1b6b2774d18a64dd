"""Subscriptions and letters over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from control_house import CLIENT

import kaizenml as kz
from kaizenml.core.event import Draft, Kind
from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.loop import accounts
from kaizenml.loop.notify_service import LoopNotify
from kaizenml.loop.notifying import deliver
from kaizenml.loop.service import LoopService
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import House, open_house
from receivers import Receiver, receiving


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    house = open_house(settings(folder, {}, {"notify_allow": "127.0.0.1"}))
    yield house
    house.records.close()


@contextmanager
def served(house: House) -> Iterator[str]:
    with serve_control_plane(LoopService(house), host="127.0.0.1", port=0, stop=threading.Event()) as address:
        yield f"{address}/api/v1"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="module")
def server(house: House) -> Iterator[str]:
    with served(house) as address:
        yield address


@pytest.fixture
def url(server: str, house: House) -> Iterator[str]:
    """The one server of this file, without a subscription before and after each test."""
    yield server
    desk = LoopNotify(house)
    for each in desk.listed():
        desk.remove(each["name"], by="person:root")


def said(method: str, url: str, token: str = "", **body: object) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = CLIENT.request(method, url, headers=headers, **({"json": body} if method == "POST" else {}))
    return answer.status_code, answer.json()


def happens(house: House) -> None:
    with house.records.writing() as books:
        books.events.append(Draft("shop", "system:loop", Kind.RUN_FAILED, "run:1"), house.clock.now())


def test_a_subscription_is_made_tried_paused_and_removed(house: House, url: str) -> None:
    with receiving() as receiver:
        status, made = said("POST", f"{url}/subscriptions", name="ops", address=receiver.url, kinds=["run.*"], by="ada")
        assert (status, made["subscription"]["to"]) == (201, f"http://127.0.0.1:{receiver.port}/…")
        tried = said("POST", f"{url}/subscriptions/ops/test")
        assert tried == (200, {"has_arrived": True, "status": 204, "said": ""})
        assert kz.verify_webhook(receiver.got[0].headers, receiver.got[0].body, made["secret"])
        assert (
            said("POST", f"{url}/subscriptions/ops/pause", because="moving")[1]["subscription"]["because"] == "moving"
        )
        happens(house)
        assert deliver(house) == []
        assert said("POST", f"{url}/subscriptions/ops/pause")[0] == 409
        assert said("POST", f"{url}/subscriptions/ops/resume")[0] == 200
        secret = said("POST", f"{url}/subscriptions/ops/rotate", keep="1h")[1]["secret"]
        (letter,) = deliver(house)
        assert kz.verify_webhook(receiver.got[1].headers, receiver.got[1].body, secret) == letter.id

    (known,) = said("GET", f"{url}/subscriptions")[1]["subscriptions"]
    assert known["letters"] == {"waiting": 0, "delivered": 1, "dead": 0}
    (told,) = said("GET", f"{url}/letters?to=ops&state=delivered")[1]["letters"]
    assert (told["id"], told["kind"]) == (letter.id, "run.failed")
    assert "s3cret" not in str(known) + str(told)
    assert "sealed" not in known
    assert said("DELETE", f"{url}/subscriptions/ops")[0] == 200
    assert said("GET", f"{url}/subscriptions")[1] == {"subscriptions": []}
    with house.records.reading() as books:
        assert books.events.find(Kind.SUBSCRIPTION_ADDED)[0].actor == "person:ada"


def test_dead_letters_go_again(house: House, url: str) -> None:
    with receiving(Receiver(lambda _: (410, {}))) as receiver:
        said("POST", f"{url}/subscriptions", name="ops", address=receiver.url)
        happens(house)
        (letter,) = deliver(house)
        assert letter.state == "dead"
        receiver.answers = lambda _: (200, {})
        said("POST", f"{url}/subscriptions/ops/resume")
        assert said("POST", f"{url}/letters/{letter.id}/redeliver")[1]["letters"][0]["state"] == "pending"
        assert said("POST", f"{url}/letters/{letter.id}/redeliver")[0] == 409
        assert said("POST", f"{url}/subscriptions/ops/redeliver")[1] == {"letters": []}
        assert [each.state for each in deliver(house)] == ["delivered"]


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"name": "Ops!"}, 400, "not a name"),
        ({"name": "setting-1"}, 400, "setting"),
        ({"address": "hooks.example.com"}, 400, "no address"),
        ({"address": "https://user:s3cret@hooks.example.com/x"}, 400, "login"),
        ({"address": "https://hooks.example.com/a b"}, 400, "signs"),
        ({"address": "https://hooks.example.com/\r\nX: y"}, 400, "signs"),
        ({"address": "ftp://hooks.example.com/s3cret", "channel": "webhook"}, 400, "none of the web"),
        ({"address": "https:///s3cret"}, 400, "none of the web"),
        ({"address": "https://hooks.example.com:99999/s3cret"}, 400, "none of the web"),
        ({"address": "https://169.254.169.254/latest"}, 400, "no public address"),
        ({"address": "nosuch://s3cret"}, 400, "Apprise does not know"),
        ({"kinds": ["alrt.opened"]}, 404, "alrt.opened"),
        ({"projects": [""]}, 400, "empty"),
        ({"kinds": "alert.*"}, 422, "kinds"),
        ({"owner": "root"}, 422, "owner"),
    ],
)
def test_a_subscription_that_cannot_be_is_refused(url: str, change: dict[str, object], status: int, word: str) -> None:
    body = {"name": "ops", "address": "https://hooks.example.com/x"} | change

    answered, problem = said("POST", f"{url}/subscriptions", **body)

    assert answered == status
    assert word in problem["error"]["message"] + problem["error"]["hint"]
    assert "s3cret" not in str(problem)
    assert said("GET", f"{url}/subscriptions")[1] == {"subscriptions": []}


def test_what_is_not_there_is_not_found(url: str) -> None:
    said("POST", f"{url}/subscriptions", name="ops", address="https://hooks.example.com/x")

    assert said("POST", f"{url}/subscriptions", name="ops", address="https://hooks.example.com/x")[0] == 409
    assert "'ops'" in said("DELETE", f"{url}/subscriptions/opps")[1]["error"]["hint"]
    for method, path in (("POST", "subscriptions/no/test"), ("POST", "letters/no/redeliver"), ("GET", "letters?to=no"),
                         ("POST", "subscriptions/no/redeliver"), ("POST", "subscriptions/no/rotate")):  # fmt: skip
        assert said(method, f"{url}/{path}")[0] == 404


def test_an_operator_sees_and_pauses_and_only_an_admin_adds(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        tokens, now = {}, house.clock.now()
        with house.records.writing() as books:
            for role in ("admin", "operator", "viewer", "shop:admin"):
                tokens[role], _ = accounts.issue(books, "ada", [role], by="person:root", now=now)
        with served(house) as url:
            body = {"name": "ops", "address": "https://hooks.example.com/x"}

            assert said("POST", f"{url}/subscriptions", tokens["shop:admin"], **body)[0] == 403
            assert said("POST", f"{url}/subscriptions", tokens["operator"], **body)[0] == 403
            assert said("POST", f"{url}/subscriptions", tokens["admin"], **body)[0] == 201
            for name, status in (("operator", 200), ("viewer", 403), ("shop:admin", 403)):
                assert said("GET", f"{url}/subscriptions", tokens[name])[0] == status
                assert said("GET", f"{url}/letters", tokens[name])[0] == status
            assert said("POST", f"{url}/subscriptions/ops/pause", tokens["operator"])[0] == 200
            assert said("POST", f"{url}/subscriptions/ops/rotate", tokens["operator"])[0] == 403
            assert said("DELETE", f"{url}/subscriptions/ops", tokens["operator"])[0] == 403
