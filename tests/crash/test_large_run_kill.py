"""A run over data that are taken part by part is killed at random moments; the next one gives what it always gave."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from kaizenml.core.event import verify
from kaizenml.loop.wiring import open_house, read_settings

CODE = """
import kaizenml as kz
from sklearn.linear_model import LogisticRegression

project = kz.Project("shop", source=kz.files("data/*.csv"), target="late", id="id")


@project.step
def estimator() -> LogisticRegression:
    return LogisticRegression()
"""
KILLS = 3


def written(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "project.py").write_text(CODE)
    (folder / "kaizen.toml").write_text('stream_mb = "0"\ntrain_rows = "2000"\n')
    rng = random.Random(3)
    lines = ["id,a,b,late"]
    for number in range(12_000):
        a, b = rng.random(), rng.random()
        lines.append(f"{number},{'lots' if number % 997 == 0 else f'{a:.4f}'},{b:.4f},{'yes' if a + b > 1 else 'no'}")
    (folder / "data" / "t.csv").write_text("\n".join(lines) + "\n")
    return folder


def begun(folder: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "kaizenml", "run"]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def newest(folder: Path) -> tuple[str, int, int]:
    house = open_house(read_settings(folder))
    with house.records.reading() as books:
        verify(books.events.after())
        snapshot = books.snapshots.newest("shop")[0]
    house.records.close()
    return snapshot.digest, snapshot.rows, snapshot.quarantined


def test_a_run_part_by_part_is_killed_and_run_again(tmp_path: Path) -> None:
    never = written(tmp_path / "never")
    began = time.monotonic()
    assert begun(never).wait(120) == 0
    took = time.monotonic() - began
    expected, rng = newest(never), random.Random(5)
    folder = tmp_path / "killed"
    shutil.copytree(never, folder, ignore=shutil.ignore_patterns(".kaizen", "contract.yaml"))

    for _ in range(KILLS):
        process = begun(folder)
        time.sleep(rng.uniform(0.2, 0.9) * took)
        process.kill()
        process.wait()
    assert begun(folder).wait(120) == 0

    assert newest(folder) == expected
    left = [path for path in (folder / ".kaizen").iterdir() if path.is_dir() and path.name.startswith("streaming-")]
    assert left == []
