import asyncio
import time

import pytest
from serving_light import ConstantScorer, Place
from serving_samples import LinearScorer, prices, running

from kaizenml.core.endpoint import Route
from kaizenml.serving.limits import Limits
from kaizenml.serving.segments import closed_segments, read_segment


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


async def ask(client, fare=1.0, rows=1):
    return await client.post("/endpoints/prices/predict", json={"rows": [{"fare": fare}] * rows})


def test_what_waits_is_scored_as_one_batch_and_each_gets_its_own(place):
    scorer = ConstantScorer(seconds=0.05)

    async def scenario():
        async with prices(place, scorer) as client:
            return await asyncio.gather(*(ask(client, rows=1 + number % 3) for number in range(30)))

    responses = asyncio.run(scenario())

    assert [len(response.json()["predictions"]) for response in responses] == [1 + n % 3 for n in range(30)]
    assert sum(scorer.batches) == 60
    assert len(scorer.batches) <= 4


def test_a_merged_batch_gives_what_single_requests_give(place):
    scorer = LinearScorer()
    row = {"age": 40, "fare": 7.25, "town": "Rome", "member": True}

    async def scenario():
        async with running(place, {"towns/1": scorer}, Route("towns", "towns/1")) as client:
            bodies = [{"rows": [{**row, "age": age}, {**row, "age": age + 1}]} for age in range(20, 60)]
            together = await asyncio.gather(*(client.post("/endpoints/towns/predict", json=body) for body in bodies))
            alone = [await client.post("/endpoints/towns/predict", json=body) for body in bodies]
            return [[p["probabilities"] for p in r.json()["predictions"]] for r in (*together, *alone)]

    probabilities = asyncio.run(scenario())

    assert len(scorer.batches) < 80
    for merged, single in zip(probabilities[:40], probabilities[40:], strict=True):
        assert [one["True"] for one in merged] == pytest.approx([one["True"] for one in single], abs=1e-12)


def test_a_bad_row_in_a_merged_batch_hits_only_the_request_that_brought_it(place):
    scorer = ConstantScorer(seconds=0.03)

    async def scenario():
        async with prices(place, scorer) as client:
            fares = [1.0] * 5 + [-1] + [2.0] * 5
            return await asyncio.gather(*(ask(client, fare) for fare in fares))

    responses = asyncio.run(scenario())

    assert [response.status_code for response in responses] == [200] * 5 + [422] + [200] * 5
    assert responses[5].json()["error"]["details"]["rows"] == [{"row": 0, "column": "fare", "problem": "is -1"}]


def test_a_full_queue_refuses_with_a_time_to_come_back(place):
    async def scenario():
        async with prices(place, ConstantScorer(seconds=0.1), limits=Limits(waiting=3)) as client:
            return await asyncio.gather(*(ask(client) for _ in range(10)))

    responses = asyncio.run(scenario())
    refused = [response for response in responses if response.status_code == 429]

    assert {response.status_code for response in responses} == {200, 429}
    assert 1 <= len(refused) <= 7
    assert refused[0].headers["retry-after"] == "1"


def test_rows_that_wait_are_bounded_too(place):
    async def scenario():
        async with prices(place, ConstantScorer(seconds=0.1), limits=Limits(waiting_rows=25)) as client:
            return await asyncio.gather(*(ask(client, rows=10) for _ in range(8)))

    assert 429 in {response.status_code for response in asyncio.run(scenario())}


def test_an_answer_that_comes_too_late_is_not_waited_for_and_not_logged(place):
    async def scenario():
        async with prices(place, ConstantScorer(seconds=0.3), limits=Limits(deadline_seconds=0.1)) as client:
            started = time.monotonic()
            responses = await asyncio.gather(ask(client), ask(client))
            return responses, time.monotonic() - started

    responses, seconds = asyncio.run(scenario())

    assert [response.status_code for response in responses] == [504, 504]
    assert seconds < 0.25
    assert closed_segments(place.spool) == []


def test_idle_nothing_is_added(place):
    scorer = ConstantScorer()

    async def scenario():
        async with prices(place, scorer) as client:
            for _ in range(50):
                await ask(client)

    asyncio.run(scenario())

    assert scorer.batches == [1] * 50


def test_a_crowded_shadow_is_dropped_and_counted_and_the_answers_come(place):
    scorers = {"prices/1": ConstantScorer(1.0), "prices/2": ConstantScorer(2.0, seconds=0.2)}
    route = Route("prices", "prices/1", "prices/2", is_shadowed=True)

    async def scenario():
        async with running(place, scorers, route, limits=Limits(waiting=10)) as client:
            responses = [await ask(client) for _ in range(12)]
            return responses, (await client.get("/metrics")).text

    responses, metrics = asyncio.run(scenario())

    assert {response.status_code for response in responses} == {200}
    assert 'outcome="dropped"' in metrics


def test_two_endpoints_are_never_scored_in_one_batch(place):
    scorers = {"prices/1": ConstantScorer(1.0, seconds=0.02), "prices/2": ConstantScorer(2.0, seconds=0.02)}
    routes = (Route("one", "prices/1"), Route("two", "prices/2"))

    async def scenario():
        async with running(place, scorers, *routes) as client:
            names = ["one", "two"] * 10
            posts = [client.post(f"/endpoints/{name}/predict", json={"rows": [{"fare": 1}]}) for name in names]
            return [response.json()["predictions"][0]["value"] for response in await asyncio.gather(*posts)]

    assert asyncio.run(scenario()) == [1.0, 2.0] * 10


def test_every_answer_of_a_batch_is_in_the_log_once(place):
    async def scenario():
        async with prices(place, ConstantScorer(seconds=0.01)) as client:
            responses = await asyncio.gather(*(ask(client) for _ in range(50)))
            return {response.json()["predictions"][0]["id"] for response in responses}

    ids = asyncio.run(scenario())
    logged = [id_ for path in closed_segments(place.spool) for entry in read_segment(path) for id_ in entry.ids]

    assert sorted(logged) == sorted(ids)
    assert len(ids) == 50
