"""A small project with a time, and the traffic of its days."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from loop_processes import Up, soon

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 30
CODE = '''"""Will this parcel be late?"""

import time
from pathlib import Path

import polars as pl
from sklearn.linear_model import LogisticRegression

import kaizenml as kz

project = kz.Project("shop", source=kz.files("data/*.csv"), target="late", id="parcel", time="at")
HOLD = Path(__file__).with_name("hold")


@project.step
def select(raw: pl.DataFrame, shuffled: bool = False) -> pl.DataFrame:
    """Keep all rows; wait as long as somebody holds the run up; break the labels on purpose where asked."""
    while HOLD.exists():
        time.sleep(0.02)
    return raw.with_columns(pl.col("late").shuffle(seed=7)) if shuffled else raw


@project.step
def estimator(strength: float = 1.0) -> LogisticRegression:
    """Return a model that learns in no time."""
    return LogisticRegression(C=strength)


project.gate(kz.beats_baselines("roc_auc"), kz.at_least("roc_auc", 0.7))
project.serve(canary=(50, 100), approval="policy", automatic=False, requests=5)
project.monitor(kz.performance("roc_auc", drop=0.2), kz.every("1d"))
'''


def rows_of_day(day: datetime) -> list[dict[str, Any]]:
    """Return the parcels of a day, three an hour, with the truth."""
    rng = random.Random(day.toordinal())
    return [_parcel(day + timedelta(hours=hour, minutes=15 * part), rng) for hour in range(24) for part in range(3)]


def _parcel(at: datetime, rng: random.Random) -> dict[str, Any]:
    weight, distance, carrier = rng.uniform(0, 10), rng.uniform(0, 900), rng.choice("ABC")
    late = weight / 10 + distance / 900 + (carrier == "C") * 0.5 + rng.gauss(0, 0.25) > 1.2
    return {
        "parcel": f"{at:%Y%m%d%H%M}", "at": at.isoformat().replace("+00:00", "Z"), "weight": round(weight, 3),
        "distance": round(distance, 1), "carrier": carrier, "late": late,
    }  # fmt: skip


def write_shop(folder: Path) -> Path:
    """Write the project with a month of data."""
    (folder / "data").mkdir(parents=True)
    (folder / "project.py").write_text(CODE)
    (folder / "kaizen.toml").write_text('clock = "data"\n')
    rows = [row for day in range(DAYS) for row in rows_of_day(START + timedelta(days=day))]
    lines = [
        ",".join(rows[0]),
        *(
            ",".join(str(cell).lower() if isinstance(cell, bool) else str(cell) for cell in row.values())
            for row in rows
        ),
    ]
    (folder / "data" / "parcels.csv").write_text("\n".join(lines) + "\n")
    return folder


def days_after() -> Iterator[datetime]:
    """Return the days behind those of the data, one after the other."""
    day = START + timedelta(days=DAYS)
    while True:
        yield day
        day += timedelta(days=1)


def live(running: Up, day: datetime) -> list[int]:
    """Send a day's parcels and then their truth, let the clock pass it, wait for the loop; return every status."""
    said = []
    for row in rows_of_day(day):
        asked = {name: cell for name, cell in row.items() if name != "late"}
        said.append(running.predict("shop", [asked], at=row["at"]).status_code)
    labels = [{"id": row["parcel"], "value": row["late"], "at": row["at"]} for row in rows_of_day(day)]
    said.append(running.feedback("shop", labels).status_code)
    next_day = (day + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    said.append(running.post("/api/v1/clock", {"to": next_day}).status_code)
    soon(lambda: running.get("/api/v1/loop")["is_idle"], within=60)
    return said


def champion(running: Up) -> tuple[str, str]:
    """Return who serves by the records, and who by the answers."""
    row = {name: cell for name, cell in rows_of_day(START)[0].items() if name != "late"}
    return running.endpoint("shop")["champion"], running.predict("shop", [row]).json()["release"]
