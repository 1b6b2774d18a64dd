"""Imports that are killed, or go on at the same time, leave what one alone leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlflow_stores import RUN, database

from kaizenml.core.mlflow.rows import What
from kaizenml.core.mlflow.tally import Tally
from kaizenml.loop.importing import Import
from kaizenml.loop.wiring import House, open_house, open_origin, read_settings

COMMAND = [sys.executable, "-m", "kaizenml.interfaces.cli.main", "import", "mlflow"]


def brought(house: House, place: Path) -> Tally:
    with open_origin(str(place), None) as (origin, troubles):
        return Import(house, origin, troubles, "person:ada", lambda _: None).bring()


def runs_in(house: House) -> int:
    with house.records.reading() as books:
        return len(books.clients.all(What.RUN))


def test_an_import_that_was_killed_goes_on_where_it_was(tmp_path):
    path = database(tmp_path, runs=2000)
    house = open_house(read_settings(tmp_path / "project"))

    with subprocess.Popen([*COMMAND, str(path), "--project", str(tmp_path / "project")], stderr=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL) as process:  # fmt: skip
        while not runs_in(house) and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    first = runs_in(house)
    tally = brought(house, path)

    assert first > 0
    assert tally.brought["runs"] == 2000 - first
    assert runs_in(house) == 2000
    assert not tally.missing
    with house.records.reading() as books:
        assert len(books.series.read(RUN, "loss")) == 3


def test_two_imports_at_once_bring_everything_once(tmp_path):
    path = database(tmp_path, runs=600)
    house = open_house(read_settings(tmp_path / "project"))

    with ThreadPoolExecutor(2) as both:
        tallies = list(both.map(lambda _: brought(house, path), range(2)))

    assert sum(each.brought["runs"] for each in tallies) == 600
    assert sum(each.brought["points"] for each in tallies) == 4
    assert not any(each.missing for each in tallies)
    assert runs_in(house) == 600
