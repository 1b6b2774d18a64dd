"""Columns that may give the answer away: known only afterwards, or the answer under another name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from kaizenml.core.metric import Task

#: A single column that orders the two classes this well is too good to be true (honest ones reach .98).
ENOUGH_AUC = 0.995

#: A single column that explains this share of the classes, or of the variance.
ENOUGH_SHARE = 0.995

_ROWS = 50_000
_FEW = 0.05
_LEAST_ROWS_SHARE = 0.05
_AFTERWARDS = frozenset({"outcome", "result", "label", "prediction", "predicted", "actual", "resolution"})


@dataclass(frozen=True, slots=True)
class Suspect:
    """A column that may give the answer away, and the evidence as a sentence."""

    column: str
    evidence: str


def leakage_suspects(frame: pl.DataFrame, features: list[str], target: str, task: Task) -> tuple[Suspect, ...]:
    """Return the features that almost determine the target alone, or whose name says so; warnings, not proofs.

    Notes
    -----
    Two classes: the area under the ROC curve of the column alone, by ranks (Mann & Whitney, 1947; Hanley & McNeil,
    1982). Classes by categories: Goodman & Kruskal's lambda (1954), the share of wrong guesses that knowing the
    category avoids. Numbers: the square of Spearman's rank correlation; by categories, the correlation ratio
    (Fisher, 1925). At most 50,000 rows are looked at, evenly spaced.
    """
    sample = frame.gather_every(max(1, frame.height // _ROWS))
    evidence = {name: _evidence(sample, name, target, task) or _name_hint(name, target) for name in features}
    return tuple(Suspect(name, sentence) for name, sentence in evidence.items() if sentence)


def _evidence(sample: pl.DataFrame, name: str, target: str, task: Task) -> str:
    return next(_signs(sample.select(x=name, y=target), name, target, task), "")


def _signs(pairs: pl.DataFrame, name: str, target: str, task: Task) -> Iterator[str]:
    said = pairs.drop_nulls("x")
    is_ordered = not pairs.schema["x"].is_(pl.String)
    if said.height >= max(20, _LEAST_ROWS_SHARE * pairs.height):
        yield from _signs_of_values(said, name, target, task, is_ordered)
    if 0 < pairs["x"].null_count() < pairs.height and task is not Task.REGRESSION:
        explained = _lambda(pairs.select(x=pl.col("x").is_null(), y="y"))
        if explained >= ENOUGH_SHARE and task is Task.BINARY:
            yield f"whether {name} has a value tells {target} in all but {1 - explained:.1%} of the rows that matter"


def _signs_of_values(said: pl.DataFrame, name: str, target: str, task: Task, is_ordered: bool) -> Iterator[str]:
    few = said["x"].n_unique() <= max(2, _FEW * said.height)
    if task is Task.BINARY and is_ordered:
        auc = _auc(said)
        if auc >= ENOUGH_AUC:
            yield f"{name} alone orders the two values of {target} with an area under the ROC curve of {auc:.4f}"
    if task is not Task.REGRESSION and few and (explained := _lambda(said)) >= ENOUGH_SHARE:
        yield f"each value of {name} goes with one {target}: knowing it avoids {explained:.1%} of the wrong guesses"
    if task is Task.REGRESSION and is_ordered and (rho2 := _rank_r2(said)) >= ENOUGH_SHARE:
        yield f"{name} alone puts the rows into the order of {target}: squared rank correlation {rho2:.4f}"
    if task is Task.REGRESSION and few and (eta2 := _eta2(said)) >= ENOUGH_SHARE:
        yield f"the means of {target} by {name} explain {eta2:.1%} of its variance"


def _auc(pairs: pl.DataFrame) -> float:
    """Return the area under the ROC curve of ``x`` for the greater ``y``, or of its reverse if that is larger."""
    is_positive = pl.col("y") == pl.col("y").max()
    ranks, positives, rows = pairs.select(
        pl.col("x").rank("average").filter(is_positive).sum().alias("ranks"),
        is_positive.sum().cast(pl.Float64).alias("positives"),
        pl.len().cast(pl.Float64).alias("rows"),
    ).row(0)
    if not 0 < positives < rows or pairs["y"].n_unique() < 2:
        return 0.0
    area = (ranks - positives * (positives + 1) / 2) / (positives * (rows - positives))
    return float(max(area, 1 - area))


def _lambda(pairs: pl.DataFrame) -> float:
    """Return the share in [0, 1] of wrong guesses of ``y`` that knowing ``x`` avoids."""
    cells = pairs.group_by("x", "y").len()
    right = float(cells.group_by("x").agg(pl.col("len").max())["len"].sum())
    blind = float(cells.group_by("y").agg(pl.col("len").sum())["len"].max())  # type: ignore[arg-type]
    return (right - blind) / (pairs.height - blind) if blind < pairs.height else 0.0


def _rank_r2(pairs: pl.DataFrame) -> float:
    ranks = pairs.select(pl.all().to_physical().rank("average"))
    if ranks["x"].n_unique() < 2 or ranks["y"].n_unique() < 2:
        return 0.0
    return float(ranks.select(pl.corr("x", "y")).item()) ** 2


def _eta2(pairs: pl.DataFrame) -> float:
    y = pl.col("y").cast(pl.Float64)
    total = float(pairs.select(((y - y.mean()) ** 2).sum()).item())
    within = float(pairs.select(((y - y.mean().over("x")) ** 2).sum()).item())
    return 1 - within / total if total else 0.0


def _name_hint(name: str, target: str) -> str:
    words = set(re.split(r"[^a-z0-9]+", name.lower()))
    if len(target) > 3 and target.lower() in words and name != target:
        return f"the name {name} contains the target's name {target}: it may be known only afterwards"
    found = sorted(words & _AFTERWARDS)
    return f"the name {name} contains {found[0]!r}: it may be known only afterwards" if found else ""
