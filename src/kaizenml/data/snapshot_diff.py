"""What differs between two versions of the data: rows, columns, and what the columns hold."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from kaizenml.data.version import ColumnSummary, describe
from kaizenml.errors import UsageError

#: So many ids and cells are shown; the counts are of all.
_MOST_SHOWN = 20
_SHORT = 80


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows were added, removed and changed, and the ids of the first of each.

    Without an id a row is its values: a changed one counts as one removed and one added.
    """

    before: int
    after: int
    added: int
    removed: int
    changed: int
    added_ids: tuple[str, ...] = ()
    removed_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell that changed, as text."""

    id: str
    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """What a column held before and holds now.

    ``shift`` is the largest difference between the shares of rows below any value (numbers and times: the
    Kolmogorov–Smirnov distance), or half the sum of the differences between the shares of values (words: the total
    variation distance): 0 for equal distributions, 1 for ones that share nothing. Nulls count as a value of their own.
    """

    before: ColumnSummary
    after: ColumnSummary
    shift: float
    changed_cells: int


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs. ``retyped`` gives each column's type before and after; ``columns`` are the ones in both."""

    rows: Rows
    added_columns: tuple[str, ...]
    removed_columns: tuple[str, ...]
    retyped: dict[str, tuple[str, str]]
    columns: tuple[ColumnChange, ...]
    cells: tuple[Cell, ...]

    @property
    def is_empty(self) -> bool:
        """Say whether both versions hold the same rows of the same columns, in whatever order."""
        return not (
            self.rows.added or self.rows.removed or self.rows.changed
            or self.added_columns or self.removed_columns or self.retyped
        )  # fmt: skip


def difference(before: pl.DataFrame, after: pl.DataFrame, *, id: str | None) -> Difference:  # noqa: A002
    """Return what differs between two versions; the order of rows does not matter.

    Parameters
    ----------
    id
        The column that tells one row from every other, in both versions; None where there is none.

    Raises
    ------
    UsageError
        When an id is in a version twice, or missing from a row.
    """
    shared = [name for name in after.columns if name in before.columns]
    retyped = {
        name: (str(before.schema[name]), str(after.schema[name]))
        for name in shared
        if before.schema[name] != after.schema[name]
    }
    alike = [pl.col(name).cast(pl.String) if name in retyped else pl.col(name) for name in shared]
    old, new = before.select(alike), after.select(alike)
    counts: dict[str, int] = {}
    cells: tuple[Cell, ...] = ()
    if id is not None and id in shared:
        rows, counts, cells = _by_id(old, new, id)
    else:
        rows = _by_value(old, new)
    return Difference(
        rows,
        tuple(name for name in after.columns if name not in before.columns),
        tuple(name for name in before.columns if name not in after.columns),
        retyped,
        tuple(
            ColumnChange(then, now, shift(old[then.name], new[then.name]), counts.get(then.name, 0))
            for then, now in zip(describe(old), describe(new), strict=True)
        ),
        cells,
    )


def shift(before: pl.Series, after: pl.Series) -> float:
    """Return how far two columns of one type are from being equally distributed, from 0 to 1; see `ColumnChange`.

    Notes
    -----
    Kolmogorov (1933): sup over x of |F(x) - G(x)|; total variation: ½ Σ |p(x) - q(x)|. A null is the least value.
    """
    if before.is_empty() or after.is_empty():
        return 0.0 if len(before) == len(after) else 1.0
    was, now = (_shares(each, side) for each, side in ((before, "was"), (after, "now")))
    both = was.join(now, on="value", how="full", nulls_equal=True, coalesce=True)
    gap = both.select("value", gap=pl.col("was").fill_null(0.0) - pl.col("now").fill_null(0.0))
    kind = before.dtype
    if kind.is_numeric() or kind.is_temporal():
        return float(gap.sort("value", nulls_last=False)["gap"].cum_sum().abs().max() or 0.0)  # type: ignore[arg-type]
    return float(gap["gap"].abs().sum()) / 2


def _shares(column: pl.Series, name: str) -> pl.DataFrame:
    value = column.fill_nan(None) if column.dtype.is_float() else column
    counts = value.alias("value").value_counts(name=name)
    return counts.with_columns(pl.col(name) / len(column))


def _by_value(old: pl.DataFrame, new: pl.DataFrame) -> Rows:
    was, now = _counted(old, "was"), _counted(new, "now")
    both = was.join(now, on="row", how="full", coalesce=True).select(
        pl.col("was").fill_null(0).cast(pl.Int64), pl.col("now").fill_null(0).cast(pl.Int64)
    )
    more = both["now"] - both["was"]
    return Rows(len(old), len(new), int(more.clip(0).sum()), int((-more).clip(0).sum()), 0)


def _counted(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return how often each row is there, by two hashes of it: of 10 million rows none share both by chance."""
    rows = pl.DataFrame({"a": frame.hash_rows(seed=1), "b": frame.hash_rows(seed=2)})
    return rows.select(row=pl.struct("a", "b")).group_by("row").len(name)


def _by_id(old: pl.DataFrame, new: pl.DataFrame, id_: str) -> tuple[Rows, dict[str, int], tuple[Cell, ...]]:
    for frame in (old, new):
        _check_ids(frame[id_])
    added = new.filter(~pl.col(id_).is_in(old[id_].implode()))[id_]
    removed = old.filter(~pl.col(id_).is_in(new[id_].implode()))[id_]
    both = old.join(new, on=id_, how="inner", suffix="\0", maintain_order="right")
    names = [name for name in new.columns if name != id_]
    differs = both.select(pl.col(name).ne_missing(pl.col(f"{name}\0")).alias(name) for name in names)
    counts = {name: int(differs[name].sum()) for name in names}
    changed = int(differs.select(pl.any_horizontal(pl.all())).to_series().sum()) if names else 0
    rows = Rows(len(old), len(new), len(added), len(removed), changed, _texts(added), _texts(removed))
    return rows, counts, _cells(both, differs, id_)


def _cells(both: pl.DataFrame, differs: pl.DataFrame, id_: str) -> tuple[Cell, ...]:
    found: list[Cell] = []
    for name in differs.columns:
        cells = both.filter(differs[name]).select(id_, name, f"{name}\0").head(_MOST_SHOWN)
        found += [Cell(_text(key) or "", name, _text(was), _text(now)) for key, was, now in cells.iter_rows()]
    return tuple(found[:_MOST_SHOWN])


def _check_ids(ids: pl.Series) -> None:
    if ids.null_count():
        raise UsageError(f"{ids.null_count()} rows have no {ids.name}.", "Compare them by their values: no id.")
    if twice := len(ids) - ids.n_unique():
        example = ids.filter(ids.is_duplicated())[0]
        raise UsageError(
            f"{twice} rows have a {ids.name} that another has, such as {str(example)[:_SHORT]!r}.",
            "Compare them by their values: no id.",
        )


def _texts(values: pl.Series) -> tuple[str, ...]:
    return tuple(_text(value) or "" for value in values.head(_MOST_SHOWN).to_list())


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."
