"""What a client reads from a store of MLflow's own making, it reads from us after an import, field by field."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from conftest import ENVIRONMENT, serving
from kaizenml.core.mlflow.tally import Tally
from kaizenml.loop.importing import Import
from kaizenml.loop.wiring import House, open_house, open_origin, read_settings

PROGRAMS = Path(__file__).parent / "programs"
KINDS = ("folder", "database", "server")


def told(python: Path, program: str, *uris: str, at: Path) -> str:
    """Run a program of MLflow's in a folder, and return the last line that it wrote."""
    environment = {**os.environ, **ENVIRONMENT, "MLFLOW_ALLOW_FILE_STORE": "true"}
    done = subprocess.run(
        [str(python), str(PROGRAMS / program), *uris],
        cwd=at, env=environment, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return (done.stdout.splitlines() or [""])[-1]


def brought(place: str, house: House) -> Tally:
    """Import a store."""
    with open_origin(place, None) as (origin, troubles):
        return Import(house, origin, troubles, "person:ada", lambda _: None).bring()


@pytest.fixture(scope="module")
def imports(
    mlflow_python: Path, real_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[Any, Any, Tally, Tally]]]:
    """For each kind of store: what a client reads of it, and of us, and what the first and a second import told."""
    at = tmp_path_factory.mktemp("stores")
    (at / "files").mkdir()  # beside a database, clients keep its artefacts in a folder `mlruns`
    uris = {"folder": f"file://{at}/files/mlruns", "database": f"sqlite:///{at}/mlflow.db", "server": real_server}
    places = {"folder": f"{at}/files/mlruns", "database": f"{at}/mlflow.db", "server": real_server}
    told(mlflow_python, "store.py", *uris.values(), at=at)
    tallies: dict[str, tuple[Tally, Tally]] = {}
    with ExitStack() as servers:
        ours: dict[str, str] = {}
        for kind in KINDS:
            house = open_house(read_settings(at / f"{kind} project"))
            tallies[kind] = brought(places[kind], house), brought(places[kind], house)
            ours[kind] = servers.enter_context(serving(at / f"{kind} project"))
        seen = json.loads(told(mlflow_python, "reading.py", *uris.values(), *ours.values(), at=at))
        yield {kind: (seen[uris[kind]], seen[ours[kind]], *tallies[kind]) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_reads_of_us_what_it_reads_of_the_store(imports: Any, kind: str) -> None:
    there, here, _, _ = imports[kind]

    assert len(there["runs"]) == 7
    assert set(here["runs"]) == set(there["runs"])
    for run, said in there["runs"].items():
        assert here["runs"][run] == said, said["info"][0]
    assert here["experiments"] == there["experiments"]
    assert here["models"] == there["models"]
    assert here["registered"] == there["registered"]
    assert set(here["registered"]) == {"churn", "nothing yet"}
    assert len(here["models"]) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_a_store_is_brought_over_once(imports: Any, kind: str) -> None:
    _, _, first, second = imports[kind]

    assert not first.missing
    assert first.left_out == []
    assert first.brought["runs"] == first.seen["runs"] == 7
    assert not second.is_new
    assert not second.missing
