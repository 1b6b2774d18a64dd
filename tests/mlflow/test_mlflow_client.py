"""An unmodified MLflow client works with our server as with its own, and its runs are runs of ours."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import ENVIRONMENT

STORY = Path(__file__).parent / "programs" / "story.py"


def told(python: Path, program: Path, url: str, folder: Path) -> dict[str, Any]:
    """Run a program of MLflow's with a server, and return what it saw."""
    folder.mkdir()
    done = subprocess.run(
        [str(python), str(program), url],
        cwd=folder, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def stories(
    mlflow_python: Path, real_server: str, our_server: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the same program sees of MLflow's server and of ours."""
    folder = tmp_path_factory.mktemp("story")
    with ThreadPoolExecutor(2) as both:
        real = both.submit(told, mlflow_python, STORY, real_server, folder / "real")
        ours = both.submit(told, mlflow_python, STORY, our_server, folder / "ours")
        return real.result(), ours.result()


def test_a_program_sees_the_same_of_both_servers(stories: tuple[dict[str, Any], dict[str, Any]]) -> None:
    real, ours = stories

    assert ours == real
    assert ours["autolog status"] == "FINISHED"
    assert len(ours["history"]) == 100
    assert ours["predictions"][0] == ours["predictions"][1] == ours["predictions"][2]


def test_the_runs_of_a_client_are_runs_of_ours(stories: object, our_server: str) -> None:
    found = httpx.get(f"{our_server}/api/v1/runs", params={"project": "story"}).json()["runs"]
    by_name = {each["name"]: each for each in found}
    run = by_name["by hand"]
    files = httpx.get(f"{our_server}/api/v1/runs/{run['id']}/artefacts").json()["artefacts"]
    series = httpx.get(f"{our_server}/api/v1/runs/{run['id']}/series/loss").json()

    assert {each["kind"] for each in found} == {"mlflow"}
    assert by_name["failing"]["state"] == "failed"
    assert by_name["child"]["parent"] == run["id"]
    assert by_name["child"]["parameters"] == {"depth": "3", "kind": "é"}
    assert run["metrics"]["loss"] == 0.01
    assert run["tags"]["team"] == "blue"
    assert {"b.json", "notes/a.txt"} <= {each["path"] for each in files}
    assert series["of"] == 100
