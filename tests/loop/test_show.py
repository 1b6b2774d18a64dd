"""`kaizen show`: one run, as it was, and as it goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from step_projects import laid

from kaizenml.core.job import JobState
from kaizenml.core.run import RunState
from kaizenml.errors import KaizenError, NotFoundError
from kaizenml.loop.following import follow
from kaizenml.loop.run_names import found_run
from kaizenml.loop.wiring import open_house, read_settings

BODY = """
@project.step
def first(times=1):
    print("\\x1b[31mred\\x1b[0m and \\x1b]0;owned\\x07title")
    return 2 * times

@project.step(cache=False)
def second(first, how="ok"):
    print("in second", flush=True)
    while how == "wait" and not os.path.exists("go"):
        time.sleep(0.05)
    if how == "wrong":
        raise ValueError("no \\x1b[2J such thing")
    print("no line's end", end="", flush=True)
    return first + 1

project.pipeline("all", second)
"""
EVIL = "evil\x1b]0;owned\x07"
SCRIPT = f"""
import kaizenml as kz
with kz.run({EVIL!r}, project="lab", params={{"depth": 3}}, seed=7, system=False) as run:
    run.set_tags(team="blue\\x1b[2J")
    for step in range(8):
        run.log(loss=float(step), odd=float("nan"))
    run.log_bytes(b"precious", "deep/notes.bin")
    raise SystemExit(1)
"""


def kaizen(folder, *words, code=0):
    done = subprocess.run([sys.executable, "-m", "kaizenml", *words], cwd=folder, capture_output=True, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout.decode()


def told(folder, *words, code=0):
    return json.loads(kaizen(folder, *words, "--json", code=code))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A project in git with a change that is not committed, a run of its pipeline, and a tracked program's."""
    folder = laid(tmp_path_factory.mktemp("show") / "lab", BODY)
    (folder / "evil.py").write_text(SCRIPT)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-qb", "main"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True, cwd=folder)
    (folder / "project.py").write_text((folder / "project.py").read_text().replace("times=1", "times=4"))
    kaizen(folder, "run", "--pipeline", "all")
    subprocess.run([sys.executable, "evil.py"], cwd=folder, check=False, timeout=60)
    return folder


@pytest.fixture(scope="module")
def run(lab):
    return told(lab, "runs", "kind = 'pipeline'")["runs"][0]["id"]


def test_a_run_is_shown_with_its_code_steps_and_why_they_ran(lab, run):
    page, found = kaizen(lab, "show", run), told(lab, "show", run)

    assert f"{run}: finished" in page
    for part in ("on main, with uncommitted changes", "Python 3", "first.times", "done second", "because", "seed"):
        assert part in page
    assert (found["id"], found["state"], found["code"]["is_dirty"]) == (run, "finished", True)
    assert [step["name"] for step in found["steps"]] == ["first", "second"]
    assert found["series"]["system/memory_bytes"]["points"] >= 1
    assert found["duration"] > 0


def test_series_are_shown_with_their_curve_and_artefacts_by_name(lab):
    page, found = kaizen(lab, "show", "evil"), told(lab, "show", "evil")

    assert "▁▂▃▄▅▆▇█" in page
    assert "deep/notes.bin" in page
    assert found["series"]["loss"] | {"at": 0} == {
        "points": 8, "step": 7, "at": 0, "value": 7.0, "low": 0.0, "high": 7.0
    }  # fmt: skip
    assert (found["series"]["odd"]["value"], found["series"]["odd"]["low"]) == ("NaN", None)
    assert (found["seed"], found["parameters"], found["state"]) == (7, {"depth": 3}, "failed")


def test_nothing_that_a_run_is_called_or_wrote_acts_upon_the_terminal(lab, run):
    printed = [
        kaizen(lab, "show", "evil"), kaizen(lab, "runs"), kaizen(lab, "show", run, "--console"),
        kaizen(lab, "compare", run, "evil"), kaizen(lab, "show", "evil", "--console"),
    ]  # fmt: skip

    for each in printed:
        assert not {"\x1b", "\x07", "\r", "\x9b"} & set(each)
    assert "evil\\x1b]0;owned\\x07" in printed[0]
    assert "red and title\n" in printed[2]


def test_a_run_that_is_asked_for_as_a_question_is_pointed_to_its_own_command(lab, run):
    error = told(lab, "runs", run, code=2)["error"]

    assert f"`kaizen show {run}`" in error["hint"]


def test_the_uncommitted_difference_is_printed(lab, run):
    assert "+def first(times=4):" in kaizen(lab, "show", run, "--diff")
    assert "+def first(times=4):" in told(lab, "show", run, "--diff")["diff"]


def test_an_artefact_is_written_where_it_is_asked_for_and_nowhere_else(lab, tmp_path):
    said = told(lab, "show", "evil", "--artefact", "deep/notes.bin", "--out", str(tmp_path / "new" / "a.bin"))

    assert (tmp_path / "new" / "a.bin").read_bytes() == b"precious"
    assert said["bytes"] == 8
    for wrong in ("../deep/notes.bin", "/etc/passwd", "deep/note.bin"):
        error = told(lab, "show", "evil", "--artefact", wrong, "--out", str(tmp_path / "b"), code=2)["error"]
        assert error["code"] == "not_found"
        assert "deep/notes.bin" in error["hint"]
    for wrong in (["--artefact", "deep/notes.bin"], ["--out", "c"], ["--console", "--diff"]):
        assert told(lab, "show", "evil", *wrong, code=2)["error"]["code"] == "bad_request"
    assert told(lab, "show", "evil", "--artefact", "deep/notes.bin", "--out", "/dev/null", code=2)
    assert [each.name for each in tmp_path.iterdir()] == ["new"]
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["a.bin"]


