"""Ingestion is killed at every durable step and at random moments; run again, no row is twice there or lost."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from kaizenml.core.event import Kind, verify
from kaizenml.loop.loading_data import BATCH, FILE
from kaizenml.loop.wiring import open_house, read_settings

#: Where a process can die between two durable things, and which call comes right before or after that.
STEPS = ("rows written, not committed", "committed", "ledger written, not committed", "all done")
KILLS = 8
LOAD = """
import json, os, signal, sys
from pathlib import Path

import kaizenml as kz
from kaizenml.adapters import delta_log, tables
from kaizenml.adapters.sql import log, watch
from kaizenml.core.declaration import Declaration, Delivery
from kaizenml.core.event import Draft, Kind
from kaizenml.data import kafka_source
from kaizenml.loop import loading_data, pushing
from kaizenml.loop.wiring import open_house, read_settings

folder, kind, step = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def die(*_of, **_more):
    os.kill(os.getpid(), signal.SIGKILL)


def dies_after(owner, name):
    real = getattr(owner, name)

    def call(*of, **more):
        real(*of, **more)
        die()

    setattr(owner, name, call)


house = open_house(read_settings(folder, {}))
with house.records.writing() as books:
    books.declarations.save(Declaration("shop", str(folder), "price", "id", None, (), Delivery(), ()))
    cause = books.events.append(Draft("shop", "system:test", Kind.RUN_STARTED, "run:1"), house.clock.now()).id
if step == "rows written, not committed":
    delta_log.DeltaLog.add = die
elif step == "committed":
    dies_after(tables.DeltaTables, "append")
    dies_after(tables.DeltaTables, "append_parts")
elif step == "ledger written, not committed":
    dies_after(log.SqlEvents, "append")
elif step == "key noted, not committed":
    dies_after(watch.SqlNotes, "put")
elif step == "key noted":
    dies_after(pushing, "_begun")
print("begun", flush=True)
sources = {
    "sql": kz.sql("sqlite:///shop.db", table="orders", cursor="at", overlap=10),
    "keyed": kz.sql("sqlite:///shop.db", table="orders", cursor="at", overlap=10, key="id"),
    "files": kz.files("in/*.csv"),
    "push": kz.push(),
}
if kind == "kafka":
    sources["kafka"] = kz.kafka(os.environ["BROKER"], folder.name)
    kafka_source.MESSAGES_IN_BATCH = 25
if kind == "push":
    for path in sorted(folder.glob("sent/*.json")):
        pushing.push(house, "shop", json.loads(path.read_text()), key=path.stem, by="person:ada")
else:
    project = kz.Project("shop", source=sources[kind], target="price")
    loading_data.gather(project, folder, house, lambda _: None, cause=cause)
if step == "all done":
    die()
