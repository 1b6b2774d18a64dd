"""Compaction in a process of its own: appends go on, one at a time compacts, and one that dies harms nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from kaizenml.adapters.delta_compaction import compacting, start
from kaizenml.adapters.delta_place import Folder
from kaizenml.adapters.tables import DeltaTables

COMMITS = 400


def batch(number: int) -> pl.DataFrame:
    return pl.DataFrame({"row": [f"{number}/{n}" for n in range(3)]})


def filled(folder: Path, batches: int) -> DeltaTables:
    tables = DeltaTables(folder)
    for number in range(batches):
        tables.append("t", batch(number), key=str(number))
    return tables


def rows_of(tables: DeltaTables, version: int | None = None) -> list[str]:
    return sorted(tables.read("t", version=version)["row"])


def rows_until(number: int) -> list[str]:
    return sorted(f"{each}/{n}" for each in range(number) for n in range(3))


def begun(folder: Path) -> subprocess.Popen[bytes]:
    process = start(Folder(folder))
    assert process is not None
    return process


def ended(process: subprocess.Popen[bytes]) -> int:
    return process.wait(30)


def is_at_work(folder: Path) -> bool:
    with compacting(Folder(folder)) as is_free:
        return not is_free


def files(folder: Path) -> int:
    return len(DeltaTable(folder).file_uris())


def test_a_process_merges_the_files_and_changes_no_row(tmp_path: Path) -> None:
    tables = filled(tmp_path, 20)
    newest = tables.version("t")

    assert ended(begun(tmp_path / "t")) == 0

    assert files(tmp_path / "t") == 1
    assert (tables.version("t") or 0) > (newest or 0)
    assert rows_of(tables) == rows_of(DeltaTables(tmp_path)) == rows_until(20)
    assert rows_of(tables, newest) == rows_until(20)


def test_appends_go_on_while_it_is_merged(tmp_path: Path) -> None:
    tables = filled(tmp_path, 20)

    process = begun(tmp_path / "t")
    number = 20
    while process.poll() is None:
        tables.append("t", batch(number), key=str(number))
        number += 1

    assert process.returncode == 0
    assert number > 25
    assert files(tmp_path / "t") < number
    assert rows_of(tables) == rows_of(DeltaTables(tmp_path)) == rows_until(number)


def test_every_pinned_version_reads_after_small_commits_with_compaction_and_vacuum_meanwhile(tmp_path: Path) -> None:
    rng = random.Random(5)
    tables = DeltaTables(tmp_path)
    pins: dict[int, int] = {}
    for number in range(COMMITS):
        version = tables.append("t", batch(number), key=str(number))
        if rng.random() < 0.05:
            pins[version] = number + 1
        if rng.random() < 0.05:
            tables.compact_aside("t")
        if rng.random() < 0.02:
            tables.vacuum("t", keep=pins, since=datetime.now(UTC) + timedelta(seconds=1))
    until = time.monotonic() + 30
    while is_at_work(tmp_path / "t") and time.monotonic() < until:
        time.sleep(0.05)
    tables.vacuum("t", keep=pins, since=datetime.now(UTC) + timedelta(seconds=1))

    assert len(pins) > 5
    assert files(tmp_path / "t") < COMMITS / 2
    for opened in (tables, DeltaTables(tmp_path)):
        assert {version: rows_of(opened, version) for version in pins} == {
            version: rows_until(count) for version, count in pins.items()
        }
        assert rows_of(opened) == rows_until(COMMITS)


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.5])
def test_a_killed_process_harms_nothing_and_the_next_one_merges(tmp_path: Path, seconds: float) -> None:
    tables = filled(tmp_path, 20)

    process = begun(tmp_path / "t")
    time.sleep(seconds)
    process.kill()
    ended(process)
    tables.append("t", batch(20), key="20")

    assert rows_of(tables) == rows_of(DeltaTables(tmp_path)) == rows_until(21)
    assert ended(begun(tmp_path / "t")) == 0
    assert files(tmp_path / "t") <= 2
    assert rows_of(tables) == rows_until(21)


def test_a_process_that_is_killed_at_its_work_lets_the_table_go(tmp_path: Path) -> None:
    tables = filled(tmp_path, 20)
    code = (
        "import pathlib, sys, time\nfrom kaizenml.adapters.delta_compaction import perform\n"
        "from kaizenml.adapters.delta_place import Folder\n"
        "perform(Folder(pathlib.Path(sys.argv[1])), lambda: (print('at work', flush=True), time.sleep(60)))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "t")], stdout=subprocess.PIPE) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == b"at work\n"
        assert start(Folder(tmp_path / "t")) is None
        held.kill()

    assert ended(begun(tmp_path / "t")) == 0
    assert files(tmp_path / "t") == 1
    assert rows_of(tables) == rows_until(20)


def test_of_two_at_once_one_merges(tmp_path: Path) -> None:
    tables = filled(tmp_path, 20)
    newest = tables.version("t") or 0
    command = [sys.executable, "-m", "kaizenml.adapters.delta_compaction_process", str(tmp_path / "t")]

    both = [subprocess.Popen(command) for _ in range(2)]

    assert [process.wait(30) for process in both] == [0, 0]
    assert tables.version("t") == newest + 1
    assert rows_of(tables) == rows_until(20)


def test_nothing_begins_where_there_is_no_table(tmp_path: Path) -> None:
    assert start(Folder(tmp_path / "nothing")) is None
    DeltaTables(tmp_path).compact_aside("nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_process_that_fails_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    filled(tmp_path, 2)
    (tmp_path / "t" / "_delta_log" / f"{1:020d}.json").write_text("not json")

    process = begun(tmp_path / "t")
    assert ended(process) != 0

    until = time.monotonic() + 5
    while not caplog.records and time.monotonic() < until:
        time.sleep(0.01)
    assert "Compacting t ended with 1" in caplog.text
