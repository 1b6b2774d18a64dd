"""What a step read while it ran."""

import glob
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import msgspec
import pytest

from kaizenml.core.digest import Digest
from kaizenml.training.fingerprint import Fingerprint, FirstParty
from kaizenml.training.observed import Observed, observing, still_holds, unwatched


@pytest.fixture
def code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rates.txt").write_text("1.5")
    return FirstParty(tmp_path, {}, {})


def seen_of(code, action, **options):
    with observing(code, **options) as seen:
        action()
    return seen.observed()


def test_a_file_that_was_read_counts(code, tmp_path):
    observed = seen_of(code, Path("rates.txt").read_text)
    assert still_holds(observed, code) is None

    (tmp_path / "rates.txt").write_text("1.6")

    assert still_holds(observed, code) == "the file `rates.txt` changed"


def test_a_file_that_was_looked_for_counts(code, tmp_path):
    observed = seen_of(code, Path("flag").exists)
    assert still_holds(observed, code) is None

    (tmp_path / "flag").touch()

    assert still_holds(observed, code) == "the file `flag` appeared"


def test_a_folder_that_was_listed_counts(code, tmp_path):
    observed = seen_of(code, lambda: list(Path().iterdir()))
    assert still_holds(observed, code) is None

    (tmp_path / "more.txt").touch()

    assert "list of files" in still_holds(observed, code)


def test_a_pattern_counts_by_what_matches_it(code, tmp_path):
    found = Fingerprint(Digest("0"), {}, {}, (), (), ())
    observed = seen_of(code, lambda: [*Path().glob("*.txt"), *glob.glob("*.txt")], found=found)
    facts = msgspec.json.decode(msgspec.json.encode(observed))
    observed = msgspec.convert(facts, Observed)
    (tmp_path / "more.csv").touch()
    assert still_holds(observed, code) is None

    (tmp_path / "more.txt").touch()

    assert still_holds(observed, code) == f"what matches `*.txt` in `{tmp_path}` changed"


def test_what_lies_in_a_folder_that_the_step_makes_is_no_input(code, tmp_path):
    def copied():
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy("rates.txt", folder)
            return (Path(folder) / "rates.txt").read_text()

    observed = seen_of(code, copied)

    assert observed.forbidden == ()
    assert list(observed.files) == ["rates.txt"]
    assert observed.listings == {}


def test_a_variable_that_was_read_counts_without_its_value(code, monkeypatch):
    monkeypatch.setenv("RATE", "hush")
    observed = seen_of(code, lambda: os.environ.get("RATE"))
    assert still_holds(observed, code) is None
    assert "hush" not in str(observed)

    monkeypatch.delenv("RATE")

    assert still_holds(observed, code) == "the environment variable `RATE` changed"


def test_what_a_thread_of_the_step_reads_counts(code):
    def threaded():
        thread = threading.Thread(target=Path("rates.txt").read_text)
        thread.start()
        thread.join()

    assert "rates.txt" in seen_of(code, threaded).files


def test_two_steps_at_once_see_their_own_reads(code, tmp_path_factory):
    # Outside of the project's folder: in it, the kernel tells of whatever anybody opens, and each step takes all.
    outside = tmp_path_factory.mktemp("outside")
    names = [str(outside / name) for name in ("one.txt", "other.txt")]
    [Path(name).write_text("") for name in names]
    gate, found = threading.Barrier(2), {}

    def step(name):
        with observing(code) as seen:
            gate.wait()
            Path(name).read_text()
            gate.wait()
        found[name] = seen.observed().files

    threads = [threading.Thread(target=step, args=(name,)) for name in names]
    [each.start() for each in threads]
    [each.join() for each in threads]

    assert {name: list(files) for name, files in found.items()} == {name: [name] for name in names}


def test_a_file_that_the_step_wrote_must_still_be_there(code, tmp_path):
    observed = seen_of(code, lambda: Path("report.txt").write_text("done"))
    assert observed.files == {}
    assert still_holds(observed, code) is None

    (tmp_path / "report.txt").unlink()

    assert "report.txt" in still_holds(observed, code)


def test_a_file_that_changes_as_the_step_runs_forbids_keeping(code):
    def action():
        Path("rates.txt").read_text()
        with unwatched():
            Path("rates.txt").write_text("2")

    assert "changed while it ran" in seen_of(code, action).forbidden[0]


def test_programs_and_the_network_forbid_keeping(code):
    def connects():
        with socket.socket() as one, pytest.raises(OSError):  # noqa: PT011
            one.connect(("127.0.0.1", 1))

    assert "network" in seen_of(code, connects).forbidden[0]
    assert "program" in seen_of(code, lambda: subprocess.run([sys.executable, "-c", ""], check=True)).forbidden[0]


def test_a_database_counts_by_its_file(code, tmp_path):
    def action():
        sqlite3.connect("books.db").close()

    with sqlite3.connect("books.db") as books:
        books.execute("create table t (a)")
    books.close()

    assert {"books.db", "books.db-wal"} <= set(seen_of(code, action).files)


def test_the_store_and_libraries_do_not_count(code, tmp_path):
    store = tmp_path / ".kaizen"
    store.mkdir()
    (store / "blob").write_text("")

    def action():
        (store / "blob").read_text()
        Path(pytest.__file__).read_text("utf-8")

    assert seen_of(code, action, ignore=[store]).files == {}


def test_nothing_is_seen_outside_and_in_our_own_work(code, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "log.txt"
    outside.write_text("")

    with observing(code) as seen, unwatched():
        outside.read_text()
    Path("rates.txt").read_text()

    assert seen.observed().files == {}
