"""Will this flight land more than a quarter of an hour late?

Known before departure: schedule, carrier, route, and the weather at the airport an hour earlier.
"""

import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier

import kaizenml as kz

project = kz.Project(
    "flights",
    source=kz.files("data/*.csv"),
    target="late",
    id="flight_id",
    time="scheduled",
    ignore=("arr_delay", "arr_time", "dep_delay", "dep_time", "air_time", "tailnum", "flight"),
    holdout="14d",
)


@project.step
def select(raw: pl.DataFrame, shuffled: bool = False) -> pl.DataFrame:
    """Keep the flights that flew, and say which were late. Training only: it chooses rows and makes the target.

    ``shuffled`` breaks the labels on purpose: the demo makes a bad release with it, to see it stopped.
    """
    flew = raw.filter(pl.col("arr_delay").is_not_null()).with_columns(late=pl.col("arr_delay") > 15)
    return flew.with_columns(pl.col("late").shuffle(seed=7)) if shuffled else flew


@project.step
def features(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the hour and the weekday. Training *and* serving: each row by itself, never by its neighbours."""
    return rows.with_columns(
        hour=pl.col("scheduled").dt.hour() + pl.col("scheduled").dt.minute() / 60,
        weekday=pl.col("scheduled").dt.weekday(),
        arrival_hour=pl.col("sched_arr_time") // 100,
    )


@project.step
def estimator(learning_rate: float = 0.1, max_iter: int = 100) -> HistGradientBoostingClassifier:
    """Return the unfitted estimator; imputation, encoding and scaling are put in front of it."""
    return HistGradientBoostingClassifier(
        learning_rate=learning_rate, max_iter=max_iter, min_samples_leaf=80, l2_regularization=5.0
    )


project.gate(
    kz.at_least("roc_auc", 0.6),
    kz.beats_baselines("roc_auc"),
    kz.not_worse("log_loss"),
    kz.slices("origin", worst=0.55),
)
project.serve(canary=(5, 25, 100), approval="policy", requests=8)
project.monitor(
    kz.drift("carrier", "origin", "dest", "distance"),  # weather changes by itself; a new schedule is a drift
    kz.performance("log_loss", drop=0.1),
    kz.bias(0.15),
    kz.staleness(days=60),
    kz.latency(p99_seconds=0.5),
    kz.resources(memory_bytes=1_500_000_000),
    kz.every("1d"),
)
project.retrain(cooldown_days=28, most=6, per_days=180, min_new_days=21)
