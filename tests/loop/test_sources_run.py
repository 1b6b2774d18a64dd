"""Whole runs from a database: new rows join the next snapshot; what cannot be read leaves the last one current."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from loop_processes import called
from loop_sources import Home

CODE = '''"""Will this order be late?"""

import kaizenml as kz
from sklearn.linear_model import LogisticRegression

project = kz.Project("shop", source=kz.sql("sqlite:///shop.db", table="orders", cursor="at", overlap="2d", key="id"),
                     target="late", id="id", time="at")


@project.step
def estimator():
    """Return a model that learns in no time."""
    return LogisticRegression()
'''


def write(path: Path, days: range, *, late_by: int = 0) -> None:
    rng = random.Random(days.start)
    rows = []
    for day in days:
        for part in range(12):
            weight = rng.uniform(0, 10)
            is_late = weight + rng.gauss(0, 1) > 5
            at = f"2026-{1 + day // 28:02d}-{1 + day % 28:02d} {part:02d}:{late_by:02d}:00"
            rows.append((f"o{day}-{part}-{late_by}", at, weight, rng.choice("abc"), "yes" if is_late else "no"))
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT, at TEXT, weight REAL, kind TEXT, late TEXT)")
        base.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project.py").write_text(CODE)
    write(tmp_path / "shop.db", range(30))
    return tmp_path


def test_rows_that_come_later_join_the_next_snapshot(folder: Path) -> None:
    first = called("run", "--project", folder)
    write(folder / "shop.db", range(30, 35))
    write(folder / "shop.db", range(29, 30), late_by=30)
    second = called("run", "--project", folder)

    with Home(folder).house.records.reading() as books:
        snapshots = books.snapshots.newest("shop")
    assert (first["snapshot"], second["snapshot"]) == ("shop@1", "shop@2")
    assert [each.rows + each.quarantined for each in snapshots] == [36 * 12, 30 * 12]
    assert [event.facts["late"] for event in Home(folder).arrived()] == [0, 12 - 1]


def test_a_column_that_vanished_fails_the_run_and_the_last_snapshot_stays(folder: Path) -> None:
    called("run", "--project", folder)
    write(folder / "shop.db", range(30, 31))
    with closing(sqlite3.connect(folder / "shop.db")) as base, base:
        base.execute("ALTER TABLE orders RENAME COLUMN weight TO weights")

    said = called("run", "--project", folder, code=2)

    assert "weight" in said["error"]["message"]
    assert "weights" in said["error"]["hint"]
    with Home(folder).house.records.reading() as books:
        assert [each.name for each in books.snapshots.newest("shop")] == ["shop@1"]
