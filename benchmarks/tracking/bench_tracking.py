"""What tracking costs: points a second in process and over HTTP, and how long it takes to find runs.

Usage: make bench-tracking
With MLFLOW_PYTHON set to an interpreter that has `mlflow`, its client is measured beside, on a local SQLite store.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn

import kaizenml as kz
from kaizenml.core.digest import digest_of
from kaizenml.core.query_text import parsed
from kaizenml.core.run import Code, Environment, Run, RunState
from kaizenml.interfaces.http.app import create_app
from kaizenml.loop.sending import Server
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import open_house, read_settings
from kaizenml.packaging.environment import captured
from kaizenml.training.journal import Journal, Points, Started

POINTS, RUNS = 300_000, 10_000
MLFLOW = """
import sys, time, mlflow
mlflow.set_tracking_uri("sqlite:///" + sys.argv[1] + "/mlflow.db")
with mlflow.start_run():
    mlflow.log_metric("loss", 0.5, step=0)
    began = time.perf_counter()
    for step in range(300):
        mlflow.log_metric("loss", 0.5, step=step)
    print(300 / (time.perf_counter() - began))
"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        _in_process()
        house = open_house(read_settings(Path(folder)))
        _over_http(house, Path(folder))
        _listing(house)
        _mlflow(folder)


def _in_process() -> None:
    with kz.run("bench", console=False, system=False) as run:
        run.log(loss=0.5)
        began = time.perf_counter()
        for step in range(POINTS):
            run.log(loss=0.5, step=step)
        took = time.perf_counter() - began
        ending = time.perf_counter()
    print(f"in process, each call acknowledged: {POINTS / took:,.0f} points/s, {took / POINTS * 1e6:.1f} µs a call")
    print(f"  the end of the run waits {time.perf_counter() - ending:.2f} s for the records")


def _over_http(house: object, folder: Path) -> None:
    app = create_app(LoopService(house))  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", ws="none"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    journal = Journal(folder / "far")
    begun = _run(0, captured())
    journal.append(Started(replace(begun, id="far", code=Code(digest_of(0)))))
    for step in range(POINTS):
        journal.append(Points(step, step, {"loss": 0.5}))
    began = time.perf_counter()
    Server(url).bring("far", journal.path, house.blobs)  # type: ignore[attr-defined]
    took = time.perf_counter() - began
    print(f"over HTTP, durable in SQLite: {POINTS / took:,.0f} points/s")
    server.should_exit = True


def _listing(house: object) -> None:
    environment = captured()
    with house.records.writing() as books:  # type: ignore[attr-defined]
        for number in range(RUNS):
            books.runs.save(_run(number, environment))
    questions = ("", "metrics.auc > 0.5 AND params.depth IN (3, 5) OR NOT tags.team = 'blue' ORDER BY metrics.auc DESC")
    for text in questions:
        took = []
        for _ in range(5):
            began = time.perf_counter()
            with house.records.reading() as books:  # type: ignore[attr-defined]
                found = books.runs.search(parsed(text), limit=RUNS)
            took.append(time.perf_counter() - began)
        print(f"{len(found):,} of {RUNS:,} runs {text or '(all)'}: {sorted(took)[2] * 1000:.0f} ms")
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "kaizenml", "runs", "--limit", "10000", "--json"], check=True, stdout=subprocess.DEVNULL
    )
    print(f"`kaizen runs --limit 10000 --json`, the whole command: {time.perf_counter() - began:.2f} s")


def _run(number: int, environment: Environment) -> Run:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    return Run(
        f"run-{number}", "bench", RunState.RUNNING, at, Code(digest_of(number)), environment,
        parameters={f"p{n}": n for n in range(10)} | {"depth": number % 7},
        latest={f"m{n}": number / 7 for n in range(5)} | {"auc": number % 100 / 100},
        tags={"team": ("blue", "red")[number % 2]},
    )  # fmt: skip


def _mlflow(folder: str) -> None:
    python = os.environ.get("MLFLOW_PYTHON")
    if not python:
        print("MLflow: not measured (set MLFLOW_PYTHON)")
        return
    done = subprocess.run([python, "-c", MLFLOW, folder], capture_output=True, text=True, check=True)
    print(f"MLflow's client in process, SQLite store: {float(done.stdout.split()[-1]):,.0f} points/s")


if __name__ == "__main__":
    main()
