"""What a program says of its run, and what is recorded without its saying so."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kaizenml as kz
from kaizenml.core.secrets import HIDDEN, without_secrets
from kaizenml.errors import KaizenError, StateError, UsageError
from kaizenml.loop.wiring import open_house, read_settings
from kaizenml.training import console
from kaizenml.training.journal import Journal, Points, Words, entries, framed, take_over
from kaizenml.training.provenance import packed_files, uncommitted, unpacked_files


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recorded(home, run):
    house = open_house(read_settings(home))
    with house.records.reading() as books:
        return books.runs.get(run.id), {name: books.series.read(run.id, name) for name in books.series.last(run.id)}


def quiet(name="try", **more):
    return kz.run(name, console=False, system=False, **more)


def test_a_run_records_what_it_is_told(home):
    with quiet(params={"depth": 3, "rate": np.float64(0.1)}, tags={"team": "blue"}, seed=7) as run:
        run.log(loss=np.float32(0.5), step=0)
        run.log({"val/loss": math.inf}, loss=math.nan, step=1)
        run.log_params(kind="tree", shuffle=True, nothing=None)
        run.set_tags(team="red")
        run.log_text("hello", "notes/hello.txt")
        digest = run.log_data("rows", pl.DataFrame({"a": [1]}))

    found, series = recorded(home, run)
    assert (found.state, found.kind, found.seed, found.name) == ("finished", "script", 7, "try")
    assert found.parameters == {"depth": 3, "rate": 0.1, "kind": "tree", "shuffle": True, "nothing": None}
    assert found.tags == {"team": "red"}
    assert found.data == {"rows": digest}
    assert [point.step for point in series["loss"]] == [0, 1]
    assert math.isnan(series["loss"][1].value)
    assert series["val/loss"][0].value == math.inf
    assert open_house(read_settings(home)).blobs.get(found.artefacts["notes/hello.txt"]) == b"hello"
    assert found.environment.packages["polars"] == pl.__version__
    assert found.command is not None


def test_an_error_ends_the_run_as_failed_and_goes_on_its_way(home):
    with pytest.raises(ZeroDivisionError), quiet() as run:
        run.log(loss=1 / 0)

    found, _ = recorded(home, run)
    assert (found.state, found.error) == ("failed", "ZeroDivisionError: division by zero")


def test_runs_within_runs_are_children(home):
    with quiet("outer") as outer:
        assert kz.current_run() is outer
        with quiet("inner") as inner:
            assert kz.current_run() is inner
        assert kz.current_run() is outer
    assert kz.current_run() is None

    assert recorded(home, inner)[0].parent == outer.id
    assert recorded(home, outer)[0].parent == ""


def test_without_a_step_points_are_counted(home):
    with quiet() as run:
        for _ in range(3):
            run.log(loss=0.5)

    assert [point.step for point in recorded(home, run)[1]["loss"]] == [0, 1, 2]


def test_files_folders_tables_and_figures_are_kept(home):
    (home / "out" / "deep").mkdir(parents=True)
    (home / "out" / "deep" / "a.txt").write_text("a")
    with quiet() as run:
        run.log_artifact("out")
        run.log_artifact(home / "out" / "deep" / "a.txt", "b.txt")
        run.log_frame(pd.DataFrame({"x": [1, 2]}), "table")

    assert set(recorded(home, run)[0].artefacts) == {"out/deep/a.txt", "b.txt", "table.parquet"}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda run: run.log(loss="low"), "is no number: 'low'"),
        (lambda run: run.log({"": 1.0}), "is no name for a metric"),
        (lambda run: run.log({"a\nb": 1.0}), "is no name for a metric"),
        (lambda run: run.log({"a" * 251: 1.0}), "is no name for a metric"),
        (lambda run: run.log(loss=1.0, step=0.5), "0.5 is no step"),
        (lambda run: run.log(loss=1.0, step=2**70), "is no step"),
        (lambda run: run.log_params(depth=4), "The parameter 'depth' is 3 already"),
        (lambda run: run.log_artifact("nowhere.txt"), "There is no file 'nowhere.txt'"),
        (lambda run: run.log_text("x", "../escape"), "is no path"),
        (lambda run: run.log_frame([1], "x"), "list is no table"),
    ],
)
def test_what_cannot_be_logged_is_refused_and_changes_nothing(home, call, says):
    with quiet(params={"depth": 3}) as run:
        with pytest.raises(UsageError) as caught:
            call(run)
        assert says in caught.value.message

    found, series = recorded(home, run)
    assert (found.parameters, series, dict(found.artefacts)) == ({"depth": 3}, {}, {})


def test_a_run_that_is_over_takes_nothing_more(home):
    with quiet() as run:
        pass

    with pytest.raises(StateError, match="is over"):
        run.log(loss=1.0)


def test_a_program_that_forgets_to_end_its_run_ends_it_anyway(home):
    program = 'import kaizenml as kz; run = kz.run("left"); run.log(loss=1.0)'

    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

    house = open_house(read_settings(home))
    with house.records.reading() as books:
        [run] = books.runs.newest()
    assert (run.state, run.latest["loss"]) == ("finished", 1.0)
    assert "system/cpu_percent" in run.latest
    assert run.latest["system/memory_bytes"] > 1e6


def test_the_same_seed_gives_the_same_numbers(home):
    with quiet(seed=3):
        first = np.random.rand()
    with quiet(seed=3):
        second = np.random.rand()

    assert first == second


@given(st.lists(st.floats(), max_size=20), st.data())
def test_a_journal_that_is_cut_anywhere_gives_what_was_written_wholly(values, data):
    frames = [framed(Points(1, step, {"loss": value})) for step, value in enumerate(values)]
    content = b"".join(frames)
    cut = data.draw(st.integers(0, len(content)))

    found, taken = entries(content[:cut])

    whole = [sum(map(len, frames[: n + 1])) for n in range(len(frames))]
    assert taken == max((end for end in whole if end <= cut), default=0)
    assert repr([entry.values["loss"] for entry in found]) == repr(values[: len(found)])


def test_what_was_being_written_when_the_process_died_is_cut_off(tmp_path):
    journal = Journal(tmp_path / "run")
    journal.append(Words({"depth": 3}, {}))
    size = journal.size
    journal.close()
    with (tmp_path / "run" / "journal").open("ab") as file:
        file.write(framed(Words({"torn": 1}, {}))[:-1])

    taken = take_over(tmp_path / "run")

    assert taken.size == size
    assert take_over(tmp_path / "run") is None
    taken.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told_and_does_not_break_the_journal(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "run")
    good, journal._file = journal._file, os.open("/dev/full", os.O_WRONLY)

    with pytest.raises(KaizenError, match=r"cannot be written: No space left on device\."):
        journal.append(Words({"depth": 3}, {}))

    journal._file = good
    journal.append(Words({"depth": 4}, {}))
    assert len(entries(journal.path.read_bytes())[0]) == 1
    journal.close()


CONSOLE = """
import os, subprocess, sys
from pathlib import Path
from kaizenml.training import console
print("before")
with console.kept(Path("console")):
    print("python")
    os.write(1, b"native\\n")
    subprocess.run(["sh", "-c", "echo child; echo error >&2"])
    print("last", end="")
