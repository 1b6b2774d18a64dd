"""`kaizen new` and `kaizen run`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import msgspec

from kaizenml.core.assessment import Study
from kaizenml.core.job import LEASE_SECONDS, Job, JobState, Work, finished
from kaizenml.core.pipeline import TRAINING
from kaizenml.core.run import RunState
from kaizenml.errors import ConflictError, KaizenError, NotFoundError, UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.output import print_json, say_on_stderr
from kaizenml.interfaces.cli.run_report import print_run


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
@click.option("--on", "runner", default="", help="Where steps run: local, or pool (a process for each).")
@click.option("--pipeline", default=TRAINING, help="Which of the project's pipelines; training unless told otherwise.")
@click.option("--from", "start", default="", metavar="STEP", help="Run this step and all that depend on it again.")
@click.option("--only", default="", metavar="STEP", help="Run this step alone again; what it needs must be kept.")
@click.option("--no-cache", "is_fresh", is_flag=True, help="Use no kept result.")
@click.option("--with", "also", default="", metavar="STUDY,…", help="Also: importance, learning_curve, staleness.")
@click.option("--explain", is_flag=True, help="Say for every step why it ran or did not, with what changed.")
@json_option
def run(
    folder: Path,
    settings: tuple[str, ...],
    runner: str,
    pipeline: str,
    start: str,
    only: str,
    is_fresh: bool,
    also: str,
    explain: bool,
    as_json: bool,
) -> int:
    """Take the project from its data to a gated release.

    Ingest, contract, clean, split, train, evaluate, gate, release; a step whose code, inputs, parameters and files are
    what they were is not run again. Leaves with 0 when the gate lets the release through, 1 when it does not.
    """
    from kaizenml.loop.loading import load_folder
    from kaizenml.loop.order import Way
    from kaizenml.loop.running import Order
    from kaizenml.loop.running import run as run_project
    from kaizenml.loop.worker import keeping

    parameters = dict(_setting(text) for text in settings)
    way = Way(pipeline, start, only, not is_fresh, runner, _studies(also))
    loaded = load_folder(folder)
    house = house_of(folder)
    job = _own_job(house, loaded.project.name, folder.resolve(), parameters, way)
    try:
        with keeping(house, job):
            done = run_project(
                loaded, folder.resolve(), house, Order(job.id, person(), parameters, job=job, way=way), say_on_stderr
            )
    except BaseException as error:
        _end(house, job, str(error) or type(error).__name__)
        raise
    _end(house, job, "")
    print_run(done, explain=explain, as_json=as_json)
    return 0 if done.state is RunState.FINISHED else 1


def _own_job(house: Any, project: str, folder: Path, parameters: dict[str, object], way: Any) -> Job:
    """Queue the run as a job that this process holds already: if it dies, a worker takes the job over."""
    from kaizenml.loop.worker import name

    now = house.clock.now()
    id_ = f"{project}-{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
    facts = {"folder": str(folder), "author": person(), "parameters": parameters, "way": msgspec.to_builtins(way)}
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


def _studies(text: str) -> tuple[Study, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in tuple(Study)]
    if unknown:
        raise NotFoundError("study", unknown[0], tuple(Study))
    return tuple(map(Study, names))


def _setting(text: str) -> tuple[str, object]:
    name, mark, value = text.partition("=")
    if not mark or "." not in name:
        raise UsageError(f"--set {text!r} sets nothing.", "Write --set step.parameter=value.")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


@click.command()
@click.argument("step")
@click.option("--because", required=True, help="Why the change is harmless; the log keeps it.")
@project_option
@json_option
def accept(step: str, because: str, folder: Path, as_json: bool) -> None:
    """Declare that the changed code of STEP gives what it gave when it last ran, so that it need not run again.

    The event log says who did, why, and what had changed.
    """
    from kaizenml.loop.accepting import accept as accept_step
    from kaizenml.loop.loading import load_folder
    from kaizenml.loop.order import Order

    loaded = load_folder(folder)
    changed = accept_step(loaded, house_of(folder), step, by=person(), because=because, order=Order("", person(), {}))
    if as_json:
        print_json({"step": step, "accepted": list(changed)})
        return
    click.echo(f"{step}: what changed is taken as harmless: {', '.join(changed) or 'its code'}.")
