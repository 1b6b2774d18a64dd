"""Projects written by hand, run within this process."""

from __future__ import annotations

import os
import random
from pathlib import Path

from kaizenml.core.run import Run
from kaizenml.loop.loading import load_folder
from kaizenml.loop.running import Order, run
from kaizenml.loop.wiring import House, open_house, read_settings

HEAD = """import kaizenml as kz
import polars as pl
from sklearn.linear_model import LogisticRegression

project = kz.Project("shop", source=kz.files("data/*.csv"), target="churned", id="id")


@project.step
def estimator():
    return LogisticRegression()

"""


def write(folder: Path, code: str, *, rows: int = 200) -> Path:
    (folder / "data").mkdir(parents=True)
    rng = random.Random(2)
    lines = ["id,amount,visits,churned"]
    for number in range(rows):
        amount, visits = rng.uniform(0, 1), rng.randrange(20)
        lines.append(f"{number},{amount:.4f},{visits},{'yes' if amount + visits / 40 > 0.75 else 'no'}")
    (folder / "data" / "t.csv").write_text("\n".join(lines) + "\n")
    (folder / "project.py").write_text(HEAD + code)
    return folder


def house(folder: Path) -> House:
    assert "KAIZEN_HOME" not in os.environ
    return open_house(read_settings(folder))


def run_in(folder: Path, id_: str = "run-1") -> Run:
    return run(load_folder(folder), folder, house(folder), Order(id_, "person:ada", {}), lambda _: None)
