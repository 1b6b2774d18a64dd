"""Before a release is made, its golden rows must get in a batch what they get one by one."""

from __future__ import annotations

import pytest
from loop_projects import house, run_in, write

from kaizenml.core.run import RunState
from kaizenml.errors import IntegrityError, KaizenError

STEP = "\n@project.step\ndef features(rows):\n    "
NEIGHBOURS = {
    "mean": 'return rows.with_columns(centred=pl.col("amount") - pl.col("amount").mean())',
    "rank": 'return rows.with_columns(rank=pl.col("amount").rank())',
    "shift": 'return rows.with_columns(before=pl.col("amount").shift(1).fill_null(0))',
    "count": "return rows.with_columns(size=pl.len() * pl.col('amount'))",
    "sort": 'return rows.sort("amount")',
}


@pytest.mark.parametrize("look", NEIGHBOURS)
def test_features_that_look_at_their_neighbours_are_refused(tmp_path, look):
    folder = write(tmp_path / "shop", STEP + NEIGHBOURS[look])

    with pytest.raises(IntegrityError) as refused:
        run_in(folder)

    assert "golden rows" in refused.value.message
    assert "`features`" in refused.value.hint
    assert "its own row only" in refused.value.hint
    with house(folder).records.reading() as books:
        assert books.releases.newest("shop") == books.models.newest("shop") == []
        assert [run.state for run in books.runs.newest("shop")] == [RunState.FAILED]


def test_features_of_a_row_by_itself_are_taken(tmp_path):
    folder = write(tmp_path / "shop", STEP + 'return rows.with_columns(twice=pl.col("amount") * 2)')

    assert run_in(folder).state is RunState.FINISHED


def test_features_that_lose_rows_are_told_how_many(tmp_path):
    folder = write(tmp_path / "shop", STEP + "return rows.head(5)")

    with pytest.raises(KaizenError, match="200 rows and returned 5 rows"):
        run_in(folder)
