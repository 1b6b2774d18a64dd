"""Every file of a table on disk has its digest noted, whoever wrote it."""

import hashlib
from pathlib import Path

import polars as pl

from kaizenml.adapters.delta_soundness import unsound_tables
from kaizenml.adapters.delta_sums import sums_in
from kaizenml.adapters.tables import DeltaTables


def test_the_digest_of_every_file_is_noted_those_of_merged_ones_too(tmp_path: Path):
    tables = DeltaTables(tmp_path)
    for number in range(12):
        tables.append("t", pl.DataFrame({"n": [number]}), key=f"{number}")
    tables.compact("t")

    files = {path.name: path for path in (tmp_path / "t").glob("*.parquet")}

    assert len(files) == 13
    assert sums_in(tmp_path / "t") == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()
    }


def test_any_flipped_byte_of_any_file_is_found(tmp_path: Path):
    tables = DeltaTables(tmp_path)
    tables.append("t", pl.DataFrame({"n": list(range(50))}), key="1")
    (path,) = (tmp_path / "t").glob("*.parquet")
    whole = path.read_bytes()

    assert list(unsound_tables(tmp_path, {}, is_quick=False)) == []
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert [table for table, _ in unsound_tables(tmp_path, {}, is_quick=False)] == ["t"]
