"""What `kaizen show` prints of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
import msgspec

from kaizenml.core.run import Environment, Run, RunState
from kaizenml.core.series import Last, spelled
from kaizenml.core.terminal import harmless
from kaizenml.interfaces.cli.output import print_table
from kaizenml.interfaces.cli.run_report import explain_step

if TYPE_CHECKING:
    from kaizenml.loop.showing import Shown

_COLOURS = {RunState.FINISHED: "green", RunState.RUNNING: "cyan", RunState.FAILED: "red", RunState.REFUSED: "yellow"}
#: So many series are printed; `--json` has them all.
_MOST_SERIES = 40


def facts(found: Shown) -> dict[str, Any]:
    """Return a run as JSON has it: the record itself, how long it took, what caused it, each series in a line."""
    run = msgspec.to_builtins(found.run)
    cause = None if found.cause is None else msgspec.to_builtins(found.cause)
    series = {name: series_facts(each) for name, each in found.series.items()}
    return {**run, "duration": found.run.seconds, "caused_by": cause, "series": series}


def series_facts(of: Last) -> dict[str, Any]:
    """Return a series in a line."""
    step, at, value = of.last
    return {"points": of.points, "step": step, "at": at, "value": spelled(value), "low": of.low, "high": of.high}


def print_page(found: Shown) -> None:
    """Print a run."""
    run = found.run
    name = f" {run.name!r}" if run.name and run.name != run.id else ""
    click.echo(f"{harmless(run.id + name)}: {click.style(run.state, fg=_COLOURS.get(run.state))}")
    for word, said in _lines(found):
        click.echo(f"{click.style(f'{word:<12}', dim=True)} {harmless(said)}")
    _print_values("parameter", run.parameters)
    _print_values("tag", run.tags)
    _print_metrics(run)
    _print_series(found)
    for check in run.verdict.checks if run.verdict else ():
        mark = click.style("passed", fg="green") if check.has_passed else click.style("FAILED", fg="red")
        click.echo(f"{mark} {harmless(f'{check.name}: {check.evidence}')}")
    for step in run.steps:
        explain_step(step)
    _print_values("artefact", {path: digest[:12] for path, digest in sorted(run.artefacts.items())})


def _lines(found: Shown) -> Iterator[tuple[str, str]]:
    run = found.run
    if run.error:
        yield "error", run.error
    if run.hint:
        yield "hint", run.hint
    took = "" if run.seconds is None else f", took {run.seconds:.3g} s"
    by = f" by {run.author}" if run.author else ""
    yield "what", f"{run.kind} of {run.project}{by}, began {run.started_at:%Y-%m-%d %H:%M:%S}{took}"
    if found.cause is not None:
        yield "cause", f"event {found.cause.id}, {found.cause.kind} of {found.cause.subject} by {found.cause.actor}"
    if run.command is not None:
        yield "command", f"{' '.join(run.command.arguments)} (in {run.command.folder})"
    for word, said in (
        ("within", run.parent), ("again", run.again), ("model", run.model_version), ("release", run.release)
    ):  # fmt: skip
        if said:
            yield word, said
    if code := _code(run):
        yield "code", code
    for data, digest in run.data.items() or {run.snapshot: ""}.items():
        if data:
            yield "data", f"{data} {digest[:12]}".rstrip()
    yield from _machine(run.environment)
    if run.seed is not None:
        yield "seed", str(run.seed)
    if run.console is not None:
        yield "console", f"{run.console.written:,} bytes; see --console"


def _machine(of: Environment) -> Iterator[tuple[str, str]]:
    """Return what is known of where it ran; clients of MLflow tell nothing of it."""
    if of.python:
        yield "environment", f"Python {of.python}, {of.platform}, {len(of.packages)} distributions"
    if of.cpus:
        models = "".join(f", {model}" for model in (of.processor, *of.gpus) if model)
        yield "machine", f"{of.cpus} cpus, {of.memory_bytes / 2**30:.1f} GiB of memory{models}"


def _code(run: Run) -> str:
    code = run.code
    if not code.digest:
        return f"commit {code.commit[:12]}, as its client told" if code.commit else ""
    if not code.commit:
        return f"{code.digest[:12]}, in no git repository"
    state = "with uncommitted changes; see --diff" if code.is_dirty else "as committed"
    return f"{code.digest[:12]}, commit {code.commit[:12]} on {code.branch}, {state}"


def _print_values(what: str, values: Any) -> None:
    if values:
        rows = [(name, value if isinstance(value, str) else repr(value)) for name, value in values.items()]
        print_table([what, "value" if what != "artefact" else "digest"], rows, empty="")


def _print_metrics(run: Run) -> None:
    rows = [
        (name, f"{each.value:.4g}", f"{each.low:.4g} to {each.high:.4g}", *_beside(run, name))
        for name, each in run.metrics.items()
    ]
    if rows:
        print_table(["metric", "value", "95 % interval", *run.baselines], rows, empty="")


def _beside(run: Run, metric: str) -> list[str]:
    return [f"{each[metric].value:.4g}" if metric in each else "" for each in run.baselines.values()]


def _print_series(found: Shown) -> None:
    rows = [
        (name, f"{each.last.value:.4g}", _short(each.low), _short(each.high), f"{each.points:,}",
         found.curves.get(name, ""))
        for name, each in list(found.series.items())[:_MOST_SERIES]
    ]  # fmt: skip
    if rows:
        print_table(["series", "last", "min", "max", "points", ""], rows, empty="")
    if len(found.series) > _MOST_SERIES:
        click.echo(f"… {len(found.series) - _MOST_SERIES} more series; --json has them all")


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
