"""What `kaizen run` prints at its end: metrics, gate, and on request why each step ran or did not."""

from __future__ import annotations

import click
import msgspec

from kaizenml.core.metric import Estimate, gain
from kaizenml.core.release import Release, ReleaseState
from kaizenml.core.run import Run, RunState, StepRun
from kaizenml.core.step import StepState
from kaizenml.core.terminal import harmless
from kaizenml.interfaces.cli.output import print_json, print_table


def print_run(done: Run, release: Release | None, *, explain: bool, as_json: bool) -> None:
    """Print a run that has ended, and what there is to do with the release that it made."""
    if as_json:
        print_json(_facts(done))
        return
    if explain:
        for step in done.steps:
            explain_step(step)
    if done.metrics:
        _print_metrics(done)
        if said := simpler_is_better(done):
            click.echo(f"{click.style('Note:', fg='yellow')} {said}")
    for check in done.verdict.checks if done.verdict else ():
        mark = click.style("passed", fg="green") if check.has_passed else click.style("FAILED", fg="red")
        click.echo(f"{mark} {harmless(f'{check.name}: {check.evidence}')}")
    if not done.release:
        ran = sum(step.state is StepState.DONE for step in done.steps)
        click.echo(f"{done.id}: {done.state}; {ran} of {len(done.steps)} steps ran.")
        return
    click.echo(f"{done.release} from {done.snapshot}: {done.state}. Next: {_next(done, release)}")


def _next(done: Run, release: Release | None) -> str:
    if done.state is not RunState.FINISHED:
        return f"kaizen releases, or improve {done.project} and run again"
    if release is not None and release.state is ReleaseState.GATED:
        needed = release.review.needed
        people = "somebody else approves it" if needed == 1 else f"{needed} others approve it"
        return f"{people}: kaizen approve {done.release}"
    return "kaizen up"


def simpler_is_better(done: Run) -> str:
    """Return which simple models do better than the run's by its first metric, as a sentence; empty when none does."""
    metric, ours = next(iter(done.metrics.items()))
    better = {
        name: each[metric].value
        for name, each in done.baselines.items()
        if metric in each and gain(metric, each[metric].value, ours.value) > 0
    }
    if not better:
        return ""
    verb, reached = "does" if len(better) == 1 else "do", ", ".join(_short(value) for value in better.values())
    *most, last = better
    names = f"{', '.join(most)} and {last}" if most else last
    return (
        f"{names} {verb} better than this model on the same rows ({metric} {reached}); "
        f"with kz.baseline() the gate asks it to beat them."
    )


def _print_metrics(done: Run) -> None:
    print_table(
        ["metric", "value", "95 % interval", *done.baselines],
        [
            (name, _short(each.value), f"{_short(each.low)} to {_short(each.high)}", *_beside(done, name))
            for name, each in done.metrics.items()
        ],
        empty="No metrics.",
    )


def _facts(done: Run) -> dict[str, object]:
    gate = [
        {"name": check.name, "passed": check.has_passed, "value": check.value, "limit": check.limit,
         "evidence": check.evidence}
        for check in (done.verdict.checks if done.verdict else ())
    ]  # fmt: skip
    return {
        "run": done.id,
        "status": done.state,
        "release": done.release,
        "model_version": done.model_version,
        "metrics": done.metrics,
        "baselines": done.baselines,
        "gate": {"passed": bool(done.verdict and done.verdict.has_passed), "checks": gate},
        "snapshot": done.snapshot,
        "steps": msgspec.to_builtins(done.steps),
    }


def explain_step(step: StepRun) -> None:
    """Print what became of a step, and why."""
    colour = {StepState.DONE: "yellow", StepState.CACHED: "green", StepState.FAILED: "red"}.get(step.state)
    made = f", made by {step.made_by}" if step.made_by else ""
    items = "" if step.items is None else f", {step.items_cached:,} of {step.items:,} items kept"
    click.echo(f"{click.style(step.state, fg=colour)} {step.name} ({step.seconds:.3g} s{made}{items})")
    for why in step.why:
        click.echo(f"  because {harmless(why)}")
    for name, diff in step.diffs.items():
        click.echo(click.style(f"  {harmless(name)}", bold=True))
        click.echo("\n".join(f"    {line}" for line in harmless(diff).splitlines()))
    if step.note:
        click.echo(f"  {harmless(step.note)}")


def _beside(done: Run, metric: str) -> list[str]:
    return [_short(each[metric].value) if metric in each else "" for each in done.baselines.values()]


def _short(value: float | Estimate) -> str:
    return f"{value:.4g}"
