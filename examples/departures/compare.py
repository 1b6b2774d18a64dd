"""Compare forecasts with the seasonal naive one: the same weekday of the week before.

The interval is drawn over whole days, since the airports of one day share its weather: 2,000 bootstrap samples of the
days, and the middle 95 % of what they say (Efron and Tibshirani 1993, section 13.3).
"""

from pathlib import Path

import numpy as np
import polars as pl

here = Path(__file__).parent
tested = pl.read_csv(here / "tested.csv").with_columns(pl.read_csv(here / "scored.csv")["prediction"])
off = {"model": "prediction", "seasonal naive": "delay_7_days_before"}
errors = tested.select("day", *((pl.col(said) - pl.col("delay")).abs().alias(name) for name, said in off.items()))
each = errors.group_by("day", maintain_order=True).mean()
saved = (each["seasonal naive"] - each["model"]).to_numpy()
drawn = np.random.default_rng(0).integers(len(saved), size=(2000, len(saved)))
low, high = np.quantile(saved[drawn].mean(axis=1), [0.025, 0.975])
for name in off:
    print(f"{name}: off by {errors[name].mean():.2f} minutes on the mean")
print(f"saved: {saved.mean():.2f} minutes ({low:.2f} to {high:.2f}) over {len(saved)} days")
