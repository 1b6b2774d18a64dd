"""What a step of the preparation changed is only what is another value afterwards."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from kaizenml.loop.preparing_told import _differences


def test_a_time_that_a_step_left_alone_is_not_told_as_changed() -> None:
    before = pl.DataFrame({"at": [datetime(2025, 8, 1, tzinfo=UTC)], "is_new": [True], "size": [float("nan")]})
    after = before.with_columns(hour=pl.col("at").dt.hour(), is_new=pl.lit(value=1))

    told = {change.column: change.how for change in _differences(before, after, "made", "changed")}

    assert told == {"hour": "made", "is_new": "changed"}