def test_a_run_is_known_by_how_its_id_begins_unless_several_begin_so(lab, run):
    house = open_house(read_settings(lab))
    with house.records.writing() as books:
        whole = books.runs.get(run)
        for name, called in (("zz-one", "lr=0.1/try"), ("zz-two", ""), ("zz%", "")):
            books.runs.save(replace(whole, id=name, name=called))

    assert told(lab, "show", run[:-2])["id"] == run
    assert told(lab, "show", "zz-o")["id"] == "zz-one"
    assert told(lab, "show", "lr=0.1/try")["id"] == "zz-one"
    error = told(lab, "show", "zz-", code=2)["error"]
    assert {"zz-one", "zz-two"} <= set(error["hint"].replace(",", "").replace(".", "").split())
    with house.records.reading() as books:
        assert found_run(books, "zz%").id == "zz%"
        for wrong in ("", "%", "_z-one", "ZZ-ONE", "lab/9", "lab:9", "a\0", "\udcff", "\x1b[2J"):
            with pytest.raises(NotFoundError):
                found_run(books, wrong)
    assert f"Did you mean '{run}'" in told(lab, "show", f"x{run}", code=2)["error"]["hint"]


def begun(folder, how):
    """Start a run in another process, and wait until its second step runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kaizenml", "run", "--pipeline", "all", "--set", f'second.how="{how}"'], cwd=folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert any("in second" in line for line in process.stderr)
    return process, told(folder, "jobs")["jobs"][0]["id"]


def test_a_run_of_another_process_is_followed_to_its_end(lab):
    process, name = begun(lab, "wait")
    so_far = told(lab, "show", name)
    assert "in second" in kaizen(lab, "show", name, "--console")

    watching = subprocess.Popen(
        [sys.executable, "-m", "kaizenml", "show", name, "--follow"], cwd=lab, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    seen = []
    for line in watching.stdout:
        seen.append(line)
        if "in second" in line:
            (lab / "go").touch()
    words = watching.stderr.read()
    (lab / "go").unlink()

    assert (so_far["state"], [step["name"] for step in so_far["steps"]]) == ("running", ["first"])
    assert (watching.wait(30), process.wait(30)) == (0, 0)
    assert any("no line's end" in line for line in seen)
    assert "step second: done" in words
    assert f"{name}: finished" in words
    process.stderr.close()
    watching.stdout.close()
    watching.stderr.close()


def test_following_ends_as_the_run_does(lab):
    kaizen(lab, "run", "--pipeline", "all", "--set", 'second.how="wrong"', code=3)
    name = told(lab, "runs", "state = 'failed' AND kind = 'pipeline'")["runs"][0]["id"]

    failed = told(lab, "show", name, "--follow", code=3)

    assert failed["state"] == "failed"
    assert "no" in failed["error"]
    assert "in second" in kaizen(lab, "show", name, "--console")


def test_the_console_of_a_run_that_was_killed_is_kept_and_following_it_ends(lab):
    process, name = begun(lab, "wait")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    process.stderr.close()
    house = open_house(read_settings(lab))
    lines = []

    with pytest.raises(KaizenError, match="is gone, and nobody took it over"):
        follow(house, name, lines.append, lambda _: None, lines.append, lost_seconds=0.0)

    assert "in second" in "".join(lines)
    from kaizenml.loop.cancelling import end_run

    with house.records.writing() as books:
        end_run(books, house, name, "person:ada")
        job = books.jobs.get(name)
        books.jobs.save(replace(job, state=JobState.CANCELLED), fence=job.fence)
    with house.records.reading() as books:
        run = books.runs.get(name)
    assert run.state is RunState.CANCELLED
    assert b"in second" in house.blobs.get(run.console.content)
    assert told(lab, "show", name, "--follow", code=130)["state"] == "cancelled"
    assert not (house.settings.home / "runs" / f"{name}.console").exists()


def test_a_tracked_program_of_another_process_is_followed_until_it_is_killed(lab):
    code = "import kaizenml as kz, time\nwith kz.run('long', system=False):\n    print('begun', flush=True)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}    time.sleep(120)"], cwd=lab, stdout=subprocess.PIPE, text=True
    )
    assert "begun" in process.stdout.readline()
    until = time.monotonic() + 60
    while not told(lab, "runs", "name = 'long'")["runs"] and time.monotonic() < until:
        time.sleep(0.1)
    house = open_house(read_settings(lab))
    lines = []

    def write(text):
        lines.append(text)
        process.kill()

    ended = follow(house, "long", write, lambda _: None, lines.append)

    process.wait(30)
    process.stdout.close()
    assert (ended.state, ended.error) == (RunState.FAILED, "Its process died.")
    assert "".join(lines) == "begun\n"
