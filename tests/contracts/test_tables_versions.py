"""Versions that are named stay readable, whatever is deleted, merged, removed or restored."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from table_places import PLACES, parquet, places_of

from kaizenml.adapters.delta_history import history_of, needed
from kaizenml.adapters.delta_place import Folder, Place
from kaizenml.adapters.delta_vacuum import deletable
from kaizenml.adapters.tables import DeltaTables
from kaizenml.errors import IntegrityError, NotFoundError

#: The full size, 10,000 commits, is run by benchmarks/data/bench_tables.py.
COMMITS = 600


@pytest.fixture(params=PLACES)
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Place]:
    return places_of(request, tmp_path)


@pytest.fixture
def tables(places: Callable[[str], Place]) -> DeltaTables:
    return DeltaTables(places)


def soon() -> datetime:
    """A time after everything so far: nobody is granted a grace period."""
    return datetime.now(UTC) + timedelta(seconds=1)


def batch(number: int, rows: int = 3) -> pl.DataFrame:
    return pl.DataFrame({"batch": [number] * rows, "row": [f"{number}/{n}" for n in range(rows)]})


def filled(tables: DeltaTables, batches: int) -> list[int]:
    return [tables.append("t", batch(n), key=str(n)) for n in range(batches)]


def rows_of(tables: DeltaTables, version: int | None = None) -> list[str]:
    return sorted(tables.read("t", version=version)["row"])


def test_random_compaction_and_vacuum_leave_every_pinned_version_readable(tables: DeltaTables, places) -> None:
    rng = random.Random(1)
    commits = COMMITS if isinstance(places("t"), Folder) else COMMITS // 10
    expected: list[str] = []
    pins: dict[int, list[str]] = {}
    for number in range(commits):
        version = tables.append("t", batch(number), key=str(number))
        expected += batch(number)["row"].to_list()
        if rng.random() < 20 / commits:
            pins[version] = sorted(expected)
        if rng.random() < 20 / commits:
            tables.compact("t")
        if rng.random() < 6 / commits:
            tables.vacuum("t", keep=pins, since=soon())
    tables.compact("t")
    tables.vacuum("t", keep=pins, since=soon())

    assert pins
    for opened in (tables, DeltaTables(places)):
        assert {version: rows_of(opened, version) for version in pins} == pins
        assert rows_of(opened) == sorted(expected)


def test_a_version_that_nobody_named_is_gone_and_says_so(tables: DeltaTables, places) -> None:
    versions = filled(tables, 12)
    tables.compact("t")

    found = tables.unneeded("t", keep=[versions[3]], since=soon())
    before = parquet(places("t"))
    done = tables.vacuum("t", keep=[versions[3]], since=soon())

    assert found == done
    assert done.files == 8 == len(before - parquet(places("t")))
    assert done.size_bytes > 0
    assert len(tables.read("t", version=versions[3])) == 12
    with pytest.raises(NotFoundError, match=f"t@{versions[7]}.*\n.*kaizen data gc"):
        tables.read("t", version=versions[7])
    with pytest.raises(NotFoundError, match="kaizen data gc"):
        tables.restore("t", versions[7], key="r")
    assert tables.unneeded("t", keep=[versions[3]], since=soon()).files == 0


def test_damage_is_not_taken_for_a_deleted_version(tables: DeltaTables, places) -> None:
    versions = filled(tables, 12)
    tables.compact("t")
    tables.vacuum("t", keep=versions, since=soon())
    places("t").delete(parquet(places("t")))

    with pytest.raises(IntegrityError):
        tables.read("t", version=versions[7])


def test_what_was_newest_within_the_grace_period_stays(tables: DeltaTables) -> None:
    versions = filled(tables, 12)
    tables.compact("t")

    done = tables.vacuum("t", keep=[], since=datetime.now(UTC) - timedelta(minutes=1))

    assert done.files == 0
    assert len(tables.read("t", version=versions[10])) == 33


def test_a_version_that_is_being_read_stays_for_a_grace_period(tables: DeltaTables, places) -> None:
    versions = filled(tables, 12)
    tables.compact("t")
    tables.read("t", version=versions[5])
    history, guard = tables._one("t").history(), places("t").guard

    assert deletable(places("t"), history, [], since=time.time() - 60) == []
    assert guard.being_read(since=time.time() - 60) == {versions[5]}
    assert deletable(places("t"), history, [], since=time.time() + 60) != []
    assert guard.being_read(since=0) == set(), "old marks are taken away"
    tables.vacuum("t", keep=[], since=soon())
    with pytest.raises(NotFoundError):
        tables.read("t", version=versions[5])


@pytest.mark.parametrize("places", ["folder"], indirect=True)
def test_a_file_that_is_not_committed_yet_is_not_deleted_before_a_day(tables: DeltaTables, tmp_path: Path) -> None:
    filled(tables, 2)
    young, old = (tmp_path / "tables" / "t" / f"part-{name}.parquet" for name in ("young", "old"))
    for path in (young, old):
        path.write_bytes(b"")
    os.utime(old, (time.time() - 2 * 86_400,) * 2)

    assert tables.vacuum("t", keep=[], since=soon()).files == 1
    assert young.exists()
    assert not old.exists()


def test_appending_goes_on_while_files_are_deleted(tables: DeltaTables, places) -> None:
    pinned = filled(tables, 40)[20]
    other = DeltaTables(places)
    errors: list[Exception] = []

    def vacuum() -> None:
        for _ in range(10):
            try:
                other.compact("t")
                other.vacuum("t", keep=[pinned], since=soon())
            except Exception as error:
                errors.append(error)

    thread = threading.Thread(target=vacuum)
    thread.start()
    for number in range(40, 120):
        tables.append("t", batch(number), key=str(number))
    thread.join()

    assert errors == []
    assert len(rows_of(tables)) == 360
    assert len(rows_of(tables, pinned)) == 63


def test_removed_rows_are_gone_from_the_new_version_and_for_good_after_a_vacuum(tables: DeltaTables, places) -> None:
    before = filled(tables, 12)[-1]
    tables.append("t", batch(99).with_columns(note=pl.lit("grown")), key="99")
    tables.compact("t")
    order = tables.read("t")["row"].to_list()

    version, gone = tables.remove("t", lambda rows: rows["batch"].is_in([3, 99]), key="erase-1")

    assert gone == 6
    assert tables.version("t") == version
    assert tables.read("t")["row"].to_list() == [row for row in order if not row.startswith(("3/", "99/"))]
    assert "3/1" in rows_of(tables, before)
    assert tables.remove("t", lambda rows: rows["batch"] == 3, key="erase-2") == (version, 0)
    assert tables.remove("t", lambda rows: rows["batch"] == 4, key="erase-1") == (version, 0)
    tables.vacuum("t", keep=[], since=soon())
    left = pl.concat([pl.read_parquet(places("t").read(name)) for name in parquet(places("t"))], how="diagonal")
    assert not left["batch"].is_in([3, 99]).any()


def test_the_log_which_is_never_cleared_holds_no_text_of_the_rows(tables: DeltaTables, places) -> None:
    for number in range(12):
        at = [datetime(2026, 1, 1 + number, tzinfo=UTC)]
        tables.append("t", pl.DataFrame({"who": [f"Ann {number}"], "at": at}), key=str(number))
    tables.compact("t")
    tables.remove("t", lambda rows: rows["who"] == "Ann 5", key="erase")

    logged = [places("t").read(f"_delta_log/{file.name}") for file in places("t").listed("_delta_log")]

    assert [text for text in logged if b"Ann" in text] == []
    assert tables._one("t").version().files["max.at"].drop_nulls().len() == 1, "windows still skip files by time"


def test_removing_everything_leaves_a_table_that_grows_again(tables: DeltaTables) -> None:
    filled(tables, 2)

    tables.remove("t", lambda rows: rows["batch"] >= 0, key="all")
    tables.append("t", batch(7), key="again")

    assert rows_of(tables) == ["7/0", "7/1", "7/2"]


def test_removing_and_appending_at_once_lose_nothing(tables: DeltaTables, places) -> None:
    filled(tables, 10)
    other = DeltaTables(places)
    thread = threading.Thread(target=lambda: [other.append("t", batch(n), key=str(n)) for n in range(10, 40)])
    thread.start()
    gone = [tables.remove("t", lambda rows, n=n: rows["batch"] == n, key=f"gone-{n}")[1] for n in range(10)]
    thread.join()

    assert gone == [3] * 10
    assert len(rows_of(tables)) == 90


def test_an_old_version_can_become_the_newest_again(tables: DeltaTables) -> None:
    versions = filled(tables, 12)
    tables.compact("t")
    newest = tables.version("t")
    old = tables.read("t", version=versions[4])

    version = tables.restore("t", versions[4], key="back")

    assert version == tables.version("t") > newest
    assert_frame_equal(tables.read("t"), old)
    tables.vacuum("t", keep=[newest], since=soon())
    assert_frame_equal(tables.read("t"), old)
    assert len(tables.read("t", version=newest)) == 36
    assert tables.restore("t", newest, key="forth") == version + 1
    assert len(tables.read("t")) == 36
    assert tables.restore("t", newest, key="again") == version + 1
    with pytest.raises(NotFoundError):
        tables.restore("t", 99, key="r")


def test_a_table_that_is_not_there_has_nothing_to_delete(tables: DeltaTables) -> None:
    for call in (tables.vacuum, tables.unneeded):
        with pytest.raises(NotFoundError, match="'t'"):
            call("t", keep=[], since=soon())


moves = st.lists(st.lists(st.tuples(st.booleans(), st.sampled_from("abcd")), max_size=3), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(moves=moves, keep=st.sets(st.integers(0, 15), max_size=4), data=st.data())
def test_a_file_is_needed_when_a_version_that_counts_is_made_of_it(moves, keep, data):
    commits, states, live = [], [], set()
    for version, changes in enumerate(moves):
        lines, touched = [], set()
        for is_added, path in changes:
            if path not in touched and is_added != (path in live):
                touched.add(path)
                live ^= {path}
                lines.append(f'{{"add":{{"path":"{path}"}}}}' if is_added else
                             f'{{"remove":{{"path":"{path}","deletionTimestamp":{version}}}}}')  # fmt: skip
        commits.append((version, "\n".join(lines)))
        states.append(set(live))
    since = data.draw(st.integers(0, len(moves)))

    found = needed(history_of(commits), keep, since_ms=since)

    counted = [states[v] for v in keep if v < len(states)] + [states[-1]] + states[max(since - 1, 0):]  # fmt: skip
    assert found == set().union(*counted)
    for version, state in enumerate(states):
        assert set(history_of(commits).files_at(version)) == state
