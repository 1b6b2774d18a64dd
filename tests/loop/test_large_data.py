"""Data larger than memory should hold are taken part by part, and give what they give in one piece."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from kaizenml.core.event import Draft, Kind
from kaizenml.core.snapshot import Snapshot
from kaizenml.data import textfile
from kaizenml.errors import SourceError
from kaizenml.loop import ingesting_large, quarantining
from kaizenml.loop.ingesting import prepare
from kaizenml.loop.loading import load_folder
from kaizenml.loop.wiring import House, open_house, read_settings

CODE = """import kaizenml as kz

project = kz.Project("shop", source=kz.files("data/*.csv"), target="late", id="id", time="at")
"""
ROWS = 3_000


def rows(seed: int, first: int, count: int = ROWS) -> pl.DataFrame:
    rng = random.Random(seed)
    at = [f"2026-{1 + n % 12:02d}-{1 + n % 28:02d} {n % 24:02d}:00:00" for n in range(count)]
    data = {
        "id": [f"o{first + n}" for n in range(count)],
        "at": at,
        "weight": ["heavy" if n % 500 == 7 else f"{rng.uniform(0, 10):.3f}" for n in range(count)],
        "kind": [rng.choice(["red", "green", "", "ultramarine"]) for _ in range(count)],
        "late": [rng.choice(["yes", "no"]) for _ in range(count)],
    }
    data["id"][50] = data["id"][49]
    return pl.DataFrame(data)


def house_of(folder: Path, *, stream_mb: int) -> House:
    return open_house(read_settings(folder, {"stream_mb": str(stream_mb)}))


def project_in(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "project.py").write_text(CODE)
    rows(1, 0).write_csv(folder / "data" / "a.csv")
    rows(2, ROWS - 10).write_csv(folder / "data" / "b.csv")
    return folder


def prepared(folder: Path, *, stream_mb: int, said: list[str] | None = None) -> ingesting_large.Prepared:
    house = house_of(folder, stream_mb=stream_mb)
    with house.records.writing() as books:
        draft = Draft("shop", "person:ada", Kind.RUN_STARTED, "run:1")
        cause = books.events.append(draft, house.clock.now()).id
    return prepare(load_folder(folder).project, folder, house, ([] if said is None else said).append, cause=cause)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make parts so small that these data come in many."""
    monkeypatch.setattr(textfile, "BLOCK", 10_000)
    monkeypatch.setattr(ingesting_large, "ROWS_AT_ONCE", 700)


def quarantined(folder: Path) -> list[tuple[object, ...]]:
    lines = house_of(folder, stream_mb=1).tables.read(quarantining.quarantine_of("shop"))
    names = ["row", "rule", "column", "value", "reason", "payload", "id", "file", "suggestion", "state"]
    return sorted(lines.select(names).rows(), key=str)


@pytest.mark.usefixtures("small")
def test_parts_give_the_snapshot_contract_and_quarantine_of_the_whole(tmp_path: Path) -> None:
    whole = prepared(project_in(tmp_path / "whole"), stream_mb=1_000)
    parts = prepared(project_in(tmp_path / "parts"), stream_mb=0)

    def told(of: Snapshot) -> list[object]:
        return [of.digest, of.rows, of.quarantined, of.plan, of.contract, of.oldest, of.newest, of.files]

    assert told(parts.snapshot) == told(whole.snapshot)
    assert (
        parts.snapshot.quarantined == 2 * 6 + 2 + 10 - 1
    )  # heavy, twice the same id, brought again (one of them heavy)
    assert parts.good.equals(whole.good)
    assert quarantined(tmp_path / "parts") == quarantined(tmp_path / "whole")
    assert list((tmp_path / "parts" / ".kaizen").glob("streaming-shop")) == []


@pytest.mark.usefixtures("small")
def test_a_second_run_holds_new_rows_to_the_contract_as_the_whole_does(tmp_path: Path) -> None:
    snapshots = []
    for name, megabytes in (("whole", 1_000), ("parts", 0)):
        folder = project_in(tmp_path / name)
        prepared(folder, stream_mb=megabytes)
        rows(3, 5 * ROWS).with_columns(kind=pl.lit("violet")).write_csv(folder / "data" / "c.csv")
        said: list[str] = []
        found = prepared(folder, stream_mb=megabytes, said=said)
        snapshots.append((found.snapshot.digest, found.snapshot.quarantined, [line for line in said if "soft" in line]))

    assert snapshots[0] == snapshots[1]
    assert any("kind" in line for line in snapshots[0][2])


