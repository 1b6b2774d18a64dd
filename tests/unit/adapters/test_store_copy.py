"""A store is copied to another: all of it, or so much that the next call brings the rest; never over something else."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kaizenml.adapters.blobs import DirectoryBlobs
from kaizenml.adapters.delta_bucket import BucketTables
from kaizenml.adapters.delta_place import FolderTables
from kaizenml.adapters.object_blobs import BucketBlobs
from kaizenml.adapters.object_store import ObjectStore
from kaizenml.adapters.store_copy import Store, copy_store
from kaizenml.adapters.tables import DeltaTables
from kaizenml.core.backup import Arrived
from kaizenml.core.place import Bucket, place_of
from kaizenml.errors import IntegrityError, NotFoundError, StateError
from s3_server import S3Server

WAYS = [("folder", "s3"), ("s3", "folder"), ("folder", "folder")]
CONTENTS = [b"", b"small", bytes(range(256)) * 40_000]


def store(kind: str, request: pytest.FixtureRequest, folder: Path) -> Store:
    """Return an empty store of a kind."""
    if kind == "folder":
        return Store(DirectoryBlobs(folder / "blobs"), FolderTables(folder / "tables"))
    server: S3Server = request.getfixturevalue("s3")
    place = place_of(server.url())
    assert isinstance(place, Bucket)
    return Store(BucketBlobs(ObjectStore(place.at("blobs"))), BucketTables(place.at("tables"), folder / "locks"))


@pytest.fixture(params=WAYS, ids="-".join)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, Store]:
    """A store with something in it, and an empty one."""
    source, target = (store(kind, request, tmp_path / f"{n}") for n, kind in enumerate(request.param))
    fill(source)
    return source, target


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Store, Store]:
    """Two folders, the first with something in it."""
    source, target = (
        Store(DirectoryBlobs(tmp_path / n / "blobs"), FolderTables(tmp_path / n / "tables")) for n in "ab"
    )
    fill(source)
    return source, target


def batch(number: int) -> pl.DataFrame:
    return pl.DataFrame({"row": [f"{number}/{n}" for n in range(3)]})


def fill(one: Store) -> None:
    """Put what has every kind of history: merged, removed, deleted, grown."""
    for content in CONTENTS:
        one.blobs.put(content)
    tables = DeltaTables(one.tables)
    for number in range(10):
        tables.append("raw", batch(number), key=str(number))
    tables.compact("raw")
    tables.remove("raw", lambda rows: rows["row"].str.starts_with("3/"), key="gone")
    tables.vacuum("raw", keep=[4], since=datetime.now(UTC) + timedelta(hours=1))
    tables.append("labels", batch(1).with_columns(new=pl.lit(1.5)), key="only")


def same(source: Store, target: Store) -> None:
    """See that both have the same content, versions and keys."""
    old, new = DeltaTables(source.tables), DeltaTables(target.tables)
    assert source.tables.names() == target.tables.names() == ["labels", "raw"]
    for content in CONTENTS:
        assert target.blobs.get(target.blobs.put(content)) == content
    assert len(list(target.blobs.listed())) == len(list(source.blobs.listed()))
    for name, versions in {"raw": (None, 4), "labels": (None,)}.items():
        assert new.version(name) == old.version(name)
        for version in versions:
            assert new.read(name, version=version).equals(old.read(name, version=version))
    with pytest.raises(NotFoundError, match="kaizen data gc"):
        new.read("raw", version=7)
    assert new.append("raw", batch(5), key="5") == old.append("raw", batch(5), key="5")


def told(found: tuple[Arrived, dict[str, Arrived]]) -> dict[str, tuple[int, int, str]]:
    blobs, tables = found
    return {name: (len(each.files), each.size_bytes, each.digest) for name, each in {"blobs": blobs, **tables}.items()}


def quiet(line: str) -> None:
    pass


def test_everything_arrives_with_the_same_counts_and_digests_and_once(both: tuple[Store, Store]) -> None:
    source, target = both

    first = copy_store(source, target, quiet)
    again = copy_store(source, target, quiet)

    same(source, target)
    assert told(first) == told(again)
    assert len(first[0].files) == first[0].new == 3
    assert {name: each.new for name, each in again[1].items()} == {"raw": 0, "labels": 0}
    assert again[0].new == 0


def test_what_was_added_meanwhile_comes_with_the_next_call_and_goes_back_the_same_way(both) -> None:
    source, target = both
    copy_store(source, target, quiet)

    DeltaTables(source.tables).append("raw", batch(20), key="20")
    source.blobs.put(b"later")
    found = copy_store(source, target, quiet)
    DeltaTables(target.tables).append("raw", batch(21), key="21")
    copy_store(target, source, quiet)

    assert (found[0].new, found[1]["raw"].new, found[1]["labels"].new) == (1, 2, 0)
    assert DeltaTables(source.tables).read("raw").equals(DeltaTables(target.tables).read("raw"))
    same(source, target)


def rows_of(one: Store, name: str, version: int | None) -> list[str]:
    """Return the rows of a version; none of one whose files were deleted."""
    try:
        return DeltaTables(one.tables).read(name, version=version)["row"].to_list()
    except (NotFoundError, IntegrityError):
        return []


class Dying:
    """Passes calls on, until the n-th of those that write: that one and all later ones are not made."""

    def __init__(self, of: Any, lives: list[int]) -> None:
        self._of, self._lives = of, lives

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of, name)
        if name not in ("put_from", "add", "create", "note"):
            return found

        def call(*words: Any) -> Any:
            self._lives[0] -= 1
            if self._lives[0] < 0:
                raise SystemExit(9)
            return found(*words)

        return call


class DyingTables:
    def __init__(self, of: Any, lives: list[int]) -> None:
        self._of, self._lives = of, lives

    def __call__(self, name: str) -> Any:
        return Dying(self._of(name), self._lives)

    def names(self) -> list[str]:
        return self._of.names()


@pytest.mark.parametrize("both", [("folder", "s3"), ("folder", "folder")], ids="-".join, indirect=True)
def test_of_a_copy_that_is_ended_at_any_write_all_is_whole_and_the_next_call_brings_the_rest(both) -> None:
    source, target = both
    deaths = 0

    for lives in range(100):
        left = [lives % 4]
        try:
            copy_store(source, Store(Dying(target.blobs, left), DyingTables(target.tables, left)), quiet)
            break
        except SystemExit:
            deaths += 1
        for name in target.tables.names():
            version = DeltaTables(target.tables).version(name)
            assert rows_of(target, name, version) == rows_of(source, name, version)

    assert deaths > 10
    same(source, target)
    assert told(copy_store(source, target, quiet)) == told(copy_store(source, target, quiet))


def test_two_that_copy_at_once_do_no_harm(both: tuple[Store, Store]) -> None:
    source, target = both
    done: list[Any] = []
    threads = [threading.Thread(target=lambda: done.append(told(copy_store(source, target, quiet)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(done) == 2
    assert done[0] == done[1]
    same(source, target)


def test_a_long_table_arrives_with_a_checkpoint(folders: tuple[Store, Store], tmp_path: Path) -> None:
    source, target = folders
    tables = DeltaTables(source.tables)
    for number in range(101):
        tables.append("long", batch(number), key=str(number))

    copy_store(source, target, quiet)

    assert list((tmp_path / "b" / "tables" / "long" / "_delta_log").glob("*.checkpoint.parquet"))
    assert DeltaTables(target.tables).read("long").equals(tables.read("long"))


def test_another_table_and_one_that_has_gone_on_are_never_written_over(folders: tuple[Store, Store]) -> None:
    source, target = folders
    DeltaTables(target.tables).append("raw", batch(99), key="another")
    with pytest.raises(StateError, match="another table raw"):
        copy_store(source, target, quiet)
    assert list(target.blobs.listed()) == []

    third = DeltaTables(target.tables)
    for number in range(30):
        third.append("raw", batch(number), key=str(number))
    with pytest.raises(StateError, match="gone on where it is copied to: it has 32 commits there"):
        copy_store(source, target, quiet)
    assert third.read("raw").height == 93


def test_damage_is_named_and_all_else_is_copied(folders: tuple[Store, Store], tmp_path: Path) -> None:
    source, target = folders
    damaged = source.blobs.put(b"content")
    path = tmp_path / "a" / "blobs" / "sha256" / damaged[:2] / damaged[2:4] / damaged[4:]
    path.write_bytes(b"c0ntent")

    with pytest.raises(IntegrityError, match=f"1 blobs are damaged.*{damaged}"):
        copy_store(source, target, quiet)

    assert {line.digest for line in target.blobs.listed()} == {line.digest for line in source.blobs.listed()}
    assert not target.blobs.has(damaged)


@pytest.mark.parametrize("how", ["flipped", "short", "missing", "no commit"])
def test_a_damaged_table_is_named_and_nothing_of_it_passes_for_whole(folders, tmp_path: Path, how: str) -> None:
    source, target = folders
    file = next((tmp_path / "a" / "tables" / "labels").glob("*.parquet"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    if how == "no commit":
        file = tmp_path / "a" / "tables" / "labels" / "_delta_log" / f"{0:020d}.json"
    if how == "flipped":
        file.write_bytes(content)
    elif how == "short":
        file.write_bytes(content[:-9])
    else:
        file.unlink()

    with pytest.raises(IntegrityError, match=rf"file (\S*{file.name}) of table labels is (missing|not as it was)"):
        copy_store(source, target, quiet)

    assert DeltaTables(target.tables).version("labels") is None
