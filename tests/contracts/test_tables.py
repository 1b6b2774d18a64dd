"""What every adapter of the `Tables` port does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from table_places import PLACES, parquet, places_of

from kaizenml.adapters.memory import MemoryTables
from kaizenml.adapters.tables import DeltaTables
from kaizenml.core.ports import Tables
from kaizenml.errors import NotFoundError, UsageError

START = datetime(2026, 1, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")


@pytest.fixture(params=[*PLACES, "memory"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Tables:
    return MemoryTables() if request.param == "memory" else DeltaTables(places_of(request, tmp_path))


def hours(first: int, count: int = 24) -> pl.DataFrame:
    at = [START + timedelta(hours=hour) for hour in range(first, first + count)]
    return pl.DataFrame({"at": at, "hour": range(first, first + count)}, schema={"at": TIME, "hour": pl.Int64})


def test_a_table_that_was_never_written_has_no_version(tables: Tables) -> None:
    assert tables.version("flights") is None
    for ask in (tables.read, tables.compact):
        with pytest.raises(NotFoundError, match="flights"):
            ask("flights")


def test_every_kind_of_column_comes_back_as_it_was(tables: Tables) -> None:
    rows = pl.DataFrame(
        {
            "number": [1.5, None, float("nan"), float("inf")],
            "whole": [1, None, -(2**62), 2**62],
            "yes": [True, None, False, True],
            "text": ["a", None, "", "Zoë\n\0"],
            "at": [START, None, START + timedelta(microseconds=1), datetime(1900, 1, 1, tzinfo=UTC)],
            "chances": [[0.1, 0.9], None, [], [None, 1.0]],
            "day": [START.date(), None, START.date(), START.date()],
            "local": [datetime(2026, 1, 1), None, datetime(1900, 1, 1), datetime(2026, 1, 1)],
            "A name, (with) {everything};=\t.": [1.0, 2.0, 3.0, 4.0],
        },
        schema_overrides={"at": TIME, "local": pl.Datetime("us")},
    )

    version = tables.append("flights", rows, key="k")

    assert_frame_equal(tables.read("flights"), rows)
    assert tables.version("flights") == version


def test_other_types_become_the_nearest_that_tables_hold(tables: Tables) -> None:
    rows = pl.DataFrame(
        {
            "small": pl.Series([1, 2], dtype=pl.UInt8),
            "single": pl.Series([0.5, 1.5], dtype=pl.Float32),
            "kind": pl.Series(["a", "b"], dtype=pl.Categorical),
            "nothing": [None, None],
            "paris": pl.Series([START, START]).dt.convert_time_zone("Europe/Paris"),
        }
    )

    tables.append("flights", rows, key="k")

    kinds = [pl.Int64, pl.Float64, pl.String, pl.String, TIME]
    read = tables.read("flights")
    assert read.dtypes == kinds
    assert read["paris"][0] == START


def test_what_no_table_can_hold_is_refused_by_name(tables: Tables) -> None:
    with pytest.raises(UsageError, match="'pair'"):
        tables.append("flights", pl.DataFrame({"pair": [{"a": 1}]}), key="k")
    with pytest.raises(UsageError, match="no columns"):
        tables.append("flights", pl.DataFrame(), key="k")
    with pytest.raises(UsageError, match="no key"):
        tables.append("flights", hours(0), key="")
    assert tables.version("flights") is None


def test_a_key_that_was_appended_before_adds_nothing(tables: Tables) -> None:
    first = tables.append("flights", hours(0), key="monday")
    second = tables.append("flights", hours(24), key="tuesday")

    again = tables.append("flights", hours(48), key="monday")

    assert again == first < second
    assert len(tables.read("flights")) == 48
    assert tables.version("flights") == second


def test_an_old_version_stays_readable(tables: Tables) -> None:
    first = tables.append("flights", hours(0), key="1")
    tables.append("flights", hours(24), key="2")
    tables.compact("flights")
    tables.append("flights", hours(48), key="3")

    assert_frame_equal(tables.read("flights", version=first), hours(0))
    for version in (-1, 99):
        with pytest.raises(NotFoundError, match="version"):
            tables.read("flights", version=version)


def test_rows_are_read_by_column_and_time(tables: Tables) -> None:
    for day in range(4):
        tables.append("flights", hours(24 * day), key=str(day))

    low, high = START + timedelta(hours=30), START + timedelta(hours=54)
    rows = tables.read("flights", columns=["hour"], between=("at", low, high))

    assert rows.columns == ["hour"]
    assert sorted(rows["hour"]) == list(range(30, 54))
    assert tables.read("flights", between=("at", high, high)).is_empty()
    assert tables.read("flights", between=("at", START - timedelta(days=9), START)).schema == hours(0).schema


def test_a_column_nobody_knows_is_not_found(tables: Tables) -> None:
    tables.append("flights", hours(0), key="k")

    with pytest.raises(NotFoundError, match="hour"):
        tables.read("flights", columns=["hours"])
    with pytest.raises(NotFoundError, match="then"):
        tables.read("flights", between=("then", START, START))


def test_a_table_grows_by_columns(tables: Tables) -> None:
    tables.append("flights", hours(0, 2), key="1")
    tables.append("flights", hours(2, 2).with_columns(carrier=pl.lit("AA")), key="2")
    tables.append("flights", hours(4, 2).drop("at"), key="3")

    rows = tables.read("flights").sort("hour")
    assert rows["carrier"].to_list() == [None, None, "AA", "AA", None, None]
    assert rows["at"].null_count() == 2
    tables.compact("flights")
    assert_frame_equal(tables.read("flights").sort("hour"), rows)


def test_whole_numbers_and_nulls_fit_a_column_of_numbers(tables: Tables) -> None:
    tables.append("flights", pl.DataFrame({"delay": [0.5]}), key="1")
    tables.append("flights", pl.DataFrame({"delay": [3]}), key="2")
    tables.append("flights", pl.DataFrame({"delay": [None]}), key="3")

    assert tables.read("flights")["delay"].sort().to_list() == [None, 0.5, 3.0]


def test_text_does_not_fit_a_column_of_numbers(tables: Tables) -> None:
    tables.append("flights", pl.DataFrame({"delay": [0.5]}), key="1")

    with pytest.raises(UsageError, match="'delay' holds String, but the table has Float64"):
        tables.append("flights", pl.DataFrame({"delay": ["late"]}), key="2")


def test_a_batch_without_rows_is_a_batch(tables: Tables) -> None:
    first = tables.append("flights", hours(0, 0), key="empty")

    assert tables.append("flights", hours(0), key="empty") == first
    assert tables.read("flights").schema == hours(0).schema


def test_compacting_changes_no_row(tables: Tables) -> None:
    for day in range(12):
        tables.append("flights", hours(24 * day), key=str(day))
    before = tables.read("flights").sort("hour")

    version = tables.compact("flights")

    assert tables.version("flights") == version
    assert_frame_equal(tables.read("flights").sort("hour"), before)
    assert tables.compact("flights") == version
    assert tables.append("flights", hours(0), key="3") <= version


@pytest.mark.parametrize("name", ["", "../flights", "/tmp/x", "a/b", "Flights", ".", "a\0b", "a" * 64])
def test_a_name_that_is_no_table_is_refused(tables: Tables, name: str) -> None:
    with pytest.raises(UsageError, match="is not a name for a table"):
        tables.append(name, hours(0), key="k")
    with pytest.raises(UsageError):
        tables.read(name)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(keys=st.lists(st.sampled_from("abcdef"), max_size=8))
def test_every_key_is_there_once_whatever_the_order(tmp_path_factory: pytest.TempPathFactory, keys: list[str]) -> None:
    for tables in (DeltaTables(tmp_path_factory.mktemp("tables")), MemoryTables()):
        for key in keys:
            tables.append("letters", pl.DataFrame({"key": [key]}), key=key)

        stored = tables.read("letters")["key"].to_list() if keys else []
        assert sorted(stored) == sorted(set(keys))


def test_rows_that_come_in_parts_are_one_version_in_their_order(tables: Tables) -> None:
    version = tables.append_parts("flights", (hours(at, 10) for at in range(0, 50, 10)), key="k")
    again = tables.append_parts("flights", (pytest.fail("asked") for _ in range(1)), key="k")

    assert (again, tables.version("flights")) == (version, version)
    assert tables.read("flights")["hour"].to_list() == list(range(50))
    assert tables.scan("flights").filter(pl.col("hour") > 47).collect()["hour"].to_list() == [48, 49]


def test_parts_that_break_off_leave_the_table_as_it_was(tables: Tables) -> None:
    tables.append("flights", hours(0), key="first")

    def parts() -> Iterator[pl.DataFrame]:
        yield hours(24)
        raise OSError("the wire was cut")

    with pytest.raises(OSError, match="wire"):
        tables.append_parts("flights", parts(), key="k")

    assert len(tables.read("flights")) == 24
    if isinstance(tables, DeltaTables):
        assert len(parquet(tables._one("flights").place)) == 1
    assert len(tables.read("flights", version=tables.append_parts("flights", [hours(24)], key="k"))) == 48


def test_a_version_is_scanned_as_it_was(tables: Tables) -> None:
    first = tables.append("flights", hours(0), key="a")
    tables.append("flights", hours(24), key="b")

    assert tables.scan("flights", version=first).collect().height == 24
    with pytest.raises(NotFoundError, match="trains"):
        tables.scan("trains")
