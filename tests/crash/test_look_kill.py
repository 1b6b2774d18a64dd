"""A look at a source is killed at every durable step; looked at again, one arrival makes one run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kaizenml.core.event import Kind, verify
from kaizenml.core.job import Work
from kaizenml.loop.wiring import House, open_house, read_settings

STEPS = ("committed", "ledger written, not committed", "loaded, not answered", "run queued, not committed", "all done")
LOOK = """
import json, os, signal, sqlite3, sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import kaizenml as kz
from kaizenml.adapters import tables
from kaizenml.adapters.sql import log, queue
from kaizenml.core.declaration import Declaration, Delivery
from kaizenml.loop import data_alerts, looking
from kaizenml.loop.wiring import open_house, read_settings

folder, kind, step = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def dies_after(owner, name):
    real = getattr(owner, name)

    def call(*of, **more):
        real(*of, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, call)


house = open_house(read_settings(folder, {}))
with house.records.writing() as books:
    books.declarations.save(Declaration("shop", str(folder), "price", "id", None, (), Delivery(), ()))
if step == "committed":
    dies_after(tables.DeltaTables, "append")
    dies_after(tables.DeltaTables, "append_parts")
elif step == "ledger written, not committed":
    dies_after(log.SqlEvents, "append")
elif step == "loaded, not answered":
    dies_after(data_alerts, "gathered")
elif step == "run queued, not committed":
    dies_after(queue.SqlJobs, "enqueue")
sources = {
    "sql": kz.sql("sqlite:///shop.db", table="orders", cursor="at", overlap=10),
    "files": kz.files("in/*.csv"),
}
project = kz.Project("shop", source=sources[kind], target="price")
project.poll("1s", run=True)
done = looking.look(project, folder, house, lambda _: None)
if step == "all done":
    os.kill(os.getpid(), signal.SIGKILL)
print(json.dumps(asdict(done)))
"""


def grow(folder: Path, start: int) -> None:
    import sqlite3
    from contextlib import closing

    rows = [(number, number, number % 7) for number in range(start, start + 40)]
    with closing(sqlite3.connect(folder / "shop.db")) as base, base:
        base.execute("CREATE TABLE IF NOT EXISTS orders (id, at, price)")
        base.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
    (folder / "in").mkdir(exist_ok=True)
    lines = ["id,at,price", *(",".join(map(str, row)) for row in rows)]
    (folder / "in" / f"{start}.csv").write_text("\n".join(lines) + "\n")


def look(folder: Path, kind: str, step: str = "never") -> dict[str, object]:
    words = [sys.executable, "-c", LOOK, str(folder), kind, step]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == (0 if step == "never" else -9), done.stderr[-2000:]
    return json.loads(done.stdout) if step == "never" else {}


def causes_of_runs(house: House) -> list[int | None]:
    with house.records.reading() as books:
        verify(books.events.after())
        return [job.cause for job in books.jobs.newest() if job.work is Work.RUN]


@pytest.mark.parametrize("kind", ["sql", "files"])
@pytest.mark.parametrize("step", STEPS)
def test_one_arrival_makes_one_run_whatever_kills_the_look(tmp_path: Path, kind: str, step: str) -> None:
    grow(tmp_path, 0)

    look(tmp_path, kind, step)
    look(tmp_path, kind)
    said = look(tmp_path, kind)

    house = open_house(read_settings(tmp_path, {}))
    with house.records.reading() as books:
        [arrived] = books.events.find(Kind.DATA_ARRIVED)
    assert said == {"batches": 0, "rows": 0, "run": "", "refused": ""}
    assert causes_of_runs(house) == [arrived.id]
    assert sorted(map(int, house.tables.read("raw-shop")["id"])) == list(range(40))


@pytest.mark.parametrize("kind", ["sql", "files"])
def test_each_arrival_makes_a_run_of_its_own(tmp_path: Path, kind: str) -> None:
    grow(tmp_path, 0)
    first = look(tmp_path, kind)
    grow(tmp_path, 100)
    second = look(tmp_path, kind)

    assert (first["rows"], second["rows"]) == (40, 40)
    assert first["run"] != second["run"]
    assert len(set(causes_of_runs(open_house(read_settings(tmp_path, {}))))) == 2
