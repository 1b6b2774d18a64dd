import asyncio
import gc
import threading
import weakref

import pytest
from serving_light import ConstantScorer, Place, write_routes
from serving_samples import prices, running, until

from kaizenml.core.endpoint import Route, Routes
from kaizenml.serving.table import Loaded, Table, next_table

ROWS = {"rows": [{"fare": 1}]}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def held(*releases):
    return {release: Loaded(release, "0" * 64, ConstantScorer()) for release in releases}


async def value_at(client, endpoint="prices"):
    answer = await client.post(f"/endpoints/{endpoint}/predict", json=ROWS)
    return answer.json()["predictions"][0]["value"]


def test_a_route_whose_challenger_cannot_be_loaded_stays_and_the_others_move():
    before = next_table(Routes(1, (Route("a", "a/1"), Route("b", "b/1"))), held("a/1", "b/1"), {}, Table())

    after = next_table(
        Routes(2, (Route("a", "a/1", "a/2", 0.5), Route("b", "b/2"))), held("a/1", "b/2"), {"a/2": "unsigned"}, before
    )

    assert after.generation == 2
    assert after.lanes["a"] is before.lanes["a"]
    assert after.lanes["b"].champion.release == "b/2"
    assert after.refused == {"a/2": "unsigned"}
    assert after.is_ready


def test_a_new_endpoint_whose_champion_cannot_be_loaded_is_not_ready():
    table = next_table(Routes(1, (Route("a", "a/1"),)), {}, {"a/1": "unsigned"}, Table())

    assert not table.is_ready
    assert table.unready == {"a": "unsigned"}


def test_an_endpoint_that_the_routes_no_longer_name_is_gone():
    before = next_table(Routes(1, (Route("a", "a/1"),)), held("a/1"), {}, Table())

    assert next_table(Routes(2, ()), {}, {}, before).lanes == {}


def test_a_warm_release_that_cannot_be_loaded_stops_nothing():
    table = next_table(Routes(1, (Route("a", "a/2", warm=("a/1",)),)), held("a/2"), {"a/1": "gone"}, Table())

    assert table.is_ready
    assert table.lanes["a"].champion.release == "a/2"


def test_new_routes_are_followed_and_the_controller_is_told(place):
    scorers = {"prices/1": ConstantScorer(1.0), "prices/2": ConstantScorer(2.0)}

    async def scenario():
        async with running(place, scorers, Route("prices", "prices/1")) as client:
            first = await value_at(client)
            write_routes(place.routes, Route("prices", "prices/2", warm=("prices/1",)), generation=2)
            served = await asyncio.to_thread(place.wait_for_generation, 2)
            return first, await value_at(client), served

    first, second, served = asyncio.run(scenario())

    assert (first, second) == (1.0, 2.0)
    assert served.loaded == ("prices/1", "prices/2")
    assert served.refused == {}


def test_a_release_that_may_not_be_loaded_is_refused_and_the_old_one_answers(place):
    async def scenario():
        async with prices(place, ConstantScorer(1.0)) as client:
            write_routes(place.routes, Route("prices", "prices/666"), generation=2)
            served = await asyncio.to_thread(place.wait_for_generation, 2)
            return await value_at(client), served, (await client.get("/health/ready")).status_code

    value, served, ready = asyncio.run(scenario())

    assert value == 1.0
    assert "Sign it" in served.refused["prices/666"]
    assert served.loaded == ("prices/1",)
    assert ready == 200


def test_a_release_is_loaded_once_for_as_long_as_it_is_named(place):
    loads = []

    def counted(release):
        loads.append(release)
        return ConstantScorer()

    class Scorers(dict):
        def __contains__(self, release):
            return release != "prices/bad"

        def __getitem__(self, release):
            return counted(release)

    async def scenario():
        async with running(place, Scorers(), Route("prices", "prices/1")):
            for generation, champion in enumerate(["prices/bad", "prices/1", "prices/2", "prices/1"], 2):
                write_routes(place.routes, Route("prices", champion), generation=generation)
                await asyncio.to_thread(place.wait_for_generation, generation)

    asyncio.run(scenario())

    assert loads == ["prices/1", "prices/2", "prices/1"]


def test_other_bytes_under_the_same_name_are_loaded_anew(place):
    values = iter([1.0, 2.0])

    class Scorers(dict):
        def __contains__(self, release):
            return True

        def __getitem__(self, release):
            return ConstantScorer(next(values))

    async def scenario():
        async with running(place, Scorers(), Route("prices", "prices/1")) as client:
            write_routes(place.routes, Route("prices", "prices/1"), generation=2, digests={"prices/1": "1" * 64})
            await asyncio.to_thread(place.wait_for_generation, 2)
            return await value_at(client)

    assert asyncio.run(scenario()) == 2.0


def test_a_release_that_nobody_names_is_freed(place):
    scorers = {"prices/1": ConstantScorer(1.0), "prices/2": ConstantScorer(2.0)}

    async def scenario():
        async with running(place, scorers, Route("prices", "prices/1")) as client:
            await value_at(client)
            first = weakref.ref(scorers.pop("prices/1"))
            write_routes(place.routes, Route("prices", "prices/2"), generation=2)
            await asyncio.to_thread(place.wait_for_generation, 2)
            await value_at(client)
            await asyncio.sleep(0.05)
            gc.collect()
            return first() is None

    assert asyncio.run(scenario())


def test_routes_that_cannot_be_read_change_nothing(place):
    async def scenario():
        async with prices(place, ConstantScorer(1.0)) as client:
            place.routes.write_bytes(b'{"generation": 2, "routes": [')
            await until(lambda: place.served().refused)
            return await value_at(client), place.served()

    value, served = asyncio.run(scenario())

    assert value == 1.0
    assert served.generation == 1
    assert "cannot be read" in served.refused["routes.json"]


def test_a_server_is_ready_only_when_every_champion_is_loaded(place):
    gate = threading.Event()

    class Slow(dict):
        def __contains__(self, release):
            return gate.wait(5)

    async def scenario():
        async with running(
            place, Slow({"prices/1": ConstantScorer()}), Route("prices", "prices/1"), wait=False
        ) as client:
            codes = [
                (await client.get("/health/live")).status_code,
                (await client.get("/health/ready")).status_code,
                (await client.post("/endpoints/prices/predict", json=ROWS)).status_code,
            ]
            gate.set()
            await until(lambda: client.plane.table.generation)
            return codes, (await client.get("/health/ready")).json()

    codes, ready = asyncio.run(scenario())

    assert codes == [200, 503, 503]
    assert ready["ready"]
    assert ready["loaded"] == ["prices/1"]


def test_a_refused_release_is_tried_again_on_request(place):
    scorers = {"prices/1": ConstantScorer(1.0)}

    async def scenario():
        async with running(place, scorers, Route("prices", "prices/1")) as client:
            write_routes(place.routes, Route("prices", "prices/2"), generation=2)
            await asyncio.to_thread(place.wait_for_generation, 2)
            scorers["prices/2"] = ConstantScorer(2.0)
            client.plane.reread()
            await until(lambda: not place.served().refused)
            return await value_at(client)

    assert asyncio.run(scenario()) == 2.0
