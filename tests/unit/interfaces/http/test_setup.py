"""The first start of a server that others can reach: nothing is open, and one token makes one account, once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import httpx
import pytest
from control_house import House, filled_house

from kaizenml.core.event import Kind
from kaizenml.errors import RefusedError, UnavailableError, UsageError
from kaizenml.interfaces.http.access import Access
from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.loop import accounts, setting_up
from kaizenml.loop.callers import Tokens

#: An address of this machine that is none of those by which a person alone is known.
HOST = "127.0.0.2"


@pytest.fixture
def house() -> House:
    return filled_house()


@pytest.fixture
def client(house: House) -> Iterator[httpx.Client]:
    with (
        serve_control_plane(house, host=HOST, port=0, stop=threading.Event()) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        yield client


def begun(house: House, now: datetime | None = None) -> str:
    with house.records.writing() as books:
        text = setting_up.begin(books, now or house.now())
    assert text is not None
    return text


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_before_the_first_account_nothing_is_open_to_others(house: House, client: httpx.Client) -> None:
    begun(house)
    for path in ("/", "/api/v1/releases", "/api/v1/tokens", "/docs", "/metrics", "/api/2.0/mlflow/experiments/search"):
        assert client.get(path).status_code == 401, path
    assert client.post("/api/v1/setup", json={"name": "eve"}).status_code == 401
    assert client.get("/health/live").status_code == 200


def test_the_set_up_token_makes_the_first_account_and_opens_nothing_else(house: House, client: httpx.Client) -> None:
    text = begun(house)
    for path in ("/", "/api/v1/releases", "/api/v1/me", "/version"):
        assert client.get(path, headers=bearer(text)).status_code == 403, path
    made = client.post("/api/v1/setup", json={"name": "ada"}, headers=bearer(text))
    assert made.status_code == 201
    assert made.json()["token"]["roles"] == {"*": ["admin"]}
    assert client.get("/api/v1/tokens", headers=bearer(made.json()["text"])).status_code == 200


def test_it_is_good_once(house: House, client: httpx.Client) -> None:
    text = begun(house)
    assert client.post("/api/v1/setup", json={"name": "ada"}, headers=bearer(text)).status_code == 201
    assert client.post("/api/v1/setup", json={"name": "eve"}, headers=bearer(text)).status_code == 401
    with house.records.writing() as books:
        assert setting_up.begin(books, house.now()) is None
        assert [each.name for each in accounts.tokens(books)] == ["ada"]


def test_of_many_at_once_one_makes_an_account(house: House, client: httpx.Client) -> None:
    text = begun(house)

    def ask(number: int) -> int:
        return client.post("/api/v1/setup", json={"name": f"p{number}"}, headers=bearer(text)).status_code

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(ask, range(8)))
    assert said.count(201) == 1
    assert set(said) <= {201, 401, 409}
    with house.records.reading() as books:
        assert len(accounts.tokens(books)) == 1


def test_it_lapses_and_a_later_one_takes_its_place(house: House, client: httpx.Client) -> None:
    lapsed = begun(house, house.now() - timedelta(minutes=61))
    assert client.post("/api/v1/setup", json={"name": "ada"}, headers=bearer(lapsed)).status_code == 401
    first, second = begun(house), begun(house)
    assert client.post("/api/v1/setup", json={"name": "ada"}, headers=bearer(first)).status_code == 401
    assert client.post("/api/v1/setup", json={"name": "ada"}, headers=bearer(second)).status_code == 201


def test_once_there_is_a_token_the_set_up_token_opens_nothing(house: House, client: httpx.Client) -> None:
    text = begun(house)
    with house.records.writing() as books:
        accounts.issue(books, "ada", ["viewer"], by="person:root", now=house.now())
    assert client.post("/api/v1/setup", json={"name": "eve"}, headers=bearer(text)).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"name": "a b"}, {"name": ""}, {"name": "ada", "roles": ["admin"]}, {"name": None}]
)
def test_a_name_that_cannot_be_uses_nothing_up(house: House, client: httpx.Client, body: dict[str, object]) -> None:
    text = begun(house)
    assert client.post("/api/v1/setup", json=body, headers=bearer(text)).status_code == 422
    assert client.post("/api/v1/setup", json={"name": "ada"}, headers=bearer(text)).status_code == 201


def test_only_its_digest_is_kept_and_the_log_tells_of_it(house: House, client: httpx.Client) -> None:
    text = begun(house)
    client.post("/api/v1/setup", json={"name": "ada"}, headers=bearer(text))
    with house.records.reading() as books:
        kept = str([books.notes.all("setup"), books.notes.all("token"), books.events.newest()])
        (begun_, finished) = (*books.events.find(Kind.SETUP_BEGUN), *books.events.find(Kind.SETUP_FINISHED))
    assert text not in kept
    assert (begun_.actor, finished.actor) == ("system:server", "person:ada")


def test_it_can_be_asked_for_from_elsewhere(house: House, client: httpx.Client) -> None:
    text, url = begun(house), str(client.base_url)
    assert setting_up.ask(url, text, "ada")["token"]["actor"] == "person:ada"
    with pytest.raises(RefusedError, match="does not know this set-up token"):
        setting_up.ask(url, text, "eve")
    with pytest.raises(UsageError, match="no address"):
        setting_up.ask("kaizen.example", text, "ada")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        setting_up.ask("http://127.0.0.1:1", text, "ada")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "kaizen.example"])
def test_a_server_that_others_reach_lets_nobody_in_without_an_account(house: House, host: str) -> None:
    access = Access(host, accounts=Tokens(house.records, house.now))
    assert access.known(None) is None
    assert access.known(b"Bearer x") is None
    assert Access("127.0.0.1", accounts=Tokens(house.records, house.now)).known(None) is not None
