"""`kaizen tune`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from kaizenml.core.job import Work
from kaizenml.core.step import seconds_of
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.output import print_json, print_table, say_on_stderr
from kaizenml.interfaces.cli.own_job import own_job
from kaizenml.loop.settings import checked_runner

if TYPE_CHECKING:
    from kaizenml.loop.tuning import Tuned

_SHOWN = 8


@click.command()
@project_option
@click.option("--trials", default=30, type=click.IntRange(1, 100_000), help="How many trials the study has in the end.")
@click.option("--jobs", default=1, type=click.IntRange(1, 256), help="How many trials run side by side.")
@click.option("--on", "runner", default="", help="Where trials run, as for `kaizen run`.")
@click.option("--timeout", default="", metavar="SPAN", help="Begin no trial after this time, such as 30m.")
@json_option
def tune(folder: Path, trials: int, jobs: int, runner: str, timeout: str, as_json: bool) -> None:
    """Look for better parameters of the project's steps, on training rows alone.

    The search goes on where it was when it is called again. What `project.tune()` declares is searched, or else the
    numbers among the parameters of the step `estimator`.
    """
    from kaizenml.loop.loading import load_folder
    from kaizenml.loop.order import Order, Way
    from kaizenml.loop.tuning import tune as tune_project

    if runner:
        checked_runner(runner)
    loaded = load_folder(folder)
    house = house_of(folder)
    way, seconds = replace(Way(), runner=runner), seconds_of(timeout or None, "--timeout")
    facts = {"folder": str(folder.resolve()), "author": person(), "trials": trials, "seconds": seconds, "jobs": jobs,
             "way": msgspec.to_builtins(way)}  # fmt: skip
    again = "Call it again: the search goes on where it was."
    with own_job(house, loaded.project.name, Work.TUNE, facts, again=again, prefix="tune-") as job:
        found = tune_project(
            loaded,
            folder.resolve(),
            house,
            Order(job.id, person(), {}, way=way),
            say_on_stderr,
            trials=trials,
            jobs=jobs,
            seconds=seconds,
        )
    if as_json:
        print_json(_facts(found))
    else:
        _print(found)


def _facts(found: Tuned) -> dict[str, object]:
    return {
        "study": found.study,
        "metric": found.metric,
        "best": msgspec.to_builtins(found.best),
        "value": found.value,
        "gained": found.gained,
        "importance": dict(found.importance),
        "on_bound": list(found.on_bound),
        "run": found.run,
        "trials": msgspec.to_builtins(found.trials),
    }


def _print(found: Tuned) -> None:
    names = list(found.space)
    ranked = sorted(
        (each for each in found.trials if each.value is not None),
        key=lambda each: each.value or 0.0,
        reverse=found.best.value == max(each.value for each in found.trials if each.value is not None),
    )
    print_table(
        ["trial", found.metric, *names],
        [
            (each.number + 1, f"{each.value:.4f}", *(_short(each.parameters.get(name, "")) for name in names))
            for each in ranked[:_SHOWN]
        ],
        empty="No trial came to its end.",
    )
    states = [each.state for each in found.trials]
    click.echo(
        f"{len(states)} trials: {states.count('complete')} complete, {states.count('pruned')} ended early,"
        f" {states.count('failed')} failed."
    )
    if found.importance:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in found.importance.items())
        click.echo(f"What matters: {shares}")
    for name in found.on_bound:
        mark = click.style("on its bound:", fg="yellow")
        click.echo(f"{mark} {name}={_short(found.best.parameters[name])}; widen it in project.tune()")
    gained = found.gained
    sure = "more than noise" if gained.low > 0 else "no more than noise may give"
    click.echo(
        f"The best gives {found.metric} {found.value.value:.4f}; better than the defaults by {gained.value:+.4f}"
        f" ({gained.low:+.4f} to {gained.high:+.4f} over the folds): {sure}."
    )
    settings = " ".join(f"--set {name}={_short(value)}" for name, value in found.best.parameters.items())
    click.echo(f"Next: kaizen run {settings}")


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
