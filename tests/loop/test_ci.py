"""A pull request is tried out: what it touches runs, and it is told what it does to the model."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from loop_processes import KAIZEN, called, environment

PROJECT = '''"""Will this parcel be late?"""

import kaizenml as kz
import polars as pl
from sklearn.linear_model import LogisticRegression
from units import doubled

project = kz.Project("shop", source=kz.files("data/*.csv"), target="late", id="parcel")


@project.step
def features(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the work that a parcel is."""
    return rows.with_columns(work=doubled(pl.col("weight")) * pl.col("distance"))


@project.step
def estimator(strength: float = 1.0) -> LogisticRegression:
    """Return a model that learns in no time."""
    return LogisticRegression(C=strength)


project.gate(kz.at_least("roc_auc", 0.7), kz.beats_champion("roc_auc"), kz.slices("carrier", worst=0.6, min_rows=50))
project.serve(approval="policy")
'''


def rows(first: int, count: int) -> list[str]:
    rng, lines = random.Random(first), []
    for number in range(first, first + count):
        weight, distance, carrier = rng.uniform(0, 10), rng.uniform(0, 900), rng.choice("ABC")
        late = weight / 10 + distance / 900 + (carrier == "C") * 0.5 + rng.gauss(0, 0.25) > 1.2
        lines.append(f"{number},{weight:.3f},{distance:.1f},{carrier},{'yes' if late else 'no'}\n")
    return lines


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def written(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "project.py").write_text(PROJECT)
    (folder / "units.py").write_text('"""Units."""\n\n\ndef doubled(column):\n    return column * 2\n')
    (folder / "requirements.txt").write_text("polars==2.0.0\n")
    (folder / "data" / "parcels.csv").write_text("parcel,weight,distance,carrier,late\n" + "".join(rows(0, 1500)))
    (folder / ".gitignore").write_text(".kaizen/\n__pycache__/\nkaizen-report/\n")
    return folder


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose main branch has been tried out once, so that its steps' results are kept."""
    folder = written(tmp_path_factory.mktemp("origin") / "shop")
    git(folder, "init", "-q")
    assert called("ci", "--project", folder)["passed"]
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "The project")
    git(folder, "switch", "-q", "-c", "change")
    return folder


@pytest.fixture
def change(origin: Path) -> Iterator[Path]:
    """The working folder of a branch; what a test did to it is taken back."""
    yield origin
    git(origin, "reset", "-q", "--hard", "main")
    git(origin, "clean", "-qfd")
    assert len(git(origin, "worktree", "list").splitlines()) == 1  # of the base nothing is left


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def states(found: dict) -> dict[str, str]:
    return {step["name"]: step["state"] for step in found["steps"]}


def page(found: dict) -> str:
    return Path(found["files"]["report.md"]).read_text()


def test_a_first_project_passes_without_a_champion_and_proposes_nothing(origin: Path):
    found = called("ci", "--project", origin)

    assert (found["passed"], found["against"]) == (True, None)
    assert "There is no champion yet, and no base was named" in page(found)
    assert [check["has_passed"] for check in found["checks"]] == [True, True, True]
    assert called("releases", "--project", origin)["releases"] == []
    assert called("runs", "--project", origin)["runs"] == []  # the project's own home knows nothing of it


def test_a_comment_runs_no_step(change: Path):
    edited(change / "units.py", '"""Units."""', '"""Units of measurement."""\n# and more')

    found = called("ci", "--against", "main", "--project", change)

    assert set(states(found).values()) == {"cached"}
    assert found["passed"] is True
    assert all(each["word"] == "the same" for each in [*found["differences"], *found["slices"]])
    assert "0 of 9 steps ran" in page(found)


def test_a_worse_model_fails_with_its_evidence_and_the_symbol_that_changed(change: Path):
    edited(change / "project.py", "C=strength", "C=strength * 1e-7")

    found = called("ci", "--against", "main", "--project", change, code=1)

    failed = [check for check in found["checks"] if not check["has_passed"]]
    assert [check["name"] for check in failed] == ["not_worse_than_base"]
    assert "worse; paired on the same 300 test rows" in failed[0]["evidence"]
    assert {each["column"] for each in found["slices"] if each["word"] == "worse"} == {"carrier"}
    ran = {name for name, state in states(found).items() if state != "cached"}
    assert ran == {"estimator", "train", "evaluate"}
    text = page(found)
    assert text.startswith("## ❌ shop: `not_worse_than_base` fails")
    assert "+    return LogisticRegression(C=strength * 1e-7)" in text
    assert "| carrier = " in text
    assert (Path(found["files"]["report.md"]).parent / "plots" / "roc.svg").read_text().startswith("<svg")
    suites = ElementTree.parse(found["files"]["junit.xml"]).getroot()
    assert suites.tag == "testsuites"
    assert suites.get("failures") == "1"
    assert {case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None} == {
        "not_worse_than_base"
    }
    for suite in suites:
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
    assert called("ci", "--against", "main", "--allow-worse", "--project", change)["passed"] is True


def test_changed_data_are_told(change: Path):
    data = change / "data" / "parcels.csv"
    data.write_text(data.read_text().replace(",A,", ",D,") + "".join(rows(9000, 40)))

    found = called("ci", "--against", "main", "--project", change)

    assert (found["data"]["rows"]["added"], found["data"]["rows"]["removed"]) == (40, 0)
    changed = {each["after"]["name"]: each["changed_cells"] for each in found["data"]["columns"]}
    assert changed["carrier"] > 300
    assert changed["weight"] == 0
    assert "40 rows more, 0 fewer" in page(found)


def test_changed_dependencies_are_told(change: Path):
    edited(change / "requirements.txt", "2.0.0", "2.1.0")

    found = called("ci", "--against", "main", "--project", change)

    assert "+polars==2.1.0" in found["dependencies"]
    assert "Files that name dependencies" in page(found)
    assert set(states(found).values()) == {"cached"}


def test_a_run_that_fails_leaves_a_report_too(change: Path, tmp_path: Path):
    edited(change / "units.py", "return column * 2", "raise ValueError('no such unit')")

    found = called("ci", "--against", "main", "--out", tmp_path / "out", "--project", change, code=3)

    assert (found["passed"], found["run"]) == (False, None)
    assert "no such unit" in found["error"]
    assert page(found).startswith("## ❌ shop: the run failed")
    errors = [case.find("error") for case in ElementTree.parse(tmp_path / "out" / "junit.xml").iter("testcase")]
    assert "no such unit" in errors[0].get("message")


def test_a_base_that_cannot_run_does_not_stop_the_change(change: Path):
    edited(change / "units.py", "return column * 2", "raise ValueError('no such unit')")
    git(change, "commit", "-qam", "A broken base")
    broken = git(change, "rev-parse", "HEAD")
    edited(change / "units.py", "raise ValueError('no such unit')", "return column * 2")

    found = called("ci", "--against", broken, "--project", change)

    assert found["passed"] is True
    assert "no such unit" in found["against"]["error"]
    assert "has no run to compare with" in page(found)


def test_what_cannot_be_asked_for_is_refused_with_the_way_out(change: Path, tmp_path: Path):
    error = called("ci", "--against", "nosuch", "--project", change, code=2)["error"]
    assert "git knows no commit 'nosuch'" in error["message"]
    assert "fetch-depth: 0" in error["hint"]

    (change / "late.txt").write_text("x")
    git(change, "add", "-A")
    git(change, "commit", "-qm", "Later")
    git(tmp_path, "clone", "-q", "--depth", "1", "--branch", "change", f"file://{change}", "shallow")
    shallow = called("ci", "--against", "origin/main", "--project", tmp_path / "shallow", code=2)["error"]
    assert "fetch-depth: 0" in shallow["hint"]

    alone = written(tmp_path / "alone")
    assert "needs a git repository" in called("ci", "--against", "main", "--project", alone, code=2)["error"]["hint"]


def test_a_project_in_a_folder_of_a_repository_finds_data_that_git_ignores(tmp_path: Path):
    inside = written(tmp_path / "all" / "models" / "shop")
    (inside / ".gitignore").write_text(".kaizen/\n__pycache__/\ndata/\ncontract.yaml\n")
    git(tmp_path / "all", "init", "-q")
    git(tmp_path / "all", "add", "-A")
    git(tmp_path / "all", "commit", "-qm", "The project")
    git(tmp_path / "all", "checkout", "-q", "--detach")
    edited(inside / "units.py", "* 2", "* 3")

    found = called("ci", "--against", "main", "--project", inside)

    assert found["passed"] is True
    assert found["against"]["run"]
    assert found["data"] is None
    assert states(found)["select"] == "cached"  # the base made it
    assert states(found)["features"] == "done"
    assert (inside / "data" / "parcels.csv").is_file()


def test_a_change_need_not_beat_the_champion_but_must_not_do_worse(tmp_path: Path):
    folder = written(tmp_path / "shop")
    called("run", "--project", folder)
    called("ship", "shop/1", "--project", folder)

    same = called("ci", "--project", folder)
    edited(folder / "project.py", "C=strength", "C=strength * 1e-7")
    worse = called("ci", "--project", folder, code=1)

    beats = [next(check for check in each["checks"] if "champion" in check["name"]) for each in (same, worse)]
    assert [check["has_passed"] for check in beats] == [True, False]
    assert "Not surely worse" in beats[0]["evidence"]
    assert same["against"]["name"] == worse["against"]["name"] == "shop/1"
    assert len(called("releases", "--project", folder)["releases"]) == 1


def test_the_summary_of_a_workflow_gets_the_page_without_pictures(origin: Path, tmp_path: Path, monkeypatch):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    found = called("ci", "--project", origin)

    assert summary.read_text().startswith("before\n## ✅ shop")
    assert "plots/" not in summary.read_text()
    assert "plots/roc.svg" in page(found)


def test_two_at_once_come_to_their_ends(origin: Path, tmp_path: Path):
    words = [*KAIZEN, "ci", "--against", "main", "--json", "--project", str(origin)]
    both = [
        subprocess.Popen(
            [*words, "--out", str(tmp_path / str(number))],
            env=environment(None), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        for number in range(2)
    ]  # fmt: skip

    said = [json.loads(each.communicate(timeout=200)[0]) for each in both]

    assert [each["passed"] for each in said] == [True, True]
    assert said[0]["run"] != said[1]["run"]


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_the_workflow_that_is_written_does_its_work(origin: Path, tmp_path: Path, kind: str):
    git(tmp_path, "clone", "-q", str(origin), "clone")
    clone = tmp_path / "clone"
    path = Path(called("ci", "init", f"--{kind}", "--project", clone)["written"])

    steps = yaml.safe_load(path.read_text())
    if kind == "github":
        job = steps["jobs"]["ci"]
        assert steps["permissions"] == {"contents": "read", "pull-requests": "write"}
        assert next(each for each in job["steps"] if "checkout" in each.get("uses", ""))["with"]["fetch-depth"] == 0
        commands = {each["name"]: each["run"] for each in job["steps"] if "run" in each}
        install, run = commands["Install"], commands["Try the change out"]
    else:
        install, run = steps["kaizen"]["script"]
        assert steps["kaizen"]["artifacts"]["reports"]["junit"] == "kaizen-report/junit.xml"
    assert install.strip() == "python -m pip install -r requirements.txt"
    there = {**environment(None), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", run], cwd=clone, env=there, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert (clone / "kaizen-report" / "report.md").read_text().startswith("## ✅ shop")
    assert "is there already" in called("ci", "init", f"--{kind}", "--project", clone, code=1)["error"]["message"]
    assert called("ci", "init", f"--{kind}", "--force", "--branch", "trunk", "--project", clone)
    assert "origin/trunk" in path.read_text()


def test_a_workflow_for_no_system_or_no_repository_is_refused(tmp_path: Path):
    folder = written(tmp_path / "shop")

    assert "Which CI system" in called("ci", "init", "--project", folder, code=2)["error"]["message"]
    assert "git init" in called("ci", "init", "--github", "--project", folder, code=2)["error"]["hint"]
