"""Sources of every kind, loaded into a real house: new rows once, changed ones told apart, bad ones named."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from loop_sources import Home, needs, write_rows

import kaizenml as kz
from kaizenml.data.ingest import Part
from kaizenml.errors import SourceError
from postgres_server import PostgresServer, tell

SECRET = "correct-horse/battery@staple"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_file_is_loaded_once_and_new_ones_are_told_of(home: Home) -> None:
    (home.folder / "a.csv").write_text("id,y\n1,2\n")
    first = home.load(kz.files("*.csv"))
    (home.folder / "b.csv").write_text("y,id\n3,2\n")
    second = home.load(kz.files("*.csv"))

    assert first.rows.rows() == [("1", "2")]
    assert second.rows.select("id", "y").rows() == [("1", "2"), ("2", "3")]
    assert [event.facts["file"] for event in home.arrived()] == ["a.csv", "b.csv"]
    assert [file.path for file in second.files] == ["a.csv", "b.csv"]
    assert second.origin.to_list() == [file.digest for file in second.files]


def test_two_files_of_one_content_are_one_batch(home: Home) -> None:
    for name in ("a.csv", "b.csv"):
        (home.folder / name).write_text("id,y\n1,2\n")

    found = home.load(kz.files("*.csv"))

    assert (len(found.rows), [file.path for file in found.files]) == (1, ["a.csv", "b.csv"])


def test_a_file_that_is_gone_no_longer_counts(home: Home) -> None:
    for name in ("a", "b"):
        (home.folder / f"{name}.csv").write_text(f"id,y\n{name},2\n")
    home.load(kz.files("*.csv"))
    (home.folder / "a.csv").unlink()

    assert home.load(kz.files("*.csv")).rows["id"].to_list() == ["b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,z\n2,3\n", r"b\.csv lacks y"),
        ("id,y\n2,3,4\n", r"b\.csv, line 2: 3 fields"),
        ("", r"b\.csv is empty"),
    ],
)
def test_a_bad_file_is_named_and_what_was_loaded_stays(home: Home, text: str, said: str) -> None:
    (home.folder / "a.csv").write_text("id,y\n1,2\n")
    home.load(kz.files("*.csv"))
    (home.folder / "b.csv").write_text(text)

    with pytest.raises(SourceError, match=said):
        home.load(kz.files("*.csv"))

    assert home.load(kz.files("a.csv")).rows.rows() == [("1", "2")]
    assert len(home.arrived()) == 1


def test_a_value_of_another_type_is_named_by_file_row_and_column(home: Home) -> None:
    pl.DataFrame({"id": [1, 2], "y": [1.5, 2.5]}).write_parquet(home.folder / "a.parquet")
    home.load(kz.files("*.parquet"))
    pl.DataFrame({"id": ["3", "four"], "y": [1, 2]}).write_parquet(home.folder / "b.parquet")

    with pytest.raises(SourceError, match=r"b\.parquet, row 2: column id holds 'four'; so far it held Int64"):
        home.load(kz.files("*.parquet"))


def test_a_file_that_changes_while_it_is_read_is_not_loaded(home: Home, monkeypatch) -> None:
    from kaizenml.data import source

    (home.folder / "a.csv").write_text("id,y\n1,2\n")
    real = source.read_parts

    def grows(path: Path) -> Iterator[Part]:
        path.write_text(path.read_text() + "2,3\n")
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(source, "read_parts", grows)
        with pytest.raises(SourceError, match=r"a\.csv changed while it was read"):
            home.load(kz.files("*.csv"))

    assert home.arrived() == []
    assert len(home.load(kz.files("*.csv")).rows) == 2


def test_a_half_written_parquet_is_named(home: Home) -> None:
    pl.DataFrame({"id": range(9), "y": range(9)}).write_parquet(home.folder / "a.parquet")
    home.load(kz.files("a.parquet"))
    whole = (home.folder / "a.parquet").read_bytes()
    (home.folder / "b.parquet").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(SourceError, match=r"b\.parquet is no Parquet file"):
        home.load(kz.files("*.parquet"))


def test_a_whole_table_is_a_new_batch_only_when_it_changed(home: Home) -> None:
    write_rows(home.folder / "shop.db", [(1, "2026-01-01", 2.5), (2, "2026-01-02", None)])
    source = kz.sql("sqlite:///shop.db", table="orders")
    first, again = home.load(source), home.load(source)
    write_rows(home.folder / "shop.db", [(3, "2026-01-03", 4)])
    third = home.load(source)
    with sqlite3.connect(home.folder / "shop.db") as base:
        base.execute("DELETE FROM orders WHERE id = 3")
    back = home.load(source)

    assert first.rows.rows() == again.rows.rows() == [(1, "2026-01-01", 2.5), (2, "2026-01-02", None)]
    assert (len(third.rows), len(back.rows), len(home.arrived())) == (3, 2, 2)
    assert back.files == first.files


def test_only_new_rows_are_loaded_late_ones_counted_and_versions_replaced(home: Home) -> None:
    path = home.folder / "shop.db"
    write_rows(path, [(number, f"2026-01-{number:02d} 10:00:00", 1.0) for number in range(1, 20)])
    source = kz.sql("sqlite:///shop.db", table="orders", cursor="at", overlap="3d", key="id")
    home.load(source)
    write_rows(path, [(100, "2026-01-17 23:00:00", 2.0), (19, "2026-01-19 12:00:00", 9.0)])

    found = home.load(source)

    facts = home.arrived()[-1].facts
    assert (facts["rows"], facts["late"], facts["seen"]) == (2, 1, 4)
    assert sorted(found.rows["id"]) == [*range(1, 20), 100]
    assert found.rows.filter(pl.col("id") == 19)["price"].to_list() == [9.0]
    assert any("1 late" in line for line in home.said)
    assert len(home.load(source).rows) == 20
    assert len(home.arrived()) == 2


def test_another_query_is_another_stream(home: Home) -> None:
    write_rows(home.folder / "shop.db", [(number, f"2026-01-{number:02d}", 1.0) for number in range(1, 9)])
    home.load(kz.sql("sqlite:///shop.db", table="orders", cursor="id"))

    found = home.load(kz.sql("sqlite:///shop.db", "SELECT id, at AS day FROM orders WHERE id > 5", cursor="id"))

    assert found.rows.columns == ["id", "day"]
    assert len(found.rows) == 3


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (kz.sql("sqlite:///nope.db", table="t"), "no database"),
        (kz.sql("sqlite:///shop.db", table="nope"), "no such table"),
        (kz.sql("sqlite:///shop.db", "SELECT 1 FROM orders WHERE"), "incomplete input"),
        (kz.sql("sqlite:///shop.db", "DELETE FROM orders"), "readonly|read-only"),
        (kz.sql("sqlite:///shop.db", "SELECT id, id FROM orders"), "more than one column"),
        (kz.sql("sqlite:///shop.db", table="orders", cursor="att"), "(?s)'att'.*Did you mean 'at'"),
        (kz.sql("sqlite:///shop.db", "SELECT id, x'00' AS b FROM orders"), "row 1: column b holds bytes"),
        (kz.sql("oracle://h/d", table="t"), "No database is known by 'oracle'"),
        (kz.sql("postgresql://a:${NOT_SET_HERE}@h/d", table="t"), "NOT_SET_HERE"),
    ],
)
def test_a_database_that_cannot_be_read_is_told_of_clearly(home: Home, source: object, said: str) -> None:
    write_rows(home.folder / "shop.db", [(1, "2026-01-01", 2.5)])

    with pytest.raises(SourceError, match=said):
        home.load(source)


def test_a_missing_driver_names_its_extra(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.folder / "a.duckdb").write_bytes(b"x")
    for module in ("adbc_driver_duckdb", "adbc_driver_duckdb.dbapi", "obstore", "confluent_kafka"):
        monkeypatch.setitem(sys.modules, module, None)

    for source, extra in [
        (kz.sql("duckdb:///a.duckdb", table="t"), "sql"),
        (kz.files("s3://bucket/a.csv"), "s3"),
        (kz.kafka("localhost:1", "t"), "kafka"),
    ]:
        with pytest.raises(SourceError, match=rf"kaizenml\[{extra}\]"):
            home.load(source)


def test_duckdb_is_read_through_adbc(home: Home) -> None:
    needs("duckdb", "adbc_driver_duckdb", "adbc_driver_manager")
    import duckdb

    with duckdb.connect(str(home.folder / "shop.duckdb")) as base:
        base.execute("CREATE TABLE orders AS SELECT i AS id, TIMESTAMP '2026-01-01' + i * INTERVAL 1 HOUR AS at, "
                     "i::DECIMAL(9, 2) AS price, 'x' AS y FROM range(100) t(i)")  # fmt: skip
    source = kz.sql("duckdb:///shop.duckdb", table="orders", cursor="at", overlap="5h")
    first = home.load(source)
    with duckdb.connect(str(home.folder / "shop.duckdb")) as base:
        base.execute("INSERT INTO orders VALUES (500, '2026-01-05 01:30:00', 1, 'late'), (501, '2026-01-09', 1, 'new')")
    second = home.load(source)

    assert first.rows.schema == {"id": pl.Int64, "at": pl.Datetime("us"), "price": pl.Float64, "y": pl.String}
    assert (len(first.rows), len(second.rows), home.arrived()[-1].facts["late"]) == (100, 102, 1)


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    needs("adbc_driver_postgresql")
    return postgres.database()


def test_postgresql_gives_new_rows_with_their_types(home: Home, database: str, monkeypatch) -> None:
    monkeypatch.setenv("SHOP_URL", database)
    tell(
        database,
        "CREATE TABLE orders (id bigint, at timestamptz, price numeric(9, 2), mark uuid, day date, hour time, "
        "paid boolean, y text);"
        "INSERT INTO orders SELECT i, timestamptz '2026-01-01 00:00+00' + i * interval '1 hour', "
        "i / 2.0, gen_random_uuid(), '2026-01-01', '10:00', true, 'x' FROM generate_series(1, 50) i;",
    )
    source = kz.sql("${SHOP_URL}", table="orders", cursor="at", overlap="6h", key="id")
    first = home.load(source)
    tell(
        database,
        "INSERT INTO orders (id, at, y) VALUES (90, '2026-01-02 22:00+00', 'late'), (91, '2026-01-04', 'new');"
        "UPDATE orders SET y = 'changed', at = '2026-01-05' WHERE id = 7;",
    )
    second = home.load(source)

    kinds = [pl.Int64, pl.Datetime("us", "UTC"), pl.Float64, pl.String, pl.Date, pl.String, pl.Boolean, pl.String]
    assert first.rows.dtypes == kinds
    assert first.rows["price"].sum() == 637.5
    assert len(first.rows["mark"][0]) == 36
    assert (len(second.rows), home.arrived()[-1].facts["late"]) == (52, 1)
    assert second.rows.filter(pl.col("id") == 7)["y"].to_list() == ["changed"]
    assert len(home.load(source).rows) == 52


def test_a_wrong_password_is_told_of_and_told_nowhere(home: Home, database: str, monkeypatch) -> None:
    monkeypatch.setenv("PASSWORD", SECRET)
    for url in (
        "postgresql://ada:${PASSWORD}@127.0.0.1:1/shop",
        database.replace("postgres:@", "nobody:${PASSWORD}@"),
    ):
        with pytest.raises(SourceError) as refused:
            home.load(kz.sql(url, table="orders"))

        told = f"{refused.value} {refused.value.details} {refused.value.__cause__} {home.everything()}"
        assert refused.value.hint
        assert not any(part in told for part in (SECRET, "correct-horse", "battery"))


def frame_of(*hours: int) -> pl.DataFrame:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return pl.DataFrame({"at": [start + timedelta(hours=hour) for hour in hours], "y": [float(h) for h in hours]})


def test_a_function_gives_its_frame_and_is_told_since_when(home: Home) -> None:
    asked, given = [], [frame_of(*range(10)), frame_of(7, 8, 9, 20), frame_of(16, 20)]

    def readings(since: datetime | None) -> pl.DataFrame:
        asked.append(since)
        return given[len(asked) - 1]

    source = kz.frame(readings, cursor="at", overlap="5h")
    sizes = [len(home.load(source).rows) for _ in given]

    assert sizes == [10, 11, 12]
    assert asked == [None, frame_of(4)["at"][0], frame_of(15)["at"][0]]
    assert [event.facts["late"] for event in home.arrived()] == [0, 0, 1]


def test_a_function_may_return_pandas(home: Home) -> None:
    pandas = pytest.importorskip("pandas")

    assert home.load(kz.frame(lambda: pandas.DataFrame({"y": [1, 2], "x": ["a", None]}))).rows.rows() == [
        (1, "a"), (2, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "said"),
    [(lambda: 1 / 0, "ZeroDivisionError"), (lambda: 3, "returned int"), (frame_of, "has no rows")],
)
def test_a_function_that_gives_no_rows_is_named(home: Home, function: object, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        home.load(kz.frame(function))


def test_what_a_dead_process_committed_is_adopted_and_not_loaded_again(home: Home, monkeypatch) -> None:
    write_rows(home.folder / "shop.db", [(number, "2026-01-01", 1.0) for number in range(10)])
    source = kz.sql("sqlite:///shop.db", table="orders", cursor="id", overlap=3)
    with monkeypatch.context() as patch:
        patch.setattr("kaizenml.loop.loading_data._Load._note", lambda *_a, **_k: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            home.load(source)
    write_rows(home.folder / "shop.db", [(10, "2026-01-01", 1.0)])

    found = home.load(source)

    assert sorted(found.rows["id"]) == list(range(11))
    assert [event.facts["rows"] for event in home.arrived()] == [10, 1]
    assert home.arrived()[0].facts["adopted"] is True


def test_the_secret_test_would_notice(home: Home) -> None:
    assert os.environ.get("PASSWORD") != SECRET
    assert "run.started" in home.everything()


def test_columns_in_another_order_are_told_by_their_names(home: Home) -> None:
    (home.folder / "a.csv").write_text("id,y,z\n1,2,3\n")
    (home.folder / "b.csv").write_text("z,id,y\n6,4,5\n")

    found = home.load(kz.files("*.csv")).rows

    assert found.select("id", "y", "z").rows() == [("1", "2", "3"), ("4", "5", "6")]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no file that always fails to be read")
def test_a_file_that_cannot_be_read_is_named(home: Home) -> None:
    (home.folder / "a.csv").symlink_to("/proc/self/mem")

    with pytest.raises(SourceError, match=r"a\.csv cannot be read: Input/output error"):
        home.load(kz.files("*.csv"))


BAD: dict[str, tuple[bytes, str]] = {
    "another encoding": (b"id,y,town\n4,5,Berlin\n6,7,Z\xfcrich\n", r"b\.csv is not UTF-8.*line 3, column town.*0xfc"),
    "an endless line": (b"id,y,town\n4,5," + b"x" * 70_000_000, r"b\.csv, line 2, column town.*within 32 MB"),
    "an endless quote": (b'id,y,town\n4,5,"' + b"x\n" * 35_000_000, r"b\.csv, line 2.*limit.*column town"),
    "a column that is gone": (b"id,town\n4,x\n", r"b\.csv lacks y"),
    "a line that is cut off": (b"id,y,town\n4,5,x\n6,7", r"b\.csv, line 3: 2 fields"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_named_by_place_and_leaves_the_table_as_it_was(home: Home, kind: str) -> None:
    content, said = BAD[kind]
    (home.folder / "a.csv").write_text("id,y,town\n1,2,Bern\n")
    home.load(kz.files("*.csv"))
    version = home.house.tables.version("raw-shop")
    (home.folder / "b.csv").write_bytes(content)

    with pytest.raises(SourceError, match=said):
        home.load(kz.files("*.csv"))

    assert home.house.tables.version("raw-shop") == version
    assert len(list(home.folder.rglob("part-*.parquet"))) == 1
    assert home.load(kz.files("a.csv")).rows.rows() == [("1", "2", "Bern")]
