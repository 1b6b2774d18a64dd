"""How long an import of MLflow's runs takes: from a folder, from a database, from a live server, and again.

A run has ten parameters, five metrics of four points, and six tags. The folder is written as MLflow writes it; the
database is made by MLflow itself (of the interpreter that KAIZEN_TEST_MLFLOW names, or of the environment that the
tests have made) and filled with rows; the server is MLflow's own, with one worker, on that database. Without MLflow,
only the folder is measured. ``bench_import.py 1000`` measures with as many runs.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench_registry import mlflow, mlflow_python, processor, started

#: So many seconds may an import of 10,000 runs take.
LIMIT = 60.0
BEGUN = 1_700_000_000_000
PARAMETERS, METRICS, POINTS = 10, 5, 4


def main(count: int) -> int:
    """Measure, print a table, and return 1 when an import takes longer than it may."""
    python = mlflow_python()
    print(f"{count:,} runs{'':14}{'first':>10}{'again':>10}   seconds (at most {LIMIT * count / 10_000:.0f})")
    slow = []
    with tempfile.TemporaryDirectory() as home:
        for name, first, again in measured(Path(home), count, python):
            print(f"{name:24}{first:10.1f}{again:10.1f}", flush=True)
            slow += [name] if first > LIMIT * count / 10_000 else []
    if slow:
        print(f"Longer than it may be: {', '.join(slow)}", file=sys.stderr)
    return bool(slow)


def measured(home: Path, count: int, python: Path | None) -> Iterator[tuple[str, float, float]]:
    """Import from each kind of store, twice; give the seconds of both."""
    yield "a folder", *twice(folder(home / "mlruns", count), home / "1", count)
    if python is None:
        return
    path = database(home / "server", count, python)
    yield "a database", *twice(str(path), home / "2", count)
    with started(lambda port, at: mlflow(python, port, at), path.parent) as (url, pid, _):
        before = processor(pid)
        first, again = twice(url, home / "3", count)
        yield "a server", first, again
        print(f"  of which the server's processor time, both times: {processor(pid) - before:.1f}")


def twice(place: str, project: Path, count: int) -> tuple[float, float]:
    """Import a store into a new project, and once more; return how long both took."""
    project.mkdir()
    (project / "project.py").touch()
    return imported(place, project, count, count), imported(place, project, count, 0)


def imported(place: str, project: Path, count: int, new: int) -> float:
    """Import a store; return how long it took, once all runs and points were found there."""
    words = [sys.executable, "-m", "kaizenml.interfaces.cli.main", "import", "mlflow", place, "--json"]
    begun = time.monotonic()
    done = subprocess.run([*words, "--project", str(project)], capture_output=True, text=True)
    seconds = time.monotonic() - begun
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    counts = json.loads(done.stdout)["counts"]
    found = (counts["runs"]["here"], counts["runs"]["brought"], counts["points"]["here"])
    if found != (count, new, count * METRICS * POINTS):
        raise RuntimeError(f"{found} runs, new ones and points were found")
    return seconds


def folder(root: Path, count: int) -> str:
    """Write a folder of runs."""
    experiment = root / "1"
    experiment.mkdir(parents=True)
    (experiment / "meta.yaml").write_text(
        f"artifact_location: file://{experiment}\ncreation_time: {BEGUN}\nexperiment_id: '1'\n"
        f"last_update_time: {BEGUN}\nlifecycle_stage: active\nname: many\n"
    )
    for number in range(count):
        run = experiment / f"{number:032x}"
        for name in ("params", "metrics", "tags", "artifacts"):
            (run / name).mkdir(parents=True)
        (run / "meta.yaml").write_text(
            f"artifact_uri: file://{run}/artifacts\nend_time: {BEGUN + 1000}\nentry_point_name: ''\n"
            f"experiment_id: '1'\nlifecycle_stage: active\nrun_id: '{run.name}'\nrun_name: run {number}\n"
            f"source_name: ''\nsource_type: 4\nsource_version: ''\nstart_time: {BEGUN + number}\nstatus: 3\ntags: []\n"
            "user_id: ada\n"
        )
        for key, value in parameters(number):
            (run / "params" / key).write_text(value)
        for key, value in tags(number):
            (run / "tags" / key).write_text(value)
        for index in range(METRICS):
            lines = [f"{BEGUN + step} {measurement(number, index, step)} {step}\n" for step in range(POINTS)]
            (run / "metrics" / f"m{index}").write_text("".join(lines))
    return str(root)


def database(home: Path, count: int, python: Path) -> Path:
    """Let MLflow make a database, and fill it."""
    home.mkdir()
    path = home / "mlflow.db"
    make = "import sys; from mlflow.tracking import MlflowClient; MlflowClient(sys.argv[1]).create_experiment('many')"
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    subprocess.run(
        [python, "-c", make, f"sqlite:///{path}"], check=True, env=environment, capture_output=True, cwd=home
    )
    numbers = range(count)
    runs = [
        (f"{number:032x}", f"run {number}", "UNKNOWN", "", "", "ada", "FINISHED", BEGUN + number, BEGUN + 1000, "",
         "active", f"mlflow-artifacts:/1/{number:032x}/artifacts", 1)
        for number in numbers
    ]  # fmt: skip
    points = [
        (f"m{index}", measurement(number, index, step), BEGUN + step, step, False, f"{number:032x}")
        for number in numbers for index in range(METRICS) for step in range(POINTS)
    ]  # fmt: skip
    with sqlite3.connect(path) as to:
        to.execute("UPDATE experiments SET artifact_location = 'mlflow-artifacts:/1' WHERE experiment_id = 1")
        to.executemany(
            "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, "
            "start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", runs,
        )  # fmt: skip
        for table, pairs in (("params", parameters), ("tags", tags)):
            rows = [(*pair, f"{number:032x}") for number in numbers for pair in pairs(number)]
            to.executemany(f"INSERT INTO {table} (key, value, run_uuid) VALUES (?, ?, ?)", rows)
        for table, rows in (("metrics", points), ("latest_metrics", [row for row in points if row[3] == POINTS - 1])):
            to.executemany(
                f"INSERT INTO {table} (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, ?, ?, ?)", rows
            )
    to.close()
    return path


def parameters(number: int) -> list[tuple[str, str]]:
    """Return the parameters of a run."""
    return [(f"p{index}", str(number * index)) for index in range(PARAMETERS)]


def tags(number: int) -> list[tuple[str, str]]:
    """Return the tags of a run."""
    return [("mlflow.runName", f"run {number}"), ("mlflow.user", "ada"), ("mlflow.source.name", "train.py"),
             ("mlflow.source.type", "LOCAL"), ("team", "blue"), ("fold", str(number % 5))]  # fmt: skip


def measurement(number: int, index: int, step: int) -> float:
    """Return a measurement."""
    return (number + 1) / (index + step + 1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
