"""A house in a folder, and sources that load into it."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import kaizenml as kz
from kaizenml.core.event import Draft, Event, Kind
from kaizenml.core.source import Source
from kaizenml.loop.loading_data import Gathered, gather
from kaizenml.loop.wiring import House, open_house
from kaizenml.loop.wiring import read_settings as settings_of


def needs(*modules: str) -> None:
    """Skip the test without these modules; where everything is required, fail."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        (pytest.fail if os.environ.get("KAIZEN_TEST_REQUIRE") == "all" else pytest.skip)(f"there is no {missing[0]}")


@dataclass
class Home:
    """A project's folder with its house."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.house: House = open_house(settings_of(self.folder, {}))
        with self.house.records.writing() as books:
            draft = Draft("shop", "person:ada", Kind.RUN_STARTED, "run:1")
            self.cause = books.events.append(draft, self.house.clock.now()).id

    def load(self, source: Source) -> Gathered:
        project = kz.Project("shop", source=source, target="y")
        return gather(project, self.folder, self.house, self.said.append, cause=self.cause)

    def arrived(self) -> list[Event]:
        with self.house.records.reading() as books:
            return books.events.find(Kind.DATA_ARRIVED, "source:shop")

    def everything(self) -> str:
        """Return all that was written down, and told, as one text."""
        with self.house.records.reading() as books:
            events = books.events.newest(limit=1000)
        files = [path.read_bytes() for path in self.folder.rglob("*") if path.is_file()]
        return "\n".join([*map(str, events), *self.said]) + b"".join(files).decode("latin-1")


def write_rows(path: Path, rows: Sequence[Sequence[Any]], *, table: str = "orders") -> None:
    """Put rows (id, at, price) into a table of SQLite, which is made when it is not there."""
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(f"CREATE TABLE IF NOT EXISTS {table} (id, at TEXT, price)")
        base.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", rows)