@pytest.mark.usefixtures("small")
def test_a_repaired_row_joins_again(tmp_path: Path) -> None:
    folder = project_in(tmp_path / "p")
    before = prepared(folder, stream_mb=0).snapshot
    house = house_of(folder, stream_mb=0)
    from kaizenml.loop.running import declare

    with house.records.writing() as books:
        books.declarations.save(declare(load_folder(folder).project, folder))
    entry = next(each for each in quarantining.entries(house, "shop") if each.payload["weight"] == "heavy")
    quarantining.repair(house, entry.id, {"weight": "9.5"}, by="person:ada")
    after = prepared(folder, stream_mb=0).snapshot

    assert (after.rows, after.quarantined) == (before.rows + 1, before.quarantined - 1)


def test_a_model_is_trained_on_rows_spread_evenly(tmp_path: Path) -> None:
    folder = project_in(tmp_path / "p")
    (folder / "kaizen.toml").write_text('train_rows = "1000"\nstream_mb = "0"\n')
    said: list[str] = []
    found = prepared(folder, stream_mb=0, said=said)

    assert 900 < len(found.good) <= 1_000 < found.snapshot.rows
    assert found.good["id"][0] == "o0"
    assert any("train: on" in line for line in said)


@pytest.mark.usefixtures("small")
def test_a_file_that_breaks_off_late_leaves_the_last_snapshot_as_it_was(tmp_path: Path) -> None:
    folder = project_in(tmp_path / "p")
    first = prepared(folder, stream_mb=0).snapshot
    text = (folder / "data" / "a.csv").read_text()
    (folder / "data" / "c.csv").write_text(text + "o99,2026-01-01 00:00:00,1\n")

    with pytest.raises(SourceError, match=rf"c\.csv, line {ROWS + 2}: 3 fields"):
        prepared(folder, stream_mb=0)

    house = house_of(folder, stream_mb=0)
    with house.records.reading() as books:
        assert books.snapshots.newest("shop") == [first]
    assert house.tables.version("raw-shop") == first.version


CHILD = """
import sys, time
from pathlib import Path

def most():  # not getrusage: what it tells of a process includes what its parent held when it was started
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

folder, rows = Path(sys.argv[1]), int(sys.argv[2])
import polars as pl
with (folder / "data" / "big.csv").open("wb") as file:
    for first in range(0, rows, 100_000):
        n = pl.int_range(first, first + 100_000, eager=True)
        part = pl.DataFrame({"id": n, "at": pl.from_epoch(1_700_000_000 + n)}).with_columns(
            *(((n * (7 + at)) % 9973 / 7).alias(f"x{at}") for at in range(3)),
            *(pl.concat_str(pl.lit("one of the words that many lines of this file say: "), (n % 50).cast(pl.String))
              .alias(f"w{at}") for at in range(3)),
            late=n % 3 == 0,
        )
        part.write_csv(file, include_header=first == 0)

from kaizenml.core.event import Draft, Kind
from kaizenml.loop.ingesting import prepare
from kaizenml.loop.loading import load_folder
from kaizenml.loop.wiring import open_house, read_settings

before = most()
house = open_house(read_settings(folder))
with house.records.writing() as books:
    cause = books.events.append(Draft("shop", "person:ada", Kind.RUN_STARTED, "run:1"), house.clock.now()).id
began = time.perf_counter()
found = prepare(load_folder(folder).project, folder, house, lambda line: print(line, file=sys.stderr), cause=cause)
import json
print(json.dumps({
    "rows": found.snapshot.rows, "quarantined": found.snapshot.quarantined, "seconds": time.perf_counter() - began,
    "csv": (folder / "data" / "big.csv").stat().st_size,
    "peak": most(), "before": before}))
"""


def test_a_large_file_passes_through_a_bounded_memory(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "project.py").write_text(CODE)
    (tmp_path / "kaizen.toml").write_text('stream_mb = "50"\ntrain_rows = "50000"\n')

    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), "700000"],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert (found["rows"], found["quarantined"]) == (700_000, 0)
    assert found["csv"] > 150e6
    assert found["peak"] < 1.1e9, found  # in one piece it takes more than twice as much
