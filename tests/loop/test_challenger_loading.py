"""A challenger is blamed for what it was asked, not for what was asked while it was still being loaded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from kaizenml.core.declaration import Declaration, Delivery
from kaizenml.core.digest import digest_of
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.gate import Verdict
from kaizenml.core.metric import Task
from kaizenml.core.release import Parts, Release, ReleaseState
from kaizenml.core.rollout import Phase, started
from kaizenml.core.signature import Signature
from kaizenml.improvement.rollout import MoveKind
from kaizenml.loop import improving
from kaizenml.loop.collecting import PREDICTIONS, predictions_of
from kaizenml.loop.wiring import House, open_house, read_settings

BEGUN = datetime(2024, 3, 1, tzinfo=UTC)
SIGNATURE = Signature(Task.REGRESSION, "price", ())


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "project.py").write_text("")
    house = open_house(read_settings(tmp_path))
    with house.records.writing() as books:
        books.declarations.save(Declaration("shop", str(tmp_path), "price", None, None, (), Delivery(), ()))
        rollout = started("shop-1", "shop", champion="shop/1", challenger="shop/2", steps=(50, 100), at=BEGUN)
        books.endpoints.save_rollout(rollout)
        books.endpoints.save(Endpoint("shop", "shop", "shop/1", rollout="shop-1", changed_at=BEGUN), seen=0)
        parts = Parts(*[digest_of("a part")] * 5)
        release = Release("shop", 2, parts, parts.digest, "shop:2", "run", "ada", ReleaseState.LIVE, Verdict(()), BEGUN)
        books.releases.add(release)
    return house


def logged(house: House, first: int, last: int, *, beside: str, is_shadowed: bool) -> None:
    """Write what the data plane logs of some rows that the champion answered."""
    who = [("shop/1", "answer", beside)] + ([("shop/2", "shadow", "shop/1")] if is_shadowed else [])
    rows = [
        (f"r{n}", BEGUN, BEGUN + timedelta(minutes=n), release, role, str(float(n)), [], "{}", f"q{n}", 0.001, other)
        for n in range(first, last)
        for release, role, other in who
    ]
    house.tables.append(predictions_of("shop"), pl.DataFrame(rows, PREDICTIONS, orient="row"), key=f"{first}")


def considered(house: House) -> improving.Move | None:
    with house.records.reading() as books:
        endpoint = books.endpoints.get("shop")
    return improving.consider(house, endpoint, SIGNATURE, BEGUN + timedelta(days=1))


def test_rows_answered_before_the_challenger_was_loaded_are_not_its_failures(house: House):
    logged(house, 0, 200, beside="", is_shadowed=False)
    logged(house, 200, 260, beside="shop/2", is_shadowed=True)

    move = considered(house)

    assert move is not None
    assert move.kind is MoveKind.HOLD


def test_rows_that_a_loaded_challenger_left_without_an_answer_are(house: House):
    logged(house, 0, 60, beside="shop/2", is_shadowed=True)
    logged(house, 60, 200, beside="shop/2", is_shadowed=False)

    move = considered(house)

    assert move is not None
    assert (move.kind, move.reason) == (MoveKind.ABORT, "70.0% of requests fail, 0.0% with the champion.")
    with house.records.reading() as books:
        assert books.endpoints.rollout("shop-1").state is Phase.ABORTED
