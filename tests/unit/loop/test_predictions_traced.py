"""Predictions are the end of lineage: up to what made one, and down to how many a bad snapshot touches."""

from __future__ import annotations

import pytest
from answered_shop import NOW, answered_shop

from kaizenml.core.lineage import Link, Node, Noun, Way
from kaizenml.errors import NotFoundError, UsageError
from kaizenml.loop.answered_rows import Touched
from kaizenml.loop.tracing import lineage, touched, traced


@pytest.mark.parametrize("text", ["prediction:shop/new-1", "prediction:new-1", "new-1", "prediction:new-6", "new-7"])
def test_a_prediction_leads_back_to_the_data_behind_it(text: str) -> None:
    graph = traced(answered_shop(), text, Way.UP).graph
    assert graph.start.noun is Noun.PREDICTION
    assert graph.of(Noun.RELEASE) + graph.of(Noun.MODEL) + graph.of(Noun.RUN) == ["shop/1", "shop:1", "run-1"]
    assert graph.of(Noun.SNAPSHOT) + graph.of(Noun.SOURCE) == ["shop@1", "shop/data/t.csv"]
    assert graph.of(Noun.ENDPOINT) == ["shop"]
    assert {place.node for place in graph.places if place.distance == -1} == {
        Node(Noun.RELEASE, "shop/1"), Node(Noun.ENDPOINT, "shop"),
    }  # fmt: skip


def test_a_row_scored_in_the_shadow_leads_back_both_ways() -> None:
    graph = traced(answered_shop(), "new-7", Way.UP).graph
    at = Node(Noun.PREDICTION, "shop/new-7")
    release = Node(Noun.RELEASE, "shop/1")
    assert Link(release, "answered", at, "shop") in graph.links
    assert Link(release, "scored in shadow", at, "shop") in graph.links


@pytest.mark.parametrize("text", ["snapshot:shop@1", "run:run-1", "release:shop/1", "endpoint:shop", "source:t.csv"])
def test_a_thing_tells_how_many_predictions_it_touches(text: str) -> None:
    found = traced(answered_shop(), text, Way.DOWN)
    assert found.predictions == (
        Touched("shop", "shop/1", "answer", 8, NOW, NOW),
        Touched("shop", "shop/1", "shadow", 1, NOW, NOW),
    )


def test_upwards_nothing_is_counted() -> None:
    assert traced(answered_shop(), "release:shop/1", Way.UP).predictions == ()
    assert traced(answered_shop(), "new-1", Way.BOTH).predictions == ()


def test_the_predictions_that_a_snapshot_touches_are_listed() -> None:
    rows = touched(answered_shop(), "snapshot:shop@1", limit=100)
    assert rows.columns == ["endpoint", "id", "at", "release", "role", "value"]
    assert sorted(rows["id"]) == sorted([*(f"new-{number}" for number in range(8)), "new-7"])
    first, rest = (touched(answered_shop(), "shop@1", limit=4, after=after) for after in (0, 4))
    assert first.rows() + rest.rows() == rows.rows()[:8]


def test_a_prediction_that_nobody_knows_is_met_with_the_close_one() -> None:
    for text, close in [("prediction:nwe-1", "new-1"), ("prediction:shop/nwe-1", "shop/new-1")]:
        with pytest.raises(NotFoundError) as told:
            traced(answered_shop(), text, Way.UP)
        assert close in told.value.hint
        assert "erased" in told.value.hint


def test_a_way_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="sideways"):
        lineage("shop/1", way="sideways")
