"""`kaizen new` and `kaizen run`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import msgspec

from kaizenml.core.job import LEASE_SECONDS, Job, JobState, Work, finished
from kaizenml.core.metric import Estimate
from kaizenml.core.run import Run, RunState
from kaizenml.errors import ConflictError, KaizenError, UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.output import print_json, print_table, say_on_stderr


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--from", "file", required=True, type=click.Path(path_type=Path), help="CSV, Parquet, NDJSON or Excel.")
@click.option("--target", required=True, help="The column to predict.")
@click.option("--id", "key", help="The column that tells one row from every other.")
@click.option("--time", help="The column that says when a row happened.")
@json_option
def new(folder: Path, file: Path, target: str, key: str | None, time: str | None, as_json: bool) -> None:
    """Make a project that you own, from your own data.

    Reads the file, tells the task, the order in time and what looks like a leak, and writes a few readable files into
    FOLDER: project.py, kaizen.toml, a test, and a copy of the data.
    """
    from kaizenml.loop.creating import create

    made = create(folder, file, target=target, id=key, time=time)
    found = made.inferred
    if as_json:
        print_json(
            {
                "project": made.name,
                "folder": str(folder),
                "task": found.task,
                "rows": made.rows,
                "columns": made.columns,
                "target": found.target,
                "id": found.id,
                "time": found.time,
                "ignored": [{"column": each.column, "reason": each.reason} for each in found.ignored],
                "suspects": [{"column": each.column, "evidence": each.evidence} for each in found.suspects],
            }
        )
        return
    click.echo(f"Project {made.name!r} in {folder}: {found.task}, {made.rows:,} rows, {made.columns} columns.")
    click.echo(f"  target {found.target}, id {found.id or 'none'}, time {found.time or 'none'}")
    for each in found.ignored:
        click.echo(f"  left out: {each.column} ({each.reason})")
    for flaw in found.flaws:
        click.echo(f"  {click.style('look at:', fg='yellow')} {flaw.sentence}")
    for suspect in found.suspects:
        click.echo(f"  {click.style('may leak:', fg='yellow')} {suspect.evidence}")
    click.echo(f"Next: cd {folder} && kaizen run")


@click.command()
@project_option
@click.option("--set", "settings", multiple=True, metavar="STEP.PARAM=VALUE", help="Give a step's parameter a value.")
@click.option("--on", "runner", default="local", help="Where steps run: local.")
@json_option
def run(folder: Path, settings: tuple[str, ...], runner: str, as_json: bool) -> int:
    """Take the project from its data to a gated release.

    Ingest, contract, clean, split, train, evaluate, gate, release. Leaves with 0 when the gate lets the release
    through, 1 when it does not.
    """
    if runner != "local":
        raise UsageError(f"There is no runner {runner!r}.", "Today there is one: local.")
    from kaizenml.loop.loading import load_folder
    from kaizenml.loop.running import Order
    from kaizenml.loop.running import run as run_project
    from kaizenml.loop.worker import keeping

    parameters = dict(_setting(text) for text in settings)
    loaded = load_folder(folder)
    house = house_of(folder)
    job = _own_job(house, loaded.project.name, folder.resolve(), parameters)
    try:
        with keeping(house, job):
            done = run_project(
                loaded, folder.resolve(), house, Order(job.id, person(), parameters, job=job), say_on_stderr
            )
    except BaseException as error:
        _end(house, job, str(error) or type(error).__name__)
        raise
    _end(house, job, "")
    _print(done, as_json=as_json)
    return 0 if done.state is RunState.FINISHED else 1


def _own_job(house: Any, project: str, folder: Path, parameters: dict[str, object]) -> Job:
    """Queue the run as a job that this process holds already: if it dies, a worker takes the job over."""
    from kaizenml.loop.worker import name

    now = house.clock.now()
    id_ = f"{project}-{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
    facts = {"folder": str(folder), "author": person(), "parameters": parameters}
    job = Job(id_, id_, project, Work.RUN, facts, now, state=JobState.LEASED, attempts=1, fence=1, worker=name())
    with house.records.writing() as books:
        return books.jobs.enqueue(replace(job, lease_until=now + timedelta(seconds=LEASE_SECONDS)))  # type: ignore[no-any-return]


def _end(house: Any, job: Job, error: str) -> None:
    try:
        with house.records.writing() as books:
            mine = books.jobs.get(job.id)
            books.jobs.save(finished(mine, job.fence, house.clock.now(), error=error), fence=job.fence)
    except ConflictError as lost:
        raise KaizenError("Another worker took this run over.", "See `kaizen runs`.") from lost


def _setting(text: str) -> tuple[str, object]:
    name, mark, value = text.partition("=")
    if not mark or "." not in name:
        raise UsageError(f"--set {text!r} sets nothing.", "Write --set step.parameter=value.")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _print(done: Run, *, as_json: bool) -> None:
    gate = [
        {"name": check.name, "passed": check.has_passed, "value": check.value, "limit": check.limit,
         "evidence": check.evidence}
        for check in (done.verdict.checks if done.verdict else ())
    ]  # fmt: skip
    if as_json:
        print_json(
            {
                "run": done.id,
                "status": done.state,
                "release": done.release,
                "model_version": done.model_version,
                "metrics": done.metrics,
                "baselines": done.baselines,
                "gate": {"passed": bool(done.verdict and done.verdict.has_passed), "checks": gate},
                "snapshot": done.snapshot,
            }
        )
        return
    print_table(
        ["metric", "value", "95 % interval", *done.baselines],
        [
            (name, _short(each.value), f"{_short(each.low)} to {_short(each.high)}", *_beside(done, name))
            for name, each in done.metrics.items()
        ],
        empty="No metrics.",
    )
    for check in done.verdict.checks if done.verdict else ():
        mark = click.style("passed", fg="green") if check.has_passed else click.style("FAILED", fg="red")
        click.echo(f"{mark} {check.name}: {check.evidence}")
    follow = (
        "kaizen up" if done.state is RunState.FINISHED else f"kaizen releases, or improve {done.project} and run again"
    )
    click.echo(f"{done.release} from {done.snapshot}: {done.state}. Next: {follow}")


def _beside(done: Run, metric: str) -> list[str]:
    return [_short(each[metric].value) if metric in each else "" for each in done.baselines.values()]


def _short(value: float | Estimate) -> str:
    return f"{value:.4g}"
