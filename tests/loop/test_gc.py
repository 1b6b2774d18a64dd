"""`kaizen gc` deletes what nothing needs, and nothing else, while others go on."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from loop_processes import call, called, environment
from test_migrate import shop as shop  # the same small project, run once

from kaizenml.adapters.leftovers import clearing, nothing_cleared
from kaizenml.loop.clearing import GRACE, clear
from kaizenml.loop.needing import needs
from kaizenml.loop.wiring import House, open_house, read_settings

#: Clears, and dies without a farewell when it has said how many blobs went: before tables and cache.
DYING = """
import os, signal, sys
from pathlib import Path
from kaizenml.loop.clearing import clear
from kaizenml.loop.wiring import open_house, read_settings

def say(line):
    if "names, of" in line:
        os.kill(os.getpid(), signal.SIGKILL)

clear(open_house(read_settings(Path(sys.argv[1]))), cache_bytes=0, is_rehearsal=False, say=say)
"""


@pytest.fixture
def project(shop: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "shop"
    shutil.copytree(shop, copy)
    return copy


@pytest.fixture
def house(project: Path) -> Iterator[House]:
    opened = open_house(read_settings(project))
    yield opened
    opened.records.close()


def make_old(folder: Path) -> None:
    past = time.time() - GRACE.total_seconds() - 3600
    for path in (path for path in folder.rglob("*") if path.is_file()):
        os.utime(path, (past, past))


def needed(house: House) -> dict[str, bytes]:
    with house.records.reading() as books:
        return {each.digest: house.blobs.get(each.digest) for each in needs(books)}


def test_what_nothing_names_goes_and_all_that_a_record_needs_stays(project: Path, house: House):
    before = needed(house)
    house.blobs.put(b"nobody names this")
    make_old(project / ".kaizen/blobs")
    young = house.blobs.put(b"somebody is about to name this")

    done = called("gc", "--project", project)

    assert (done["blobs"], done["blob_bytes"]) == (1, 17)
    assert house.blobs.has(young)
    assert len(before) > 5
    assert needed(house) == before
    assert done["kept_blobs"] == len(list(house.blobs.listed())) >= len(before)
    assert called("gc", "--project", project)["blobs"] == 0


def test_a_project_goes_on_after_its_home_was_cleared(project: Path):
    make_old(project / ".kaizen/blobs")
    called("gc", "--cache-gb", 0, "--project", project)

    assert called("rerun", called("runs", "--project", project)["runs"][0]["id"], "--project", project)
    assert called("verify", "--project", project)["events"] > 5
    assert called("data", "log", "--project", project)["snapshots"]


def test_a_rehearsal_deletes_nothing(project: Path, house: House):
    garbage = house.blobs.put(b"nobody names this")
    make_old(project / ".kaizen/blobs")

    assert called("gc", "--dry-run", "--project", project)["blobs"] == 1
    assert house.blobs.has(garbage)
    said = call("gc", "--dry-run", "--project", project)
    assert "blobs that nothing names" in said.stdout
    assert "Nothing was deleted" in said.stdout


def test_files_that_were_never_finished_go_when_they_are_old(project: Path):
    old, new = (project / ".kaizen/blobs" / f".{digit * 32}.tmp" for digit in "ab")
    old.write_text("half")
    make_old(project / ".kaizen/blobs")
    new.write_text("half")

    assert called("gc", "--project", project)["unfinished_files"] == 1
    assert (old.exists(), new.exists()) == (False, True)


def test_results_of_steps_above_the_limit_go_and_are_made_again(project: Path):
    cache = project / ".kaizen/cache/blobs/aa"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / ("b" * 62)).write_bytes(b"x" * 5_000_000)

    assert called("gc", "--cache-gb", 1, "--project", project)["cache_bytes"] == 0
    assert called("gc", "--cache-gb", 0, "--project", project)["cache_bytes"] >= 5_000_000
    assert list((project / ".kaizen/cache/blobs").glob("*/*")) == []


def test_a_blob_that_is_put_again_while_garbage_is_cleared_is_not_taken(house: House, project: Path):
    """Old garbage is put again and named at once, over and over, while everything that nothing names is cleared."""
    over, lost = threading.Event(), []

    def clears() -> None:
        while not over.is_set():
            clear(house, cache_bytes=10**12, is_rehearsal=False, say=lambda _: None, grace=timedelta(hours=2))

    thread = threading.Thread(target=clears)
    thread.start()
    try:
        end = time.monotonic() + 4
        for number in range(100_000):
            if time.monotonic() > end:
                break
            content = f"blob {number % 3}".encode()
            house.blobs.put(content)
            with house.records.writing() as books:
                books.notes.put("drill", "blob", None)
            make_old(project / ".kaizen/blobs/sha256")  # the whole store is old, and nothing names this blob
            digest = house.blobs.put(content)
            with house.records.writing() as books:
                books.notes.put("drill", "blob", digest)
            if not house.blobs.has(digest):
                lost.append(number)
    finally:
        over.set()
        thread.join()

    assert lost == []
    assert number > 20


def test_nothing_is_cleared_while_a_backup_goes_on_and_no_two_clear_at_once(project: Path):
    for holder in (nothing_cleared, clearing):
        with holder(project / ".kaizen"):
            said = called("gc", "--project", project, code=1)["error"]
            assert "backup, or another" in said["message"]
    called("gc", "--project", project)


def test_a_clearing_that_is_killed_is_made_up_for_by_the_next(project: Path, house: House):
    before = needed(house)
    garbage = [house.blobs.put(f"garbage {number}".encode()) for number in range(5)]
    make_old(project / ".kaizen/blobs")

    died = subprocess.run([sys.executable, "-c", DYING, project], env=environment(None), check=False)
    assert died.returncode == -signal.SIGKILL
    called("gc", "--project", project)

    assert not any(house.blobs.has(each) for each in garbage)
    assert needed(house) == before


def test_a_damaged_list_of_blobs_stops_it_because_what_it_named_cannot_be_known(project: Path, house: House):
    inner = house.blobs.put(b"the tasks")
    outer = house.blobs.put(f'{{"blocks": ["{inner}"]}}'.encode())
    with house.records.writing() as books:
        books.notes.put("drill", "list", outer)
    path = project / ".kaizen/blobs/sha256" / outer[:2] / outer[2:4] / outer[4:]
    path.write_bytes(path.read_bytes().replace(inner[:8].encode(), b"00000000"))
    make_old(project / ".kaizen/blobs")

    assert called("gc", "--project", project, code=3)["error"]["details"]["digest"] == outer
    assert house.blobs.has(inner)


def test_less_than_an_hour_of_grace_is_refused(project: Path):
    assert "grace-hours" in called("gc", "--grace-hours", 0.5, "--project", project, code=2)["error"]["message"]