print(" after")
"""


def test_the_console_is_kept_from_python_native_code_and_children_and_goes_on(home):
    done = subprocess.run([sys.executable, "-c", CONSOLE], capture_output=True, text=True, timeout=60, check=True)

    content, written, left_out = console.read(home / "console")
    assert done.stdout == "before\npython\nnative\nchild\nlast after\n"
    assert done.stderr == "error\n"
    assert all(word in content for word in (b"child\n", b"error\n", b"last", b"native\n", b"python\n"))
    assert len(content) == len("child error last native python ") - 1
    assert (written, left_out) == (len(content), 0)


def test_what_a_notebook_shows_by_itself_is_kept_and_not_shown_twice(home):
    program = """
import io, os, sys
from pathlib import Path
from kaizenml.training import console
sys.stdout = cell = io.StringIO()
with console.kept(Path("console")):
    print("python")
    os.write(1, b"native\\n")
sys.stdout = sys.__stdout__
print("shown:", cell.getvalue(), end="")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "native\nshown: python\n"
    assert sorted(console.read(home / "console")[0].split()) == [b"native", b"python"]


def test_a_step_that_prints_without_end_fills_neither_disk_nor_memory(home):
    program = """
import os, resource
from pathlib import Path
from kaizenml.training import console
with console.kept(Path("console")):
    os.write(1, b"first\\n")
    for _ in range(1600):
        os.write(1, b"x" * 65536)
    os.write(1, b"\\nlast\\n")
"""
    subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, timeout=60, check=True)

    content, written, left_out = console.read(home / "console")
    assert (home / "console").stat().st_size <= console.HEAD + console.TAIL + 8
    assert written == 6 + 1600 * 65536 + 6
    assert left_out == written - console.HEAD - console.TAIL
    assert content.startswith(b"first\nxxx")
    assert content.endswith(b"xxx\nlast\n")
    assert f"{left_out:,} bytes left out".encode() in content


