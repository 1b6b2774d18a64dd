"""Where a model does worse than another one on some rows, although it may not on all of them."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from kaizenml.core.difference import Word
from kaizenml.core.run import Run
from kaizenml.improvement.backtest import compare
from kaizenml.loop.observing import LOSSES, SLICE
from kaizenml.loop.wiring import House
from kaizenml.training.slices import holm

#: Slices with fewer test rows in common are left out.
FEWEST_ROWS = 30
#: Rows without days make so many groups.
_GROUPS = 30
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """How the mean loss on a slice changed: ``gain`` is positive where it fell, with its 95 % interval.

    ``p_adjusted`` is the probability of so large a difference were there none, for as many slices as were looked at.
    """

    column: str
    value: str
    rows: int
    before: float
    after: float
    gain: float
    low: float | None
    high: float | None
    p_adjusted: float
    word: Word = Word.NOISE

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.column} = {self.value}"


def slice_differences(house: House, before: Run, after: Run) -> list[SliceDifference]:
    """Return how the losses of the slices that both runs declare differ, the worst first.

    Notes
    -----
    Paired on the test rows that both have, by blocks; a Student-t test of the block means of each slice, and Holm's
    correction for their number.
    """
    if LOSSES not in before.artefacts or LOSSES not in after.artefacts:
        return []
    left, right = (pl.read_parquet(io.BytesIO(house.blobs.get(run.artefacts[LOSSES]))) for run in (before, after))
    cuts = [name for name in right.columns if name.startswith(SLICE) and name in left.columns]
    rows = left.unique("key").select("key", "block", before="loss").join(
        right.unique("key").select("key", *cuts, after="loss"), on="key"
    )  # fmt: skip
    found = [
        _one(cut.removeprefix(SLICE), str(value), part)
        for cut in cuts
        for (value,), part in rows.drop_nulls(cut).sort("key").group_by([cut], maintain_order=True)
        if len(part) >= FEWEST_ROWS
    ]
    corrected = holm(np.array([each.p_adjusted for each in found])).tolist() if found else []
    told = [replace(each, p_adjusted=p, word=_word(each.gain, p)) for each, p in zip(found, corrected, strict=True)]
    return sorted(told, key=lambda each: (each.gain, each.name))


def _one(column: str, value: str, rows: pl.DataFrame) -> SliceDifference:
    before, after = rows["before"].to_numpy(), rows["after"].to_numpy()
    has_days = rows["block"].null_count() == 0 and rows["block"].n_unique() > 1
    blocks = rows["block"].to_numpy() if has_days else np.arange(len(rows)) * _GROUPS // len(rows)
    seen = compare(before, after, blocks)
    return SliceDifference(
        column, value, len(rows), float(before.mean()), float(after.mean()), seen.mean, seen.low, seen.high,
        _p(seen.mean, seen.deviation, seen.blocks),
    )  # fmt: skip


def _p(mean: float, deviation: float, blocks: int) -> float:
    from scipy.stats import t

    if blocks < 2 or mean == 0:
        return 1.0
    if deviation == 0:
        return 0.0
    return float(2 * t.sf(abs(mean) / (deviation / math.sqrt(blocks)), blocks - 1))


def _word(gain: float, p: float) -> Word:
    if gain == 0:
        return Word.SAME
    if p >= LEVEL:
        return Word.NOISE
    return Word.BETTER if gain > 0 else Word.WORSE
