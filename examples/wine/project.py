"""Which of three growers made this wine?"""

import polars as pl
from sklearn.linear_model import LogisticRegression

import kaizenml as kz

project = kz.Project("wine", source=kz.files("data/*.csv"), target="grower", id="wine")


@project.step
def features(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the share of phenols that are flavanoids: each row by itself."""
    return rows.with_columns(flavanoid_share=pl.col("flavanoids") / pl.col("total_phenols"))


@project.step
def estimator(C: float = 1.0) -> LogisticRegression:  # noqa: N803  scikit-learn's word
    """Return the unfitted estimator; scaling is put in front of it."""
    return LogisticRegression(C=C, max_iter=1000)


project.gate(kz.at_least("accuracy", 0.9), kz.beats_baselines("accuracy"), kz.beats_champion("log_loss"))
project.serve(canary=(10, 50, 100), approval="person", requests=50)
project.monitor(kz.drift(), kz.performance("log_loss", drop=0.1), kz.every("1h"))