def test_a_terminal_stays_one(home):
    program = "import sys\nfrom pathlib import Path\nfrom kaizenml.training import console\n"
    program += "with console.kept(Path('console')):\n    print(sys.stdout.isatty(), flush=True)\n"
    parent, child = os.openpty()

    subprocess.run([sys.executable, "-c", program], stdout=child, stderr=child, timeout=60, check=True)

    assert os.read(parent, 100) == b"True\r\n"
    assert console.read(home / "console")[0] == b"True\n"
    os.close(parent)
    os.close(child)


def test_what_git_has_not_committed_is_recorded_without_secrets(home):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (home / "train.py").write_text("depth = 3\n")
    for words in (["init", "-qb", "main"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True, cwd=home)
    (home / "train.py").write_text('depth = 4\npassword = "hunter2hunter2"\n')
    (home / "new.py").write_text("")

    program = "import kaizenml as kz\nwith kz.run('try', console=False, system=False): pass\n"
    (home / "script.py").write_text(program)
    subprocess.run([sys.executable, "script.py"], check=True, timeout=60)

    house = open_house(read_settings(home))
    with house.records.reading() as books:
        [run] = books.runs.newest()
    diff = house.blobs.get(run.code.diff).decode()
    assert (run.code.branch, run.code.is_dirty, len(run.code.commit)) == ("main", True, 40)
    assert "+depth = 4" in diff
    assert "untracked: new.py" in diff
    assert "hunter2" not in diff
    assert set(unpacked_files(house.blobs.get(run.code.files))) == {"train.py", "new.py", "script.py"}
    assert (run.command.entry, run.command.arguments[-1]) == ("script.py", "script.py")


def test_a_huge_change_is_kept_in_part_and_says_so(home):
    subprocess.run(["git", "init", "-q"], check=True)
    (home / "big.py").write_text("")
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "x"], check=True)
    (home / "big.py").write_text("x = 1\n" * 400_000)

    text, left_out = uncommitted(home)

    assert 900_000 < len(text) <= 1_000_000
    assert left_out > 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a" * 36,
        "postgresql://me:S3cretPass@host/db",
        'API_KEY = "S3cretPass"',
        "export DB_PASSWORD=S3cretPass",
        '{"access_token": "S3cretPass"}',
        "Authorization: Bearer S3cretPassS3cretPass",
        "-----BEGIN RSA PRIVATE KEY-----\nS3cretPass\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_recognisable_secret_is_blotted_out(text):
    found = without_secrets(f"+ {text}\n+ depth = 3")

    assert HIDDEN in found
    assert "S3cretPass" not in found
    assert text not in found
    assert found.endswith("+ depth = 3")


def test_the_same_files_are_the_same_bytes():
    assert packed_files({"b": b"2", "a": b"1"}) == packed_files({"a": b"1", "b": b"2"})
    assert unpacked_files(packed_files({"a": b"1"})) == {"a": b"1"}
