"""What clients measure without a step: each is added without looking at all that was measured before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kaizenml.adapters.sql import open_records
from kaizenml.loop import mlflow_experiments, mlflow_runs
from kaizenml.loop.mlflow_metrics import history, log

NOW = datetime(2024, 1, 1, tzinfo=UTC)
BEGUN = 1_700_000_000_000


class Unread:
    """Books whose series may be written and not read."""

    def __init__(self, books):
        self._books = books
        self.series = self
        self.append = books.series.append

    def __getattr__(self, name):
        return getattr(self._books, name)

    def read(self, run, name):
        raise AssertionError(f"The series {name} of {run} was read.")


@pytest.fixture
def books():
    with open_records("sqlite:///:memory:").writing() as books:
        mlflow_experiments.make_default(books, NOW)
        yield books


@pytest.fixture
def run(books):
    return mlflow_runs.create(books, NOW, "0", "ada", BEGUN, "first", []).info.run_id


def test_a_metric_without_steps_is_logged_without_reading_its_series(books, run):
    for later in range(3):
        log(Unread(books), NOW, run, [("loss", later / 2, BEGUN + later, 0)])

    assert [each.timestamp for each in history(books, run, "loss")] == [BEGUN, BEGUN + 1, BEGUN + 2]


def test_a_measurement_that_is_there_is_not_added_again_however_late_it_is_sent_again(books, run):
    for step, at in ((0, BEGUN), (0, BEGUN + 5), (1, BEGUN), (0, BEGUN), (0, BEGUN + 5), (1, BEGUN), (0, BEGUN + 2)):
        log(books, NOW, run, [("loss", 0.5, at, step)])

    found = [(each.step, each.timestamp - BEGUN) for each in history(books, run, "loss")]
    assert sorted(found) == [(0, 0), (0, 2), (0, 5), (1, 0)]
