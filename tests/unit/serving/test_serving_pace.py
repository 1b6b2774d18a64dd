import asyncio

import pytest
from serving_light import ConstantScorer, Place
from serving_samples import prices

from kaizenml.serving.limits import Limits
from kaizenml.serving.pace import FEW_ROWS, Pace


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def proven(seconds):
    pace = Pace()
    for _ in range(16):
        pace.record(1, seconds)
    return pace


def test_a_release_is_quick_once_it_has_proved_it():
    assert not Pace().is_quick(1, 1.0)
    assert proven(1e-5).is_quick(FEW_ROWS, 1e-4)
    assert not proven(1e-3).is_quick(1, 1e-4)


def test_many_rows_are_never_expected_to_be_quick():
    assert not proven(1e-5).is_quick(FEW_ROWS + 1, 1e-4)


def test_one_long_answer_makes_a_release_prove_itself_again():
    pace = proven(1e-5)

    pace.doubt(2e-4, 1e-4)
    assert pace.is_quick(1, 1e-4)
    pace.doubt(2e-3, 1e-4)

    assert not pace.is_quick(1, 1e-4)


@pytest.mark.parametrize("inline_seconds", [0.0, 1.0])
def test_where_a_row_is_scored_changes_nothing_that_is_seen(place, inline_seconds):
    scorer = ConstantScorer(4.5)

    async def scenario():
        async with prices(place, scorer, limits=Limits(inline_seconds=inline_seconds)) as client:
            fares = [1.0] * 40 + [-1]
            posts = [await client.post("/endpoints/prices/predict", json={"rows": [{"fare": fare}]}) for fare in fares]
            scorer.error = ValueError("secret")
            posts.append(await client.post("/endpoints/prices/predict", json={"rows": [{"fare": 1.0}]}))
            scorer.error = SystemExit()
            posts.append(await client.post("/endpoints/prices/predict", json={"rows": [{"fare": 1.0}]}))
            return posts

    responses = asyncio.run(scenario())

    assert [response.status_code for response in responses] == [200] * 40 + [422, 500, 500]
    assert {response.json()["predictions"][0]["value"] for response in responses[:40]} == {4.5}
