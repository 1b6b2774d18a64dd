"""Point-in-time joins beside DuckDB's ASOF JOIN."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import kaizenml as kz

duckdb = pytest.importorskip("duckdb")

START = datetime(2026, 1, 1)
ROWS = 20_000


def seconds(counts: np.ndarray) -> pl.Series:
    return pl.Series(counts * 1_000_000).cast(pl.Duration("us"))


def events(seed: int) -> pl.DataFrame:
    """Return rows of which no two of a key are of one moment: DuckDB does not say which of those it takes."""
    rng = np.random.default_rng(seed)
    at = START + seconds(rng.permutation(ROWS * 4)[:ROWS])
    return pl.DataFrame({"key": rng.integers(0, 300, ROWS), "at": at, "value": rng.random(ROWS)})


def by_duckdb(left: pl.DataFrame, right: pl.DataFrame, folder: Path, query: str) -> list[float | None]:
    left.with_row_index("place").write_parquet(folder / "left.parquet")
    right.write_parquet(folder / "right.parquet")
    with duckdb.connect() as connection:
        for name in ("left", "right"):
            connection.execute(f"create view {name}_rows as from '{folder / name}.parquet'")
        return [value for (value,) in connection.execute(query).fetchall()]


@pytest.mark.parametrize("seed", range(3))
def test_the_latest_row_before_is_duckdbs(tmp_path: Path, seed: int) -> None:
    left, right = events(seed), events(seed + 100)

    joined = kz.join(left, right, on="key", as_of="at")

    assert joined["value_right"].to_list() == by_duckdb(
        left, right, tmp_path,
        """select r.value from left_rows l asof left join right_rows r on l.key = r.key and l.at >= r.at
           order by place""",
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_a_tolerance_is_a_filter_on_duckdbs(tmp_path: Path, seed: int) -> None:
    left, right = events(seed), events(seed + 100)

    joined = kz.join(left, right, on="key", as_of="at", tolerance=timedelta(minutes=5))

    expected = by_duckdb(
        left, right, tmp_path,
        """select case when l.at - r.at <= interval 5 minute then r.value end
           from left_rows l asof left join right_rows r on l.key = r.key and l.at >= r.at order by place""",
    )  # fmt: skip
    assert joined["value_right"].to_list() == expected
    assert None in expected


def test_knowledge_time_is_duckdbs_latest_of_all_that_were_known(tmp_path: Path) -> None:
    left, right = events(7).head(3_000), events(8)
    late = np.random.default_rng(9).integers(0, 40_000, ROWS)
    right = right.with_columns(heard=pl.col("at") + seconds(late))

    joined = kz.join(left, right, on="key", as_of="at", known="heard")

    assert joined["value_right"].to_list() == by_duckdb(
        left, right, tmp_path,
        """select max_by(r.value, r.at) from left_rows l left join right_rows r
           on l.key = r.key and l.at >= r.at and l.at >= r.heard group by place order by place""",
    )  # fmt: skip
