"""`kaizen run`, `kaizen cancel` and `kaizen accept`."""

from __future__ import annotations

import signal
from pathlib import Path

import click
import msgspec

from kaizenml.core.assessment import Study
from kaizenml.core.job import Work
from kaizenml.core.pipeline import TRAINING
from kaizenml.core.run import RunState
from kaizenml.errors import KaizenError, NotFoundError, UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.guarded import guarded
from kaizenml.interfaces.cli.output import print_json, say_on_stderr
from kaizenml.interfaces.cli.own_job import own_job
from kaizenml.interfaces.cli.run_report import print_run
from kaizenml.loop.settings import checked_runner


@click.command()
@project_option
@click.option("--set", "settings", multiple=True, metavar="STEP.PARAM=VALUE", help="Give a step's parameter a value.")
@click.option("--on", "runner", default="", help="Where steps run: local, pool (processes), ray, or ray://HOST:PORT.")
@click.option("--pipeline", default=TRAINING, help="Which of the project's pipelines; training unless told otherwise.")
@click.option("--from", "start", default="", metavar="STEP", help="Run this step and all that depend on it again.")
@click.option("--only", default="", metavar="STEP", help="Run this step alone again; what it needs must be kept.")
@click.option("--no-cache", "is_fresh", is_flag=True, help="Use no kept result.")
@click.option("--with", "also", default="", metavar="STUDY,…", help="Also: importance, learning_curve, staleness.")
@click.option("--resume", "resumes", default="", metavar="RUN", help="Go on with a run that was interrupted.")
@click.option("--no-release", is_flag=True, help="Train and hold against the gate, and propose no release.")
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
    resumes: str,
    no_release: bool,
    explain: bool,
    as_json: bool,
) -> int:
    """Take the project from its data to a gated release.

    Ingest, contract, clean, split, train, evaluate, gate, release; a step whose code, inputs, parameters and files are
    what they were is not run again. Leaves with 0 when the gate lets the release through, 1 when it does not.
    """
    parameters = dict(setting(text) for text in settings)
    if runner:
        checked_runner(runner)
    way = {"pipeline": pipeline, "start": start, "only": only, "uses_cache": not is_fresh, "runner": runner,
           "also": _studies(also), "resumes": resumes, "proposes": not no_release}  # fmt: skip
    return guarded(
        lambda: _run(folder, parameters, way, explain=explain, as_json=as_json),
        lambda pid, code: _killed(folder, pid, code),
        is_process=bool((click.get_current_context().obj or {}).get("is_process")),
    )


def _run(folder: Path, parameters: dict[str, object], asked: dict[str, object], *, explain: bool, as_json: bool) -> int:
    from kaizenml.loop.loading import load_folder
    from kaizenml.loop.order import Order
    from kaizenml.loop.resuming import as_before
    from kaizenml.loop.running import run as run_project

    loaded = load_folder(folder)
    house = house_of(folder)
    parameters, way = as_before(house, loaded.project.name, parameters, asked)
    facts = {"folder": str(folder.resolve()), "author": person(), "parameters": parameters,
             "way": msgspec.to_builtins(way)}  # fmt: skip
    with own_job(house, loaded.project.name, Work.RUN, facts, again="Go on with it: `kaizen run --resume {}`.") as job:
        order = Order(job.id, person(), parameters, job=job, way=way)
        done = run_project(loaded, folder.resolve(), house, order, say_on_stderr)
    with house.records.reading() as books:
        release = books.releases.get(done.release) if done.release else None
    print_run(done, release, explain=explain, as_json=as_json)
    return 0 if done.state is RunState.FINISHED else 1


def _killed(folder: Path, pid: int, code: int) -> None:
    """Let the run of a process that did not end by itself end as failed, and say so."""
    from kaizenml.loop.cancelling import end_killed

    said, hint = _how(code)
    run = end_killed(house_of(folder), pid, said, hint)
    if not run:
        raise KaizenError(said, hint)
    raise KaizenError(said.replace("Its", f"Run {run}: its", 1), hint.replace("RUN", run))


def _how(code: int) -> tuple[str, str]:
    if code >= 0:
        said = f"Its process was ended with exit code {code} by a library, as by Ray when its cluster has gone."
        return said, "Its console says more; go on with it: `kaizen run --resume RUN`."
    said = f"Its process was killed by {signal.Signals(-code).name}"
    if -code != signal.SIGKILL:
        return f"{said}.", ""
    hint = "Let a step read less at once, or give it a limit: @project.step(memory=…)."
    return f"{said}, as a machine does that runs out of memory.", hint


def _studies(text: str) -> tuple[Study, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in tuple(Study)]
    if unknown:
        raise NotFoundError("study", unknown[0], [each.value for each in Study])
    return tuple(map(Study, names))


def setting(text: str) -> tuple[str, object]:
    """Return the parameter that ``step.parameter=value`` names, and its value: JSON where it is some, else the text."""
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


@click.command()
@click.argument("run_id", metavar="RUN")
@project_option
@json_option
def cancel(run_id: str, folder: Path, as_json: bool) -> None:
    """Cancel a run that is queued or under way, wherever it executes."""
    from kaizenml.loop.cancelling import cancel as cancel_run

    job = cancel_run(house_of(folder), run_id, by=person())
    if as_json:
        print_json({"run": job.id, "state": job.state})
        return
    click.echo(f"{job.id}: cancelled. Go on with it: kaizen run --resume {job.id}")
