"""An unmodified MLflow client works with our server as with its own, and its runs are runs of ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from recording import Again, Exchange, recorded, replayed
from wire_explained import explained
from wire_replay import differing

from conftest import ENVIRONMENT

_FOLDER = Path(__file__).parent / "programs"
PROGRAMS = {"story": _FOLDER / "story.py", "registry": _FOLDER / "registry.py"}
pytestmark = pytest.mark.timeout(1200)  # the other server is slow where others work, too


def renamed(sent: list[Exchange], name: str) -> Iterator[Exchange]:
    """Return what was sent, with other names of what the program has made: the real server knows these already."""
    words = {"story": ["story"], "registry": ["registry", "iris", "shelf", "shelves", "greeting"]}[name]
    for one in sent:
        if one.method == "PUT":
            yield one
            continue
        path, body = one.path, one.body.decode()
        for word in words:
            path = re.sub(rf"(?<![\w-]){word}(?![\w-])", f"{word}2", path)
            body = re.sub(rf"(?<![\w-]){word}(?![\w-])", f"{word}2", body)
        yield replace(one, path=path, body=body.encode())


def told(python: Path, program: Path, url: str, folder: Path) -> dict[str, Any]:
    """Run a program of MLflow's with a server, and return what it saw."""
    folder.mkdir()
    done = subprocess.run(
        [str(python), str(program), url],
        cwd=folder, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@dataclass(frozen=True)
class Told:
    """What the same program saw of MLflow's server and of ours, and what it sent to ours."""

    real: dict[str, Any]
    ours: dict[str, Any]
    sent: list[Exchange]


@pytest.fixture(scope="module")
def told_by(
    mlflow_python: Path, real_server: str, our_server: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Told]:
    """Every program, run against both servers at the same time."""
    folder, found = tmp_path_factory.mktemp("told"), {}
    with ThreadPoolExecutor(2) as pool, ExitStack() as open_:
        for name, program in PROGRAMS.items():
            address, sent = open_.enter_context(recorded(our_server))
            real = pool.submit(told, mlflow_python, program, real_server, folder / f"{name} real")
            ours = pool.submit(told, mlflow_python, program, address, folder / f"{name} ours")
            found[name] = (real, ours, sent)
        return {name: Told(real.result(), ours.result(), sent) for name, (real, ours, sent) in found.items()}


@pytest.fixture(scope="module")
def stories(told_by: dict[str, Told]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the program about runs saw of both."""
    return told_by["story"].real, told_by["story"].ours


def test_a_program_that_registers_models_and_prompts_sees_the_same_of_both_servers(told_by: dict[str, Told]) -> None:
    told = told_by["registry"]

    assert told.ours == told.real
    assert len(told.ours["predictions"]) == 5
    assert told.ours["prompt"] == "Hello Ada"
    assert told.ours["models left"] == ["iris", "shelves"]


def _are_ids_from_before(left: object, right: object) -> bool:
    """Say whether these are ids of what the programs themselves made; what is made here is known by one word."""
    return all(isinstance(each, str) and re.fullmatch("[0-9a-f]{32}", each) for each in (left, right))


@pytest.mark.parametrize("name", ["story", "registry"])
def test_what_a_client_sent_is_answered_field_by_field_as_mlflow_does(
    told_by: dict[str, Told], real_server: str, our_server: str, name: str
) -> None:
    """Recorded on its way to our server, and sent again to both, with other names: both know these already."""
    sent = told_by[name].sent

    both = replayed(renamed(sent, name), Again(real_server), Again(our_server))
    wrong = [
        (one.method, one.path, where, left, right)
        for one, ((first, real), (second, ours)) in both
        for where, left, right in [*differing("", real, ours), *([("status", first, second)] * (first != second))]
        if explained(one.path, where, left, right) is None and not _are_ids_from_before(left, right)
    ]

    assert len(sent) >= 50
    assert wrong == [], "\n".join(map(str, wrong))


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
