"""A home is copied while it is in use, and made again from the copy, with all that had been acknowledged."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from loop_processes import call, called, environment, soon, up
from test_migrate import shop as shop  # the same small project, run once

from kaizenml.adapters.backup import partly
from kaizenml.adapters.delta_backup import nothing_deleted
from kaizenml.errors import StateError
from kaizenml.loop.wiring import back_up, open_house, read_settings

#: Writes a blob, a row and then what names them both, and says so once the books have it.
WRITER = """
import sys
from pathlib import Path
import polars as pl
from kaizenml.loop.wiring import open_house, read_settings

house, number = open_house(read_settings(Path(sys.argv[1]))), 0
while True:
    digest = house.blobs.put(f"blob {number}".encode() * 500)
    version = house.tables.append("drill", pl.DataFrame({"n": [number]}), key=f"{number}")
    with house.records.writing() as books:
        books.notes.put("drill", f"{number:08d}", {"blob": digest, "version": version})
    print(number, flush=True)
    number += 1
"""
#: Backs up, and dies without a farewell as soon as it has said a line that begins so.
DYING = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from kaizenml.loop.wiring import back_up, read_settings

def say(line):
    if line.startswith(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

back_up(read_settings(Path(sys.argv[1])), Path(sys.argv[2]), datetime.now(UTC), say)
"""


@pytest.fixture
def writer(shop: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(shop)], stdout=subprocess.PIPE, text=True, env=environment(None)
    )
    yield process
    process.kill()
    process.communicate()


def acknowledged(writer: subprocess.Popen[str], count: int) -> int:
    """Return the last of so many numbers that the writer says next."""
    return [int(writer.stdout.readline()) for _ in range(count)][-1]


@pytest.fixture(scope="module")
def kept(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("kept") / "backup"
    called("backup", target, "--project", shop)
    return target


def test_what_was_acknowledged_before_a_backup_is_in_the_home_that_is_restored(
    shop: Path, writer: subprocess.Popen[str], tmp_path: Path
):
    last, home = acknowledged(writer, 20), tmp_path / "home"

    made = called("backup", tmp_path / "backup", "--project", shop)
    assert writer.poll() is None
    assert acknowledged(writer, 5) > last
    back = called("restore", tmp_path / "backup", "--to", home, "--project", shop)

    assert back["rows"] == made["rows"]
    assert called("verify", "--project", shop, home=home)["events"] == back["events"] > 5
    house = open_house(read_settings(shop, {"home": str(home)}))
    with house.records.reading() as books:
        notes = books.notes.all("drill")
    assert {f"{number:08d}" for number in range(last + 1)} <= set(notes)
    for number, (_, note) in enumerate(sorted(notes.items())):  # those that came meanwhile are whole, or not there
        assert house.blobs.get(note["blob"]) == f"blob {number}".encode() * 500
        assert number in house.tables.read("drill", version=note["version"])["n"].to_list()
    house.records.close()


def test_a_restored_home_serves_and_has_the_answers_that_were_given(shop: Path, tmp_path: Path):
    row, home = {"id": 1, "a": 0.9, "b": 0.8}, tmp_path / "home"
    with up(shop) as first:
        soon(lambda: first.is_serving("shop"), within=60)
        answer = first.predict("shop", [row]).json()
        called("backup", tmp_path / "backup", "--project", shop)
    called("restore", tmp_path / "backup", "--to", home, "--project", shop)

    with up(shop, home) as second:
        soon(lambda: second.is_serving("shop"), within=60)
        again = second.predict("shop", [row]).json()
        tables = open_house(read_settings(shop, {"home": str(home)})).tables
        soon(lambda: tables.version("predictions-shop") is not None and len(tables.read("predictions-shop")) >= 2)

    assert again["predictions"] == answer["predictions"]
    assert (home / "key").read_bytes() == (shop / ".kaizen" / "key").read_bytes()
    assert (home / "key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("at", ["books", "table", "blobs"])
def test_a_backup_that_is_killed_leaves_nothing_that_looks_whole(shop: Path, tmp_path: Path, at: str):
    target = tmp_path / "backup"

    died = subprocess.run([sys.executable, "-c", DYING, shop, target, at], env=environment(None), check=False)

    assert died.returncode == -signal.SIGKILL
    assert not target.exists()
    (part,) = tmp_path.iterdir()
    assert "no whole backup" in called("restore", part, "--to", tmp_path / "home", code=1)["error"]["message"]
    assert not (tmp_path / "home").exists()
    called("backup", target, "--project", shop)


@pytest.mark.parametrize("what", ["manifest.json", "kaizen.db", "key", "blobs/sha256/*/*/*", "tables/*/*.parquet"])
@pytest.mark.parametrize("harm", ["flipped", "lost"])
def test_a_backup_with_a_flipped_byte_or_a_lost_file_is_refused(kept: Path, tmp_path: Path, what: str, harm: str):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(kept), str(copy)], check=True)
    file = sorted(copy.glob(what))[0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content) if harm == "flipped" else file.unlink()

    code = 1 if (what, harm) == ("manifest.json", "lost") else 3
    said = called("restore", copy, "--to", tmp_path / "home", code=code)["error"]

    assert file.name in said["message"]
    assert [each.name for each in tmp_path.iterdir()] == ["copy"]


