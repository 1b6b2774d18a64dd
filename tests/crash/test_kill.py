"""A writer is killed at any moment: what it had acknowledged is there afterwards, whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from kaizenml.adapters.blobs import DirectoryBlobs
from kaizenml.adapters.sql import open_records
from kaizenml.adapters.tables import DeltaTables
from kaizenml.core.digest import Digest
from kaizenml.core.event import verify

KILLS = 10

RECORDS = """
import sys, uuid
from datetime import UTC, datetime
from kaizenml.adapters.sql import open_records
from kaizenml.core.event import Draft, Kind

records = open_records(f"sqlite:///{sys.argv[1]}/kaizen.db")
while True:
    name = uuid.uuid4().hex
    with records.writing() as books:
        for part in ("first", "second"):
            books.notes.put(part, name, name)
            books.events.append(Draft("flights", "system:test", Kind.RUN_STARTED, f"run:{name}"), datetime.now(UTC))
    print(name, flush=True)
"""
BLOBS = """
import os, sys
from kaizenml.adapters.blobs import DirectoryBlobs

blobs = DirectoryBlobs(sys.argv[1])
while True:
    print(blobs.put(os.urandom(300_000)), flush=True)
"""
TABLES = """
import sys, uuid
import polars as pl
from kaizenml.adapters.tables import DeltaTables

tables, count = DeltaTables(sys.argv[1]), 0
while True:
    key, count = uuid.uuid4().hex, count + 1
    rows = pl.DataFrame({"key": [key] * 50, "row": range(50)})
    tables.append("log", rows.with_columns(pl.lit(1.5).alias(f"new_{key}")) if count % 40 == 0 else rows, key=key)
    if count % 30 == 0:
        tables.compact("log")
    print(key, flush=True)
"""


def acknowledged_before_kills(script: str, folder: Path) -> list[str]:
    """Start the writer again and again, kill it at random moments, and return what it had acknowledged."""
    rng = random.Random(20260101)
    said: list[str] = []
    for _ in range(KILLS):
        writer = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(rng.uniform(0, 0.25))
        writer.kill()
        said += [first, *writer.stdout.readlines()]
        writer.wait()
        writer.stdout.close()
    return [line.strip() for line in said if line.endswith("\n")]


def test_acknowledged_records_survive_and_the_chain_holds(tmp_path: Path) -> None:
    names = acknowledged_before_kills(RECORDS, tmp_path)

    with open_records(f"sqlite:///{tmp_path}/kaizen.db").reading() as books:
        first, second = books.notes.all("first"), books.notes.all("second")
        log = books.events.after(limit=1_000_000)
    assert len(names) >= KILLS
    assert set(names) <= set(first)
    assert first == second
    assert verify(log) == 2 * len(first)


def test_acknowledged_blobs_survive_and_none_is_torn(tmp_path: Path) -> None:
    digests = acknowledged_before_kills(BLOBS, tmp_path)

    blobs = DirectoryBlobs(tmp_path)
    assert len(digests) >= KILLS
    assert all(len(blobs.get(Digest(digest))) == 300_000 for digest in digests)
    kept = [path for path in (tmp_path / "sha256").rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert all(blobs.get(Digest("".join(path.relative_to(tmp_path / "sha256").parts))) for path in kept)


def test_acknowledged_batches_survive_whole_and_once(tmp_path: Path) -> None:
    keys = acknowledged_before_kills(TABLES, tmp_path)

    tables = DeltaTables(tmp_path)
    counts = tables.read("log").group_by("key").agg(pl.len(), pl.col("row").sum())
    assert len(keys) >= KILLS
    assert set(keys) <= set(counts["key"])
    assert counts["len"].unique().to_list() == [50]
    assert counts["row"].unique().to_list() == [sum(range(50))]
    assert all(tables.append("log", pl.DataFrame({"key": [key]}), key=key) for key in keys)
    assert len(tables.read("log", columns=["key"])) == 50 * len(counts)


@pytest.mark.parametrize("at", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_a_database_that_is_made_while_its_maker_is_killed_can_be_opened(tmp_path: Path, at: float) -> None:
    script = "import sys; from kaizenml.adapters.sql import open_records; print(flush=True);"
    script += "open_records(f'sqlite:///{sys.argv[1]}/kaizen.db')"
    maker = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert maker.stdout is not None
    maker.stdout.readline()
    time.sleep(at)
    maker.kill()
    maker.communicate()

    with open_records(f"sqlite:///{tmp_path}/kaizen.db").reading() as books:
        assert books.events.after() == []
