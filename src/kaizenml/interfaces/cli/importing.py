"""`kaizen import`: runs of another tracker become runs of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.groups import Group
from kaizenml.interfaces.cli.output import print_json, print_table, say_on_stderr

if TYPE_CHECKING:
    from kaizenml.core.mlflow.tally import Reason, Tally


@click.group("import", cls=Group)
def import_() -> None:
    """Bring runs of another tracker over."""


@import_.command("mlflow")
@click.argument("place", metavar="PATH_OR_URL")
@click.option("--experiment", "experiments", multiple=True, metavar="NAME", help="Only this one; may be repeated.")
@click.option("--as", "called", default="", metavar="NAME", help="The experiment's name here, when it is only one.")
@click.option("--artefacts/--no-artefacts", default=True, help="Whether files are copied; they are.")
@click.option(
    "--artefacts-from", "files", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="FOLDER",
    help="Where files are that are not beside the store.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Read and count; write nothing.")
@project_option
@json_option
def mlflow(
    place: str, experiments: tuple[str, ...], called: str, artefacts: bool, files: Path | None, dry_run: bool,
    folder: Path, as_json: bool,
) -> None:  # fmt: skip
    """Bring a folder `mlruns`, an `mlflow.db`, the URL of its database, or a live server over.

    Ids and times stay. What was brought before is not brought again, so that an import may be ended and repeated.
    Nothing is executed or unpickled.
    """
    from kaizenml.loop.importing import Import, Wish
    from kaizenml.loop.wiring import open_origin

    house = house_of(folder)
    wish = Wish(experiments, called, artefacts, dry_run)
    with open_origin(place, files) as (origin, troubles):
        tally = Import(house, origin, troubles, person(), say_on_stderr, wish).bring()
    if as_json:
        print_json({"from": origin.place, "dry_run": dry_run, **tally.facts})
    else:
        _print(tally, origin.place, is_rehearsal=dry_run)
    if tally.missing:
        raise click.exceptions.Exit(3)


def _print(tally: Tally, place: str, *, is_rehearsal: bool) -> None:
    from kaizenml.core.mlflow.tally import KINDS
    from kaizenml.core.terminal import harmless

    shown = [kind for kind in KINDS if tally.seen[kind] or tally.here[kind]]
    rows = [
        (kind, f"{tally.seen[kind]:,}", f"{tally.brought[kind]:,}", f"{tally.grown[kind]:,}", f"{tally.here[kind]:,}")
        for kind in shown
    ]
    print_table(["", "there", "brought", "grown", "here now"], rows, empty=f"There is nothing in {place}.")
    for note in tally.notes:
        click.echo(harmless(note))
    for reason in tally.left_out:
        click.echo(harmless(f"Left out: {_sentence(reason)}"))
    click.echo(_end(tally, place, is_rehearsal=is_rehearsal))


def _sentence(of: Reason) -> str:
    names = ", ".join(of.names) + (f" and {of.count - len(of.names):,} more" if of.count > len(of.names) else "")
    return f"{of.count:,} × {of.what}: {of.why} ({names})"


def _end(tally: Tally, place: str, *, is_rehearsal: bool) -> str:
    if is_rehearsal:
        return "Nothing was written."
    if tally.missing:
        lack = ", ".join(f"{count:,} {kind}" for kind, count in tally.missing.items())
        return f"Not all of it is here: {lack} fewer than in {place}. Call it again."
    if tally.left_out:
        return "The rest is here."
    return "All of it is here." if tally.is_new else "All of it was here already."