print("done", flush=True)
"""


class Shop:
    """A source that grows, and what must have been loaded of it."""

    def __init__(self, folder: Path, kind: str, broker: str = "") -> None:
        self.folder, self.kind, self.rows, self.broker = folder, kind, 0, broker
        self.rng = random.Random(20260101)
        for name in ("in", "sent"):
            (folder / name).mkdir()

    def grow(self, count: int = 40) -> None:
        """Write more rows, each at most ten behind the newest; every fifth is the same as another."""
        numbers = range(self.rows, self.rows + count)
        self.rows += count
        rows = [(n, max(n - self.rng.randrange(10), 0), n % 7) for n in numbers]
        if self.kind in ("sql", "keyed"):
            with closing(sqlite3.connect(self.folder / "shop.db")) as base, base:
                base.execute("CREATE TABLE IF NOT EXISTS orders (id, at, price)")
                base.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
        name = f"{self.rows:06d}"
        lines = ["id,at,price", *(",".join(map(str, row)) for row in rows)]
        self.put(f"in/{name}.csv", "\n".join(lines) + "\n")
        said = [dict(zip(("id", "at", "price"), row, strict=True)) for row in rows]
        self.put(f"sent/{name}.json", json.dumps(said))
        if self.broker:
            self.send(said)

    def send(self, rows: list[dict[str, int]]) -> None:
        """Write the rows to the topic."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.broker, "log_level": 0})
        for row in rows:
            producer.produce(self.folder.name, json.dumps(row).encode(), key=str(row["id"]))
        assert producer.flush(20) == 0

    def put(self, path: str, text: str) -> None:
        """Write a file that is whole from the moment it is there."""
        (self.folder / "new").write_text(text)
        (self.folder / "new").rename(self.folder / path)

    def start(self, step: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", LOAD, str(self.folder), self.kind, step]
        there = {**os.environ, "BROKER": self.broker}
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=there)

    def load(self, step: str = "never") -> str:
        """Load in a process of its own; return what it said."""
        process = self.start(step)
        said, errors = process.communicate(timeout=60)
        assert process.returncode == (0 if step == "never" else -9), errors[-2000:]
        return said

    def check(self) -> None:
        """Compare what is in the table, the ledger and the log with what the source holds."""
        house = open_house(read_settings(self.folder, {}))
        rows = house.tables.read("raw-shop")
        assert Counter(map(int, rows["id"])) == Counter(range(self.rows))
        column = FILE if self.kind == "files" else BATCH
        with house.records.reading() as books:
            ledger = books.snapshots.loaded("raw-shop")
            events = books.events.find(Kind.DATA_ARRIVED, "source:shop")
            verify(books.events.after())
        counts = dict(rows.group_by(column).agg(pl.len()).iter_rows())
        assert set(counts) == set(ledger)
        assert Counter(counts.values()) == Counter(event.facts["rows"] for event in events)


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """A broker within this process, which no kill reaches; gives its address."""
    kafka = pytest.importorskip("confluent_kafka")
    host = kafka.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "unused:1", "log_level": 0})
    yield ",".join(f"{each.host}:{each.port}" for each in host.list_topics(timeout=10).brokers.values())
    host.flush(0)  # it lives for as long as this producer does


@pytest.mark.parametrize("step", STEPS)
def test_a_topic_is_killed_at_a_durable_step_and_read_again(tmp_path: Path, broker: str, step: str) -> None:
    shop = Shop(tmp_path, "kafka", broker)
    shop.grow()
    shop.load()
    shop.grow()

    assert "done" not in shop.load(step)
    shop.grow()
    shop.load()

    shop.check()


@pytest.mark.parametrize("step", ["key noted, not committed", "key noted"])
def test_a_push_is_killed_when_its_key_is_noted_and_sent_again(tmp_path: Path, step: str) -> None:
    shop = Shop(tmp_path, "push")
    shop.grow()

    assert "done" not in shop.load(step)
    shop.load()

    shop.check()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ["sql", "files", "push"])
def test_killed_at_a_durable_step_and_run_again(tmp_path: Path, kind: str, step: str) -> None:
    shop = Shop(tmp_path, kind)
    shop.grow()
    shop.load()
    shop.grow()

    assert "done" not in shop.load(step)
    if kind == "sql":
        shop.grow()  # the source goes on meanwhile, so that the next batch is another one
    shop.load()

    shop.check()


@pytest.mark.parametrize("kind", ["keyed", "files"])
def test_killed_at_random_moments_and_run_again(tmp_path: Path, kind: str) -> None:
    shop, rng = Shop(tmp_path, kind), random.Random(7)
    for _ in range(KILLS):
        shop.grow(200)
        process = shop.start("never")
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.12))
        process.kill()
        process.communicate()
    shop.load()

    shop.check()


def test_a_file_of_many_parts_is_killed_at_random_moments_and_loaded_again(tmp_path: Path) -> None:
    shop, rng = Shop(tmp_path, "files"), random.Random(11)
    for _ in range(4):
        shop.grow(150_000)
        process = shop.start("never")
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.4))
        process.kill()
        process.communicate()
    shop.load()

    shop.check()


@pytest.mark.parametrize("kind", ["sql", "files", "push"])
def test_loads_at_once_load_once(tmp_path: Path, kind: str) -> None:
    shop = Shop(tmp_path, kind)
    shop.grow()
    processes = []
    for _ in range(3):
        processes.append(shop.start("never"))
        time.sleep(0.2)
        shop.grow()

    for process in [*processes, shop.start("never")]:
        process.communicate(timeout=60)
    shop.load()

    assert [process.returncode for process in processes] == [0, 0, 0]
    shop.check()
