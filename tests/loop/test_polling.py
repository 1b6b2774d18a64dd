"""New files, rows and messages are noticed by themselves, and start a run where the project says so."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from loop_processes import Up, called, soon, up
from loop_sources import needs

import kaizenml as kz
from kaizenml.core.event import Kind
from kaizenml.core.job import Work
from kaizenml.errors import ProjectError
from kaizenml.loop.controller import reconcile
from kaizenml.loop.loading import load_folder
from kaizenml.loop.looking import look
from kaizenml.loop.wiring import House, open_house, read_settings

CODE = """import kaizenml as kz
from sklearn.linear_model import LogisticRegression

project = kz.Project("NAME", source=SOURCE, target="late", id="id")
project.poll("1s", run=RUN)


@project.step
def estimator():
    return LogisticRegression()
"""


def rows_of(ids: range, *, most: int = 9) -> list[dict[str, Any]]:
    rng = random.Random(ids.start)
    rows = [{"id": at, "amount": round(rng.random(), 3), "visits": rng.randrange(most)} for at in ids]
    return [{**row, "late": "yes" if row["amount"] > 0.5 else "no"} for row in rows]


def write_file(folder: Path, name: str, ids: range) -> None:
    rows = rows_of(ids)
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    (folder / "new").write_text("\n".join(lines) + "\n")
    (folder / "data").mkdir(exist_ok=True)
    (folder / "new").rename(folder / "data" / f"{name}.csv")


def write_table(path: Path, ids: range) -> None:
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE IF NOT EXISTS orders (id, amount, visits, late)")
        base.executemany("INSERT INTO orders VALUES (:id, :amount, :visits, :late)", rows_of(ids))


def send(broker: str, ids: range) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": broker, "log_level": 0})
    for row in rows_of(ids):
        producer.produce("parcels", json.dumps(row).encode())
    assert producer.flush(20) == 0


def project(folder: Path, name: str, source: str, *, run: bool) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "project.py").write_text(CODE.replace("NAME", name).replace("SOURCE", source).replace("RUN", str(run)))
    return folder


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    needs("confluent_kafka")
    from confluent_kafka import Producer

    host = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "unused:1", "log_level": 0})
    yield ",".join(f"{each.host}:{each.port}" for each in host.list_topics(timeout=10).brokers.values())
    host.flush(0)


def test_new_files_rows_and_messages_are_noticed_while_it_is_up(tmp_path: Path, broker: str) -> None:
    home = tmp_path / "kaizen"
    files = project(tmp_path / "files", "files", 'kz.files("data/*.csv")', run=True)
    table = project(tmp_path / "table", "table", 'kz.sql("sqlite:///t.db", table="orders", cursor="id")', run=False)
    topic = project(tmp_path / "topic", "topic", f'kz.kafka("{broker}", "parcels")', run=False)
    write_file(files, "first", range(120))
    write_table(table / "t.db", range(120))
    send(broker, range(120))
    for folder in (files, table, topic):
        called("run", "--project", folder, home=home)

    with up(files, home) as running:
        write_file(files, "second", range(1000, 1040))
        write_table(table / "t.db", range(1000, 1030))
        send(broker, range(1000, 1020))
        seen = {name: soon(lambda name=name: noticed(running, name), within=60) for name in ("files", "table", "topic")}
        runs = soon(lambda: finished(running, "files"), within=60)

    assert {name: event["facts"]["rows"] for name, event in seen.items()} == {"files": 40, "table": 30, "topic": 20}
    assert [run["cause"] for run in runs] == [seen["files"]["id"]]
    assert called("runs", "--project", files, home=home)["runs"][0]["snapshot"] == "files@2"


def noticed(running: Up, name: str) -> Any:
    events = running.get("/api/v1/events")["events"]
    found = [each for each in events if each["kind"] == "data.arrived" and each["project"] == name]
    return found[-1] if found[-1]["cause"] is None else None


def finished(running: Up, name: str) -> list[Any]:
    runs = running.get(f"/api/v1/runs?project={name}")["runs"]
    assert not [run for run in runs if run["state"] == "failed"]
    done = [running.get(f"/api/v1/runs/{run['id']}") for run in runs if run["state"] == "finished"]
    return [run for run in done if run["cause"] is not None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = project(tmp_path, "till", 'kz.files("data/*.csv")', run=True)
    write_file(made, "first", range(120))
    called("run", "--project", made)
    return made


def looked(folder: Path) -> tuple[Any, House]:
    house = open_house(read_settings(folder, {}))
    return look(load_folder(folder).project, folder, house, lambda _: None), house


def events(house: House, kind: Kind) -> list[Any]:
    with house.records.reading() as books:
        return books.events.find(kind)


def test_broken_data_start_no_run_and_mended_data_start_the_one_that_was_held(folder: Path) -> None:
    (folder / "data" / "first.csv").unlink()
    write_file(folder, "short", range(500, 520))

    first, house = looked(folder)
    again, _ = looked(folder)

    assert "20 of 20 rows are good" in first.refused == again.refused
    [held] = events(house, Kind.TRIGGER_HELD)
    [opened] = events(house, Kind.ALERT_OPENED)
    assert held.cause == opened.id
    assert held.facts["held_by"] == opened.facts["alert"]
    assert (first.run, again.run) == ("", "")

    write_file(folder, "more", range(600, 700))
    mended, _ = looked(folder)

    assert mended.run
    assert [each.facts["alert"] for each in events(house, Kind.ALERT_RESOLVED)] == [opened.facts["alert"]]
    assert looked(folder)[0].run == ""


def test_a_source_that_cannot_be_read_is_one_alert_however_often_it_is_looked_at(folder: Path) -> None:
    kept = (folder / "data" / "first.csv").read_bytes()
    (folder / "data" / "first.csv").unlink()

    said = [looked(folder)[0].refused for _ in range(3)]
    (folder / "data" / "first.csv").write_bytes(kept)
    back, house = looked(folder)

    assert all("No file matches" in each for each in said)
    assert back.refused == ""
    assert len(events(house, Kind.ALERT_OPENED)) == len(events(house, Kind.ALERT_RESOLVED)) == 1


def test_the_controller_queues_one_look_for_each_interval(folder: Path) -> None:
    house = open_house(read_settings(folder, {}))

    for _ in range(5):
        reconcile(house)

    with house.records.reading() as books:
        jobs = [job for job in books.jobs.newest() if job.work is Work.LOOK]
    assert len(jobs) == 1
    assert jobs[0].cause is None


@pytest.mark.parametrize("interval", ["0s", "500", "every day", "0.5s"])
def test_an_interval_that_is_none_is_refused(interval: str) -> None:
    made = kz.Project("till", source=kz.files("data/*.csv"), target="late")

    with pytest.raises(ProjectError):
        made.poll(interval)


def test_rows_that_are_pushed_are_not_polled() -> None:
    with pytest.raises(ProjectError, match="arrive by themselves"):
        kz.Project("till", source=kz.push(), target="late").poll("5m")
