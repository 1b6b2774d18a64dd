"""What Delta tables do that is not the business of the port."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, TableFeatures, write_deltalake

from kaizenml.adapters.delta_log import KEY
from kaizenml.adapters.tables import DeltaTables
from kaizenml.errors import IntegrityError, NotFoundError

START = datetime(2026, 1, 1, tzinfo=UTC)
WRITER = """
import sys
import polars as pl
from kaizenml.adapters.tables import DeltaTables

tables = DeltaTables(sys.argv[1])
for number in range(40):
    tables.append("log", pl.DataFrame({"writer": [sys.argv[2]], "number": [number]}), key=f"{number}")
    tables.append("log", pl.DataFrame({"writer": [sys.argv[2]], "mine": [number]}), key=f"{sys.argv[2]} {number}")
"""


def rows(number: int, count: int = 3) -> pl.DataFrame:
    at = [START + timedelta(hours=number, seconds=second) for second in range(count)]
    return pl.DataFrame({"at": at, "n": [number] * count}, schema_overrides={"at": pl.Datetime("us", "UTC")})


def test_any_reader_of_delta_reads_the_tables(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    for number in range(3):
        tables.append("flights", rows(number), key=f"k{number}")

    table = DeltaTable(tmp_path / "flights")

    assert pl.scan_delta(table).sort("at").collect().equals(tables.read("flights").sort("at"))
    assert [commit.get(KEY) for commit in table.history()] == ["k2", "k1", "k0", None]


def test_a_stranger_may_append_too(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    tables.append("flights", rows(0), key="k0")
    write_deltalake(tmp_path / "flights", rows(1).with_columns(new=pl.lit(1.5)), mode="append", schema_mode="merge")

    version = tables.append("flights", rows(2), key="k2")

    assert version == 3
    assert len(tables.read("flights")) == 9
    assert "new" in tables.read("flights").columns


def test_keys_are_known_to_a_new_process_after_compaction_and_checkpoints(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    versions = {f"k{n}": tables.append("flights", rows(n, 1), key=f"k{n}") for n in range(205)}
    tables.compact("flights")

    fresh = DeltaTables(tmp_path)

    assert list((tmp_path / "flights" / "_delta_log").glob("*.checkpoint.parquet"))
    assert {key: fresh.append("flights", rows(9), key=key) for key in versions} == versions
    assert len(fresh.read("flights")) == 205
    assert len(fresh.read("flights", version=versions["k50"])) == 51


def test_processes_that_append_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name], stderr=subprocess.PIPE) for name in "ab"
    ]

    for _ in range(3):
        time.sleep(0.3)
        try:
            DeltaTables(tmp_path).compact("log")
        except NotFoundError:
            continue
    errors = [writer.communicate()[1].decode() for writer in writers]

    assert errors == ["", ""]
    stored = DeltaTables(tmp_path).read("log")
    assert sorted(stored["number"].drop_nulls()) == list(range(40))
    assert sorted(stored["mine"].drop_nulls()) == sorted([*range(40), *range(40)])


def test_threads_share_one_table(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)

    def append(writer: int) -> None:
        for number in range(10):
            tables.append("log", rows(number), key=f"{writer} {number}")
            tables.read("log")

    threads = [threading.Thread(target=append, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(tables.read("log")) == 120


def test_a_window_reads_only_the_files_that_may_hold_it(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    for number in range(10):
        tables.append("flights", rows(number), key=str(number))
    for commit in range(1, 10):
        added = json.loads((tmp_path / "flights" / "_delta_log" / f"{commit:020d}.json").read_text().splitlines()[1])
        (tmp_path / "flights" / added["add"]["path"]).unlink()

    window = tables.read("flights", between=("at", START + timedelta(hours=9), START + timedelta(hours=10)))

    assert window["n"].to_list() == [9, 9, 9]


def test_a_window_of_a_large_table_is_read_within_50_ms(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    for number in range(100):
        tables.append("flights", rows(number, 3000), key=str(number))
    tables.compact("flights")
    window = ("at", START + timedelta(hours=30), START + timedelta(hours=54))
    tables.read("flights", between=window)

    taken = []
    for _ in range(7):
        began = time.perf_counter()
        assert len(tables.read("flights", between=window)) == 24 * 3000
        taken.append(time.perf_counter() - began)

    assert sorted(taken)[3] < 0.05


def test_large_files_are_not_written_again_at_every_compaction(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    noise = pl.DataFrame({"x": pl.int_range(200_000, eager=True).hash(seed=1).cast(pl.Float64)})
    tables.append("log", noise, key="large")
    large = set((tmp_path / "log").glob("*.parquet"))
    for number in range(8):
        tables.append("log", pl.DataFrame({"x": [float(number)]}), key=str(number))

    tables.compact("log")

    live = {Path(uri).name for uri in DeltaTable(tmp_path / "log").file_uris()}
    assert {path.name for path in large} < live
    assert len(live) == 2


def test_a_missing_or_damaged_file_is_an_error_of_ours(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    tables.append("gone", rows(0), key="k")
    tables.append("torn", rows(0), key="k")
    next((tmp_path / "gone").glob("*.parquet")).unlink()
    next((tmp_path / "torn").glob("*.parquet")).write_bytes(b"PAR1 nothing else PAR1")

    for name in ("gone", "torn"):
        with pytest.raises(IntegrityError, match=f"Table {name} is damaged"):
            tables.read(name)


def test_a_table_with_features_that_nobody_here_knows_is_refused(tmp_path: Path) -> None:
    DeltaTables(tmp_path).append("flights", rows(0), key="k")
    DeltaTable(tmp_path / "flights").alter.add_feature(
        TableFeatures.DeletionVectors, allow_protocol_versions_increase=True
    )

    with pytest.raises(IntegrityError, match="deletionVectors"):
        DeltaTables(tmp_path).append("flights", rows(1), key="l")
