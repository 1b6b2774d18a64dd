"""How late, in minutes on the mean, will flights leave an airport a week from now?"""

from pathlib import Path

import polars as pl
from lightgbm import LGBMRegressor

import kaizenml as kz

DAYS = Path(__file__).parent / "data" / "days.csv"
LAGS = (7, 14, 21, 28)


def with_lags(days: pl.DataFrame) -> pl.DataFrame:
    """Return the days, each with what was known a week before it."""
    return kz.lags(days, time="day", value="delay", by="airport", lags=LAGS, horizon=7)


def days() -> pl.DataFrame:
    """Return the days that have all their lags: from the fifth week on."""
    return with_lags(pl.read_csv(DAYS, try_parse_dates=True)).drop_nulls()


project = kz.Project("departures", source=kz.frame(days), target="delay", time="day", holdout="60d")


@project.step
def features(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the weekday, and the mean of the four weeks: each row by itself."""
    weeks = [f"delay_{lag}_days_before" for lag in LAGS]
    return rows.with_columns(
        weekday=pl.col("day").dt.weekday(),
        usual=pl.mean_horizontal(weeks),
    )


@project.step
def estimator(trees: int = 150, leaves: int = 6) -> LGBMRegressor:
    """Return the unfitted estimator. It learns the median: a few days with a storm do not pull it up."""
    return LGBMRegressor(objective="mae", n_estimators=trees, num_leaves=leaves, learning_rate=0.06, verbose=-1)


project.gate(kz.at_least("mean_absolute_error", 9))
