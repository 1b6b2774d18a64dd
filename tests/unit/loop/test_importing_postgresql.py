"""A store in PostgreSQL is read as one in a file is, and a home in PostgreSQL takes runs in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow_stores import RUN, TABLES, database

from kaizenml.loop.importing import Import
from kaizenml.loop.wiring import open_house, open_origin, read_settings
from postgres_server import PostgresServer


def copied(path: Path, url: str) -> None:
    """Copy a database file to PostgreSQL."""
    psycopg = pytest.importorskip("psycopg")
    with closing(sqlite3.connect(path)) as of, psycopg.connect(url) as to:
        to.execute(TABLES)
        for (name,) in of.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = of.execute(f"SELECT * FROM {name}")
            columns = [each[0] for each in rows.description]
            for row in rows:
                said = zip(columns, row, strict=True)
                values = [bool(value) if column == "is_nan" else value for column, value in said]
                to.execute(f"INSERT INTO {name} VALUES ({', '.join(['%s'] * len(values))})", values)


def brought(place: str, folder: Path, **flags: str):
    house = open_house(read_settings(folder, flags))
    with open_origin(place, None) as (origin, troubles):
        tally = Import(house, origin, troubles, "person:ada", lambda _: None).bring()
    with house.records.reading() as books:
        run, points = books.runs.get(RUN), books.series.read(RUN, "loss")
    house.records.close()
    return tally, run, points


def test_a_store_in_postgresql_is_read_as_one_in_a_file(postgres: PostgresServer, tmp_path: Path) -> None:
    path, url = database(tmp_path), postgres.database()
    copied(path, url)

    of_file, of_postgresql = brought(str(path), tmp_path / "a"), brought(url, tmp_path / "b")

    assert dict(of_postgresql[0].seen) == {**of_file[0].seen, "artefacts": 0}
    assert of_postgresql[1].parameters == of_file[1].parameters
    assert of_postgresql[2] == of_file[2]
    assert not of_postgresql[0].missing


def test_a_home_in_postgresql_takes_runs_in(postgres: PostgresServer, tmp_path: Path) -> None:
    path = database(tmp_path, runs=300)

    tally, run, points = brought(str(path), tmp_path / "project", database=postgres.emptied())

    assert tally.brought["runs"] == 300
    assert not tally.missing
    assert list(run.artefacts) == ["notes/a.txt"]
    assert len(points) == 3
