"""Tables to learn from: scikit-learn's, and one as people really send them."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import polars as pl
from sklearn import datasets

NULLS = ("NA", "-", "")
SHAPES = ("%Y-%m-%d", "%d.%m.%Y", "%b %d, %Y")
CITIES = ("Lyon", "Oslo", "Graz", "Porto")


def write_known(load: str, path: Path) -> None:
    """Write one of scikit-learn's tables as CSV."""
    frame = getattr(datasets, load)(as_frame=True).frame
    pl.DataFrame({name: frame[name].to_numpy() for name in frame.columns}).write_csv(path)


def messy_row(number: int, rng: random.Random) -> dict[str, str]:
    """Return one row of a shop's customers, written by hand by many people."""
    price, visits, city = rng.uniform(200, 9000), rng.randrange(40), rng.choice(CITIES)
    since = date(2021, 1, 1) + timedelta(days=rng.randrange(1200))
    churned = price / 9000 + (city == "Oslo") * 0.5 + rng.gauss(0, 0.15) > 0.75
    return {
        "customer_id": f"C{number:05d}",
        "spent": rng.choice(NULLS) if rng.random() < 0.05 else f"${price:,.2f}",
        "since": rng.choice(NULLS) if rng.random() < 0.05 else since.strftime(rng.choice(SHAPES)),
        "visits": rng.choice(NULLS) if rng.random() < 0.05 else str(visits),
        "city": rng.choice(NULLS) if rng.random() < 0.03 else rng.choice((city, f" {city}", f"{city}  ")),
        "churned": "yes" if churned else "no",
    }


def write_messy(path: Path, rows: int = 900, seed: int = 1) -> None:
    rng = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(messy_row(0, rng)))
        writer.writeheader()
        writer.writerows(messy_row(number, rng) for number in range(rows))


#: Each table: how it is written, and what is to be learned.
TABLES: dict[str, tuple[Callable[[Path], None], str]] = {
    "breast_cancer": (partial(write_known, "load_breast_cancer"), "target"),
    "wine": (partial(write_known, "load_wine"), "target"),
    "diabetes": (partial(write_known, "load_diabetes"), "target"),
    "digits": (partial(write_known, "load_digits"), "target"),
    "messy": (write_messy, "churned"),
}
