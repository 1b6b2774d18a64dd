"""Every file of a table on disk has its digest noted, whoever wrote it."""

import hashlib
from pathlib import Path

import polars as pl
import pytest

from kaizenml.adapters.delta_bucket import BucketTables
from kaizenml.adapters.delta_place import FolderTables
from kaizenml.adapters.delta_soundness import unsound_tables
from kaizenml.adapters.delta_sums import sums_in
from kaizenml.adapters.object_store import ObjectStore
from kaizenml.adapters.tables import DeltaTables
from kaizenml.core.place import place_of
from s3_server import S3Server


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

    places = FolderTables(tmp_path)
    assert list(unsound_tables(places, {}, is_quick=False)) == []
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert [table for table, _ in unsound_tables(places, {}, is_quick=False)] == ["t"]


@pytest.mark.parametrize("harm", ["lost", "cut", "scrambled", "lost commit"])
def test_what_is_wrong_with_a_table_in_a_bucket_is_found(s3: S3Server, tmp_path: Path, harm: str):
    place = place_of(s3.url())
    places, store = BucketTables(place.at("tables"), tmp_path), ObjectStore(place)
    tables = DeltaTables(places)
    tables.append("t", pl.DataFrame({"n": list(range(50))}), key="1")
    assert list(unsound_tables(places, {"t": [1]}, is_quick=False)) == []
    ending = ".json" if harm == "lost commit" else ".parquet"
    path = min(each.path for each in store.listed("tables/t/") if each.path.endswith(ending))

    if harm == "cut":
        store.put(path, store.read(path)[:-9])
    elif harm == "scrambled":
        store.put(path, store.read(path)[::-1])
    else:
        store.delete([path])

    assert [name for name, _ in unsound_tables(places, {"t": [1]}, is_quick=False)] == ["t"]
