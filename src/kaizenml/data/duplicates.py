"""Rows that occur twice, with another id or without, and equal rows that contradict each other about the target."""

from __future__ import annotations

import polars as pl

from kaizenml.data.clean import Flaw, FlawKind

#: A table of so few columns repeats its rows by nature.
_FEWEST_COLUMNS = 3


def duplicate_flaws(frame: pl.DataFrame, *, target: str | None = None, id: str | None = None) -> tuple[Flaw, ...]:  # noqa: A002
    """Return what can be told of rows that are equal in every column but the id.

    Parameters
    ----------
    frame
        Clean rows, so that ``1.0`` and ``1`` are equal.
    """
    features = [name for name in frame.columns if name not in (target, id)]
    columns = [name for name in frame.columns if name != id]
    if len(features) < _FEWEST_COLUMNS or frame.is_empty():
        return ()
    copies = frame.height - frame.select(columns).n_unique()
    flaws = [_copies(copies, frame.height, has_id=id is not None)] if copies else []
    contradictions = _contradictions(frame, features, target) if target in frame.columns else 0
    if contradictions and target is not None:
        flaws.append(_contradiction(contradictions, frame.height, target))
    return tuple(flaws)


def _contradictions(frame: pl.DataFrame, features: list[str], target: str | None) -> int:
    """Return how many rows have a twin with another target."""
    groups = frame.group_by(features).agg(pl.len().alias("__rows"), pl.col(target or "").n_unique().alias("__said"))
    return int(groups.filter(pl.col("__said") > 1)["__rows"].sum())


def _copies(count: int, rows: int, *, has_id: bool) -> Flaw:
    besides = " but their id" if has_id else ""
    return Flaw(
        FlawKind.DUPLICATE,
        "",
        f"{count:,} rows are equal to an earlier one in everything{besides}",
        "Copies in training and test rows make a model look better than it is: remove them in `select` with "
        "raw.unique(maintain_order=True), unless each is an observation of its own.",
        count,
        count / rows,
    )


def _contradiction(count: int, rows: int, target: str) -> Flaw:
    return Flaw(
        FlawKind.CONTRADICTION,
        target,
        f"{count:,} rows have a twin, equal in every other column, with another {target}",
        "No model can be right about both: look for a column that tells them apart, or for wrong labels.",
        count,
        count / rows,
    )
