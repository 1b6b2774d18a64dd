"""Runs beside each other: where they differ, and whether a metric differs by more than noise."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from kaizenml.core.difference import (
    Difference,
    MetricDifference,
    Word,
    code_facts,
    differing,
    environment_facts,
    estimates,
    file_differences,
    metric_difference,
)
from kaizenml.core.run import Run
from kaizenml.core.symbols import symbol_differences
from kaizenml.errors import UsageError
from kaizenml.improvement.backtest import compare as by_blocks
from kaizenml.improvement.comparison import Outcome
from kaizenml.loop.observing import LOSSES
from kaizenml.loop.run_names import found_run
from kaizenml.loop.wiring import House
from kaizenml.training.provenance import unpacked_files

#: What the losses of single rows are called among the metrics.
ROW_LOSS = "loss of each test row"
#: Fewer rows in common say nothing.
FEWEST_ROWS = 30
#: Rows without days make so many groups.
_GROUPS = 50


def compare(house: House, words: Sequence[str]) -> Difference:
    """Return where runs differ from the first of them.

    Raises
    ------
    UsageError
        For fewer than two.
    """
    if len(words) < 2:
        raise UsageError("One run alone is not compared.", "Name two or more: `kaizen compare A B`.")
    with house.records.reading() as books:
        runs = [found_run(books, word) for word in words]
    return difference(house, runs)


def difference(house: House, runs: Sequence[Run]) -> Difference:
    """Return where runs differ from the first of them."""
    first, rest = runs[0], runs[1:]
    files = {run.id: _files(house, run) for run in runs}
    own, others = files[first.id], {run.id: files[run.id] for run in rest}
    return Difference(
        runs=tuple(run.id for run in runs),
        parameters=differing([_parameters(run) for run in runs]),
        code=differing([code_facts(run) for run in runs]),
        files={run: found for run, other in others.items() if (found := file_differences(own, other))},
        environment=differing([environment_facts(run.environment) for run in runs]),
        data=differing([_data(run) for run in runs]),
        metrics=tuple(each for run in rest for each in metric_differences(house, first, run)),
        symbols={run: named for run, other in others.items() if (named := symbol_differences(own, other))},
    )


def metric_differences(house: House, first: Run, other: Run) -> list[MetricDifference]:
    """Return how the metrics of a run differ from those of the first; the losses of the same rows come first."""
    paired = _paired(house, first, other)
    before, after = estimates(first), estimates(other)
    each = [metric_difference(name, other.id, before[name], after[name]) for name in before if name in after]
    found = [_by_rows(one, paired) for one in each if one is not None]
    return [*([paired] if paired else []), *found]


def _by_rows(found: MetricDifference, paired: MetricDifference | None) -> MetricDifference:
    """Return what the rows say of a metric that is the mean of their losses, in place of what the intervals say."""
    if (
        paired is None
        or paired.word is Word.UNKNOWN
        or not all(
            math.isclose(one, other, rel_tol=1e-9)
            for one, other in ((found.before, paired.before), (found.after, paired.after))
        )
    ):
        return found
    return replace(found, word=paired.word, because=paired.because)


def _paired(house: House, first: Run, other: Run) -> MetricDifference | None:
    """Return what the losses on the rows that both were tested on say, by blocks."""
    if LOSSES not in first.artefacts or LOSSES not in other.artefacts:
        return None
    left, right = (pl.read_parquet(io.BytesIO(house.blobs.get(run.artefacts[LOSSES]))) for run in (first, other))
    rows = left.unique("key").join(right.unique("key").select("key", other="loss"), on="key").sort("key")
    if len(rows) < FEWEST_ROWS:
        because = f"only {len(rows)} test rows are in both"
        return MetricDifference(ROW_LOSS, other.id, _mean(left), _mean(right), 0.0, Word.UNKNOWN, because)
    a, b = rows["loss"].to_numpy(), rows["other"].to_numpy()
    has_days = rows["block"].null_count() == 0
    blocks = rows["block"].to_numpy() if has_days else np.arange(len(rows)) * _GROUPS // len(rows)
    found = by_blocks(a, b, blocks)
    if not np.any(a != b):
        return MetricDifference(ROW_LOSS, other.id, _mean(left), _mean(right), 0.0, Word.SAME, "every row has the same")
    word = {Outcome.BETTER: Word.BETTER, Outcome.WORSE: Word.WORSE, Outcome.UNDECIDED: Word.NOISE}[found.outcome]
    interval = "" if found.low is None else f", 95 % interval {found.low:+.3g} to {found.high:+.3g}"
    kind = "blocks" if has_days else "groups (the rows have no time)"
    because = f"paired on the same {len(rows):,} test rows in {found.blocks} {kind}{interval}"
    return MetricDifference(ROW_LOSS, other.id, float(a.mean()), float(b.mean()), found.mean, word, because)


def _parameters(run: Run) -> dict[str, object]:
    return {**run.parameters, **({} if run.seed is None else {"seed": run.seed})}


def _data(run: Run) -> dict[str, object]:
    """Return the digest of each data set; two snapshots of the same rows are the same data."""
    return {name.partition("@")[0]: digest for name, digest in run.data.items()}


def _mean(losses: pl.DataFrame) -> float:
    return float(losses["loss"].to_numpy().mean())


def _files(house: House, run: Run) -> dict[str, bytes]:
    if run.code.files is None or not house.blobs.has(run.code.files):
        return {}
    return unpacked_files(house.blobs.get(run.code.files))
