"""Stores as MLflow writes them, made by hand: a folder, and a database as version 2.9 had it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

RUN, OTHER, GONE = "a" * 32, "b" * 32, "c" * 32
T0 = 1_700_000_000_000

TABLES = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT, lifecycle_stage TEXT,
  creation_time BIGINT, last_update_time BIGINT);
CREATE TABLE experiment_tags (key TEXT, value TEXT, experiment_id INTEGER);
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT,
  lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN);
CREATE TABLE datasets (dataset_uuid TEXT, experiment_id INTEGER, name TEXT, digest TEXT, dataset_source_type TEXT,
  dataset_source TEXT, dataset_schema TEXT, dataset_profile TEXT);
CREATE TABLE inputs (input_uuid TEXT, source_type TEXT, source_id TEXT, destination_type TEXT, destination_id TEXT);
CREATE TABLE input_tags (input_uuid TEXT, name TEXT, value TEXT);
"""


def database(folder: Path, runs: int = 2) -> Path:
    """Make a database with an experiment of some runs, and artefacts of the first beside it."""
    path = folder / "mlflow.db"
    with sqlite3.connect(path) as to:
        to.executescript(TABLES)
        to.execute("INSERT INTO experiments VALUES (7, 'Churn / Q3', 'mlflow-artifacts:/7', 'active', ?, ?)", (T0, T0))
        to.execute("INSERT INTO experiment_tags VALUES ('team', 'blue', 7)")
        to.executemany("INSERT INTO runs VALUES (?, ?, 'ada', ?, ?, ?, ?, ?, 7)", _runs(runs))
        to.executemany(
            "INSERT INTO tags VALUES ('mlflow.runName', ?, ?)", [(name, id_) for id_, name, *_ in _runs(runs)]
        )
        to.execute("INSERT INTO params VALUES ('depth', '3', ?)", (RUN,))
        points = [("loss", 1 / (step + 1), T0 + step, RUN, step, 0) for step in range(3)] + [("n", 0, T0, RUN, 0, 1)]
        to.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", points)
        to.execute("INSERT INTO datasets VALUES ('d', 7, 'train', 'e04b', 'local', '{}', NULL, NULL)")
        to.execute("INSERT INTO inputs VALUES ('i', 'DATASET', 'd', 'RUN', ?)", (RUN,))
        to.execute("INSERT INTO input_tags VALUES ('i', 'mlflow.data.context', 'training')")
    to.close()
    files = folder / "mlartifacts" / "7" / RUN / "artifacts" / "notes"
    files.mkdir(parents=True)
    (files / "a.txt").write_text("hello")
    return path


def folder_store(folder: Path) -> Path:
    """Make a folder `mlruns` with an experiment of one run and a run in the trash."""
    root = folder / "mlruns"
    _write(root / "7" / "meta.yaml", f"experiment_id: '7'\nname: Churn / Q3\nlifecycle_stage: active\n"
           f"creation_time: {T0}\nlast_update_time: {T0}\nartifact_location: file://{root}/7\n")  # fmt: skip
    _write(root / "7" / "tags" / "team", "blue")
    add_run(root / "7", RUN, "first")
    run = root / "7" / RUN
    _write(run / "params" / "depth", "3")
    _write(run / "metrics" / "loss", "".join(f"{T0 + step} {1 / (step + 1)} {step}\n" for step in range(3)))
    _write(run / "metrics" / "n", f"{T0} nan 0\n")
    _write(run / "artifacts" / "notes" / "a.txt", "hello")
    _write(root / "7" / "datasets" / "d" / "meta.yaml", "name: train\ndigest: e04b\nsource_type: local\nsource: '{}'\n")
    _write(run / "inputs" / "i" / "meta.yaml", "source_type: DATASET\nsource_id: d\ndestination_type: RUN\n"
           "destination_id: d\ntags:\n  mlflow.data.context: training\n")  # fmt: skip
    add_run(root / "7", OTHER, "second", status=4, stage="deleted")
    return root


def add_run(experiment: Path, id_: str, name: str, status: int = 3, stage: str = "active") -> Path:
    """Make a run in a folder's experiment."""
    _write(experiment / id_ / "meta.yaml", f"run_id: {id_}\nrun_name: {name}\nuser_id: ada\nstatus: {status}\n"
           f"start_time: {T0}\nend_time: {T0 + 1000}\nlifecycle_stage: {stage}\n"
           f"experiment_id: '7'\nartifact_uri: file://{experiment}/{id_}/artifacts\n")  # fmt: skip
    _write(experiment / id_ / "tags" / "mlflow.runName", name)
    return experiment / id_


def _runs(count: int) -> list[tuple[str, str, str, int, int, str, str]]:
    known = [(RUN, "first", "FINISHED", "active"), (OTHER, "second", "FAILED", "deleted")]
    known += [(f"{number:032x}", f"run {number}", "FINISHED", "active") for number in range(count - 2)]
    return [(id_, name, status, T0, T0 + 1000, stage, f"mlflow-artifacts:/7/{id_}/artifacts")
            for id_, name, status, stage in known]  # fmt: skip


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
