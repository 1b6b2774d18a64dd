"""`kaizen doctor` finds nothing in a sound home, and each fault that is planted, by its name."""

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from loop_processes import call, called, environment, soon, up
from test_migrate import shop as shop  # the same small project, run once

from kaizenml.core.digest import Digest
from kaizenml.core.garbage import digests_in
from kaizenml.core.labelling import LabelTask
from kaizenml.loop import labelling
from kaizenml.loop.needing import needs
from kaizenml.loop.wiring import open_house, read_settings


@pytest.fixture(scope="module")
def served(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose first release is live at its endpoint, and that has answered."""
    folder = tmp_path_factory.mktemp("served") / "shop"
    shutil.copytree(shop, folder)
    with up(folder) as loop:
        soon(lambda: loop.is_serving("shop"), within=60)
        loop.predict("shop", [{"id": 1, "a": 0.9, "b": 0.8}])
    return folder


@pytest.fixture
def project(served: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    shutil.copytree(served, folder)
    return folder


def faults(project: Path, *words: str, code: int = 1) -> list[dict[str, Any]]:
    return called("doctor", *words, "--project", project, code=code)["faults"]


def write(project: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(project / ".kaizen/kaizen.db")) as books, books:
        assert books.execute(statement, values).rowcount > 0


def change(project: Path, table: str, where: str, **said: object) -> None:
    """Change what a record says, as somebody would who has the database at hand."""
    with closing(sqlite3.connect(project / ".kaizen/kaizen.db")) as books, books:
        key, body = books.execute(f"SELECT rowid, body FROM {table} WHERE {where}").fetchone()
        books.execute(f"UPDATE {table} SET body = ? WHERE rowid = ?", (json.dumps(json.loads(body) | said), key))


def blob(project: Path, what: str) -> tuple[Path, str, Digest]:
    """Return the file of a blob that a record needs, the record, and the digest."""
    house = open_house(read_settings(project))
    with house.records.reading() as books:
        need = next(each for each in needs(books) if each.what == what)
    house.records.close()
    digest = need.digest
    return project / ".kaizen/blobs/sha256" / digest[:2] / digest[2:4] / digest[4:], need.by, digest


def flip(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 0xFF
    path.write_bytes(content)


def test_a_sound_home_has_no_faults(project: Path):
    assert faults(project, code=0) == []
    assert faults(project, "--quick", code=0) == []
    said = call("doctor", "--project", project)
    assert said.returncode == 0
    assert "Nothing is wrong." in said.stdout
    assert "blobs: sound" in said.stderr


@pytest.mark.parametrize("what", ["bundle", "wheel", "its code", "cleaning plan", "contract"])
@pytest.mark.parametrize("harm", ["flipped", "lost"])
def test_a_damaged_or_lost_blob_is_named_with_what_needs_it(project: Path, what: str, harm: str):
    path, by, digest = blob(project, what)
    flip(path) if harm == "flipped" else path.unlink()

    (found,) = faults(project)

    assert (found["area"], found["subject"], found["is_grave"]) == ("blobs", digest, True)
    assert by in found["said"]
    assert what in found["said"]
    assert ("damaged" if harm == "flipped" else "gone") in found["said"]
    if harm == "flipped":  # it is in quarantine now, and a second look says so
        assert not path.exists()
        assert "quarantine" in faults(project)[0]["said"]


def test_a_lost_block_of_tasks_to_label_is_named(project: Path):
    house = open_house(read_settings(project))
    labelling.fill(house, "shop", [LabelTask(f"row-{number}", {"x": number}) for number in range(3)])
    with house.records.reading() as books:
        (deck,) = [each for each in needs(books) if each.by == "queue:shop"]
    (block,) = digests_in(house.blobs.get(deck.digest))
    house.records.close()
    assert faults(project, code=0) == []
    (project / ".kaizen/blobs/sha256" / block[:2] / block[2:4] / block[4:]).unlink()

    (found,) = faults(project)

    assert (found["area"], found["subject"], found["is_grave"]) == ("blobs", block, True)
    assert "queue:shop" in found["said"]


def test_a_damaged_blob_that_nothing_needs_is_no_grave_fault(project: Path):
    house = open_house(read_settings(project))
    digest = house.blobs.put(b"nobody needs this")
    flip(project / ".kaizen/blobs/sha256" / digest[:2] / digest[2:4] / digest[4:])

    for _ in range(2):
        (found,) = faults(project, code=0)
        assert (found["subject"], found["is_grave"]) == (digest, False)


RAW = "tables/raw-shop"


def cut_a_file_of_a_table(home: Path) -> None:
    path = next((home / RAW).glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-20])


def flip_a_byte_of_a_table(home: Path) -> None:
    flip(next((home / RAW).glob("*.parquet")), 0.3)


def flip_a_byte_that_was_never_noted(home: Path) -> None:
    (home / RAW / "_sums.txt").unlink()
    flip(next((home / RAW).glob("*.parquet")), 0.999)  # what parquet itself says at its end


def lose_the_key(home: Path) -> None:
    (home / "key").unlink()


def put_in_another_key(home: Path) -> None:
    (home / "key").write_text("0" * 64)


def let_others_read_the_key(home: Path) -> None:
    (home / "key").chmod(0o644)


def put_a_journal_aside(home: Path) -> None:
    (home / "journals-unreadable/run-7").mkdir(parents=True)


FILES: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "a lost file of a table": (
        lambda home: next((home / RAW).glob("*.parquet")).unlink(), "tables", "raw-shop", "has lost its file"),
    "a cut file of a table": (cut_a_file_of_a_table, "tables", "raw-shop", "bytes, where"),
    "a flipped byte in a table": (flip_a_byte_of_a_table, "tables", "raw-shop", "is damaged"),
    "a flipped byte in a table of old": (flip_a_byte_that_was_never_noted, "tables", "raw-shop", "cannot be read"),
    "a lost commit": (
        lambda home: (home / RAW / "_delta_log" / f"{0:020d}.json").unlink(), "tables", "raw-shop", "_delta_log"),
    "the key gone": (lose_the_key, "home", "key", "1 releases were approved, such as shop/1"),
    "another key": (put_in_another_key, "records", "release:shop/1", "not sealed with this home's key"),
    "an open key": (let_others_read_the_key, "home", "key", "Others than its owner"),
    "an unreadable journal": (put_a_journal_aside, "home", "run-7", "put aside"),
}  # fmt: skip


@pytest.mark.parametrize("planted", FILES)
def test_a_fault_among_the_files_is_named(project: Path, planted: str):
    plant, area, subject, said = FILES[planted]
    plant(project / ".kaizen")

    found = [each for each in faults(project) if each["is_grave"]]

    assert (found[0]["area"], found[0]["subject"]) == (area, subject)
    assert said in found[0]["said"]
    assert found[0]["hint"]
    if planted != "a lost commit":  # which the table cannot be opened without
        assert len(found) == 1


RECORDS: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "an event changed": (
        lambda at: change(at, "events", "id = 3", actor="person:eve"), "events", "log", "3"),
    "an event taken out": (
        lambda at: write(at, "DELETE FROM events WHERE id = 3"), "events", "log", ""),
    "the end of the log cut off": (
        lambda at: write(at, "DELETE FROM events WHERE id > 3"), "events", "log", "which this home has seen, is gone"),
    "a release's parts changed": (
        lambda at: change(at, "releases", "number = 1", digest="0" * 64), "records", "release:shop/1",
        "Its parts make"),
    "a model gone": (
        lambda at: write(at, "DELETE FROM models"), "records", "release:shop/1", "names the model shop:1"),
    "a run gone": (
        lambda at: write(at, "DELETE FROM runs"), "records", "model:shop:1", "names the run"),
    "a snapshot gone": (
        lambda at: write(at, "DELETE FROM snapshots"), "records", "model:shop:1", "names the snapshot shop@1"),
    "an endpoint that names nothing": (
        lambda at: change(at, "endpoints", "1", champion="shop/9"), "records", "endpoint:shop",
        "names the champion shop/9"),
    "a champion that is not live": (
        lambda at: change(at, "releases", "number = 1", state="retired"), "records", "endpoint:shop", "not live"),
    "a rollout gone": (
        lambda at: change(at, "endpoints", "1", rollout="r-9"), "records", "endpoint:shop", "names the rollout r-9"),
    "a snapshot of a version to come": (
        lambda at: change(at, "snapshots", "1", version=99), "tables", "snapshot:shop@1",
        "pins version 99 of raw-shop"),
    "an alias that names nothing": (
        lambda at: change(at, "registered_models", "name = 'shop'", aliases={"champion": 1, "best": 9}), "records",
        "model:shop", "Its alias best names version 9"),
    "an alias that names another than serves": (
        lambda at: change(at, "registered_models", "name = 'shop'", aliases={}), "records", "model:shop",
        "does not name shop:1, which endpoint shop serves"),
    "a version that is not listed": (
        lambda at: write(at, "DELETE FROM registered_versions"), "records", "model:shop:1", "does not list it"),
    "a version of no model": (
        lambda at: write(at, "DELETE FROM registered_models"), "records", "model:shop:1", "is a version of shop"),
    "a number that would be given again": (
        lambda at: change(at, "registered_models", "name = 'shop'", last_number=0), "records", "model:shop:1",
        "The last number that was given is 0"),
    "links gone": (
        lambda at: write(at, "DELETE FROM lineage WHERE child = 'model:shop:1'"), "lineage", "model:shop:1", "trained"),
}  # fmt: skip


@pytest.mark.parametrize("planted", RECORDS)
def test_a_fault_among_the_records_is_named(project: Path, planted: str):
    plant, area, subject, said = RECORDS[planted]
    plant(project)

    found = {(each["area"], each["subject"]): each for each in faults(project)}

    assert (area, subject) in found, found
    assert said in found[area, subject]["said"]
    assert found[area, subject]["hint"]


def test_a_version_that_was_cleared_away_although_a_snapshot_pins_it_is_named(project: Path):
    folder = project / ".kaizen" / RAW
    path = next(folder.glob("*.parquet"))
    (folder / "_vacuumed.txt").write_text(f"{path.name}\n")
    path.unlink()

    (found,) = faults(project)

    assert (found["area"], found["subject"]) == ("tables", "raw-shop")
    assert "was cleared away" in found["said"]


def test_a_damaged_database_is_named_and_nothing_else_can_be_looked_at(project: Path):
    database = project / ".kaizen/kaizen.db"
    with closing(sqlite3.connect(database)) as books:
        books.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        books.execute("PRAGMA journal_mode = DELETE")
    content = bytearray(database.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20_000] = b"\xff" * 20_000
    database.write_bytes(content)

    (found,) = faults(project)
    assert found["area"] == "database"

    database.write_bytes(b"not a database at all" * 1000)
    (found,) = faults(project)
    assert found["area"] == "database"


def test_a_schema_of_a_newer_version_is_named(project: Path):
    write(project, "UPDATE alembic_version SET version_num = '9999'")

    (found,) = faults(project)

    assert found["area"] == "database"
    assert "9999" in found["said"]


def test_a_job_that_lost_its_worker_long_ago_and_a_run_that_outlived_its_job_are_no_grave_faults(project: Path):
    with closing(sqlite3.connect(project / ".kaizen/kaizen.db")) as books, books:
        id_, body = books.execute("SELECT id, body FROM runs").fetchone()
        running = json.dumps(json.loads(body) | {"state": "running"})
        books.execute("UPDATE runs SET state = 'running', body = ?", (running,))
        job = {
            "id": id_, "key": "k", "project": "shop", "work": "run", "facts": {},
            "created_at": "2026-01-01T00:00:00Z", "state": "failed", "finished_at": "2026-01-01T00:00:01Z",
        }  # fmt: skip
        lost = {**job, "id": "lost", "key": "l", "state": "leased", "worker": "elsewhere:7"}
        lost |= {"lease_until": "2026-01-01T00:00:30Z", "finished_at": None}
        for one in (job, lost):
            columns = "id, key, project, work, state, fence, created_at, body"
            books.execute(
                f"INSERT OR REPLACE INTO jobs ({columns}) VALUES (?,?,?,?,?,?,?,?)",
                (one["id"], one["key"], "shop", "run", one["state"], 1, 0, json.dumps(one)),
            )

    found = {each["subject"]: each for each in faults(project, code=0)}

    assert "its job is failed" in found[f"run:{id_}"]["said"]
    assert "not been heard of" in found["job:lost"]["said"]
    assert not any(each["is_grave"] for each in found.values())


def test_a_clock_that_was_set_back_is_named(project: Path):
    ahead = int((time.time() + 86_400) * 1e6)
    with closing(sqlite3.connect(project / ".kaizen/kaizen.db")) as books, books:
        newest, body = books.execute("SELECT max(id), body FROM events").fetchone()
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ahead / 1e6))
        books.execute(
            "UPDATE events SET at = ?, body = ? WHERE id = ?",
            (ahead, json.dumps(json.loads(body) | {"at": at}), newest),
        )

    found = {each["subject"]: each for each in faults(project)}

    assert "the clock says" in found["clock"]["said"]
    assert not found["clock"]["is_grave"]


def test_a_folder_without_a_home_is_refused(tmp_path: Path):
    assert "no project" in called("doctor", "--project", tmp_path, code=2)["error"]["message"]


def test_a_person_reads_what_is_wrong_and_what_to_do(project: Path):
    blob(project, "wheel")[0].unlink()

    done = subprocess.run(
        [sys.executable, "-m", "kaizenml", "doctor", "--project", str(project)],
        env={**environment(None), "COLUMNS": "220"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "release:shop/1" in done.stdout
    assert "kaizen restore" in done.stdout
