"""`kaizen report`: what the evaluation of a run found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, print_table

if TYPE_CHECKING:
    from kaizenml.core.assessment import Assessment
    from kaizenml.core.run import Run

_MOST = 8


@click.command()
@click.argument("run", default="")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The page; report-RUN.html in .kaizen.")
@project_option
@json_option
def report(run: str, out: Path | None, folder: Path, as_json: bool) -> None:
    """Show what the evaluation of RUN found, and write it as a page.

    RUN is a run, a release or a model version; the newest run that was evaluated unless told otherwise.
    """
    from kaizenml.loop.evaluation_report import assessment_of, run_of, written

    house = house_of(folder)
    of = run_of(house, run)
    found = assessment_of(of, house.blobs)
    path = None if as_json and out is None else written(of, house.blobs, out or house.settings.home / _name(of))
    if as_json:
        print_json({"run": of.id, "artefacts": of.artefacts, "page": str(path) if path else None, "evaluation": found})
        return
    _print(of, found)
    click.echo(f"The page: {path}")


def _name(of: Run) -> str:
    return f"report-{of.id}.html"


def _print(of: Run, found: Assessment) -> None:
    days = f" of {found.blocks:,} days" if found.blocks else ""
    click.echo(f"{of.release or of.id}: {found.target} ({found.task}), {found.rows:,} test rows{days}.")
    if found.calibration is not None:
        seen = found.calibration
        click.echo(
            f"calibration error {seen.error:.3g} (chance alone: {seen.by_chance:.3g}); {seen.test}: p {seen.p:.2g}"
        )
    if found.slices is not None:
        _print_slices(found)
    if found.importance is not None:
        earning = [f"{each.column} {each.earned:.3g}" for each in found.importance.columns if each.earned]
        click.echo(f"earn their place: {', '.join(earning[:_MOST]) or 'no column surely'}")
    for study in (found.learning_curve, found.staleness):
        if study is not None:
            click.echo(study.sentence)
    for fair in found.fairness:
        said = ", ".join(
            f"{name.replace('_', ' ')} {each.value:.3g} ({each.low:.3g} to {each.high:.3g})"
            for name, each in fair.differences.items()
        )
        click.echo(f"{fair.column}, {fair.of}: differences of {said or 'groups cannot be told: they are too small'}")
    for note in found.notes:
        click.echo(note)


def _print_slices(found: Assessment) -> None:
    seen = found.slices
    assert seen is not None
    if not seen.found:
        click.echo(f"none of {seen.searched:,} slices is surely worse than the rest")
        return
    print_table(
        [f"worst of {seen.searched:,} slices", "rows", seen.metric, "loss against others", "p, corrected"],
        [
            (each.name, f"{each.rows:,}", f"{each.value:.4g}", f"{each.worse_by.value:+.3g}", f"{each.p_adjusted:.2g}")
            for each in seen.found[:_MOST]
        ],
        empty="",
    )