def test_what_is_there_already_is_never_overwritten(shop: Path, kept: Path, tmp_path: Path):
    (tmp_path / "mine").write_text("mine")

    assert "exists already" in called("backup", kept, "--project", shop, code=1)["error"]["message"]
    assert "inside of" in called("backup", shop / ".kaizen" / "b", "--project", shop, code=2)["error"]["message"]
    assert "not empty" in called("restore", kept, "--project", shop, code=1)["error"]["message"]
    assert "not empty" in called("restore", kept, "--to", tmp_path, code=1)["error"]["message"]
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_a_home_with_a_damaged_blob_or_a_lost_file_of_a_table_is_not_backed_up(kept: Path, shop: Path, tmp_path: Path):
    home = tmp_path / "home"
    called("restore", kept, "--to", home)
    blob = sorted(home.glob("blobs/sha256/*/*/*"))[0]
    content = blob.read_bytes()

    blob.write_bytes(content[:-1])
    said = called("backup", tmp_path / "b", "--project", shop, home=home, code=3)["error"]
    assert said["details"]["digest"] == "".join(blob.parts[-3:])
    blob.write_bytes(content)
    (data,) = home.glob("tables/raw-shop/*.parquet")
    data.unlink()
    assert data.name in called("backup", tmp_path / "b", "--project", shop, home=home, code=3)["error"]["message"]

    assert [each.name for each in tmp_path.iterdir()] == ["home"]


def test_temporary_files_stay_behind(kept: Path, shop: Path, tmp_path: Path):
    home = tmp_path / "home"
    called("restore", kept, "--to", home)
    (home / "blobs" / "coming").mkdir()
    for folder in ("blobs/coming", "blobs/sha256/aa/bb", "tables/raw-shop", "tables/raw-shop/_delta_log"):
        (home / folder).mkdir(parents=True, exist_ok=True)
        (home / folder / ".0123.tmp").write_text("half")

    called("backup", tmp_path / "b", "--project", shop, home=home)

    assert [path for path in (tmp_path / "b").rglob("*") if path.name.endswith(".tmp")] == []
    old, new = (json.loads((each / "manifest.json").read_text())["files"] for each in (kept, tmp_path / "b"))
    assert {path for path in new if path != "kaizen.db"} == {path for path in old if path != "kaizen.db"}


def test_no_file_of_a_table_is_deleted_while_a_backup_goes_on(shop: Path):
    tables = shop / ".kaizen" / "tables"
    with (
        nothing_deleted(tables),
        (tables / "raw-shop" / "_vacuum.lock").open("ab") as lock,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_books_in_postgresql_are_refused_with_the_way_to_do_it(shop: Path, tmp_path: Path):
    there = {**environment(None), "KAIZEN_DATABASE": "postgresql://ada:correct-horse@127.0.0.1:1/x"}
    words = [sys.executable, "-m", "kaizenml", "backup", str(tmp_path / "b"), "--project", str(shop), "--json"]

    done = subprocess.run(words, env=there, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "pg_dump" in json.loads(done.stdout)["error"]["hint"]
    assert "correct-horse" not in done.stdout + done.stderr
    assert os.listdir(tmp_path) == []


def test_a_person_is_told_how_far_it_is_and_what_to_do_next(shop: Path, tmp_path: Path):
    done = call("backup", tmp_path / "b", "--project", shop)

    assert done.returncode == 0
    assert "books: " in done.stderr
    assert "table raw-shop: " in done.stderr
    assert "blobs: " in done.stderr
    assert f"kaizen restore {tmp_path / 'b'}" in done.stdout


def test_of_two_backups_to_one_folder_the_later_is_refused_and_leaves_nothing(shop: Path, tmp_path: Path):
    target = tmp_path / "backup"

    def while_another_does() -> None:
        with partly(target) as part:
            (part / "mine").write_text("x")
            back_up(read_settings(shop), target, datetime.now(UTC), lambda _line: None)

    with pytest.raises(StateError, match="Somebody else has made"):
        while_another_does()

    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == ["backup"]
    assert not (target / "mine").exists()


def test_what_is_no_backup_is_said_before_what_the_home_holds(shop: Path, tmp_path: Path):
    done = call("restore", tmp_path, "--project", shop)

    assert done.returncode != 0
    assert "is not empty" not in done.stderr
    assert str(tmp_path) in done.stderr
