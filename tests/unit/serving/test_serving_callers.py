"""Who may predict: the tokens of people and programs at a data plane that follows what the books say of them."""

import asyncio
from datetime import timedelta

import pytest
from serving_light import Place
from serving_samples import ROW, LinearScorer, running, until

from kaizenml.core.account import Role
from kaizenml.core.endpoint import Endpoint, Route
from kaizenml.loop import accounts
from kaizenml.loop.wiring import open_house, read_settings
from kaizenml.serving.callers import Callers

ROUTES = (Route("towns", "towns/1"), Route("prices", "prices/1"))


@pytest.fixture
def house(tmp_path):
    house = open_house(read_settings(tmp_path / "home"))
    with house.records.writing() as books:
        now = house.clock.now()
        for name in ("towns", "prices"):
            books.endpoints.save(Endpoint(name, name, f"{name}/1", "", "", 1, now, now, now), seen=0)
    return house


def made(house, *roles, **more):
    with house.records.writing() as books:
        now = more.pop("now", house.clock.now())
        text, token = accounts.issue(books, "shop", roles, by="person:ada", now=now, **more)
    accounts.publish(house)
    return text, token.id


def file_of(house):
    return house.settings.serving / accounts.OPENINGS


def asking(house, tmp_path, ask, **options):
    """Run a data plane that follows the house, and ask it."""
    callers = Callers(file_of(house), asks_always=options.pop("asks_always", False))
    scorers = {"towns/1": LinearScorer(), "prices/1": LinearScorer()}

    async def scenario():
        async with running(Place(tmp_path), scorers, *ROUTES, callers=callers, **options) as client:
            return await ask(client)

    return asyncio.run(scenario())


async def status(client, token="", endpoint="towns", path="predict", scheme="Bearer"):
    headers = {"Authorization": f"{scheme} {token}"} if token else {}
    body = {"rows": [ROW]} if path != "feedback" else {"labels": [{"id": "a", "value": True}]}
    return (await client.post(f"/endpoints/{endpoint}/{path}", json=body, headers=headers)).status_code


def test_a_token_predicts_where_its_role_says(house, tmp_path):
    texts = {role: made(house, role)[0] for role in Role}
    texts["own"], texts["other"] = made(house, "towns:developer")[0], made(house, "prices:developer")[0]

    async def ask(client):
        return {name: await status(client, text) for name, text in texts.items()}

    refused = dict.fromkeys(("other", "viewer", "labeller", "approver"), 403)
    assert asking(house, tmp_path, ask) == refused | dict.fromkeys(("developer", "operator", "admin", "own"), 200)


def test_a_token_for_predicting_alone_predicts_and_sees_nothing(house, tmp_path):
    text, _ = made(house, "towns:developer", scopes=["predict"], service=True)
    with house.records.reading() as books:
        (token,) = accounts.tokens(books)
    assert token.granted("towns") == {"public", "predict"}

    async def ask(client):
        return [await status(client, text, path=path) for path in ("predict", "invocations", "feedback")]

    assert asking(house, tmp_path, ask)[0] == 200


@pytest.mark.parametrize("path", ["predict", "invocations", "feedback"])
def test_from_the_first_token_on_nobody_sends_anything_without_one(house, tmp_path, path):
    viewing, _ = made(house, "viewer")

    async def ask(client):
        strangers = ["", "kzn_" + "a" * 43, "x", "*"]
        return {await status(client, text, path=path) for text in strangers}, await status(client, viewing, path=path)

    assert asking(house, tmp_path, ask) == ({401}, 403)


def test_a_token_that_is_made_opens_and_one_that_is_revoked_shuts_while_the_server_runs(house, tmp_path):
    async def ask(client):
        assert await status(client) == 200
        text, id_ = made(house, "developer")
        await until(lambda: client.plane.guard.is_asking)
        assert [await status(client), await status(client, text)] == [401, 200]
        with house.records.writing() as books:
            accounts.revoke(books, id_, by="person:ada", now=house.clock.now())
        accounts.publish(house)
        await until(lambda: client.plane._callers.may(text.encode(), "towns") is None)
        return await status(client, text)

    assert asking(house, tmp_path, ask) == 401


def test_a_token_lapses_by_itself(house, tmp_path):
    text, _ = made(house, "developer", now=house.clock.now() - timedelta(hours=13), expires="12h")

    async def ask(client):
        return await status(client, text)

    assert asking(house, tmp_path, ask) == 401


def test_the_servers_own_token_opens_everything_and_other_schemes_nothing(house, tmp_path):
    text, _ = made(house, "developer")

    async def ask(client):
        own = [await status(client, "a-secret-of-the-server", endpoint=name) for name in ("towns", "prices")]
        return own, await status(client, text), await status(client, text, scheme="Basic"), await status(client)

    assert asking(house, tmp_path, ask, token="a-secret-of-the-server") == ([200, 200], 200, 401, 401)


def test_where_others_reach_the_server_nothing_opens_before_there_is_a_token(house, tmp_path):
    async def ask(client):
        before = await status(client)
        text, _ = made(house, "operator")
        await until(lambda: client.plane._callers.may(text.encode(), "towns"))
        return before, await status(client, text)

    assert asking(house, tmp_path, ask, asks_always=True) == (401, 200)


def test_a_file_that_cannot_be_read_opens_nothing(house, tmp_path):
    text, _ = made(house, "developer")
    good = file_of(house).read_bytes()
    file_of(house).write_bytes(b'{"is_asking": fal')

    async def ask(client):
        closed = [await status(client), await status(client, text)]
        file_of(house).write_bytes(good)
        await until(lambda: client.plane._callers.may(text.encode(), "towns"))
        file_of(house).write_bytes(b"broken")
        await asyncio.sleep(0.5)
        return closed, await status(client, text)

    assert asking(house, tmp_path, ask) == ([401, 401], 200)


def test_what_is_published_holds_nothing_that_opens(house):
    text, _ = made(house, "developer")
    assert text.encode() not in file_of(house).read_bytes()
