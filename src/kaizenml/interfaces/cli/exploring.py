"""`kaizen explore`: what is in the data, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.output import print_json

if TYPE_CHECKING:
    from kaizenml.data.explore import Exploration

_MOST = 12


@click.command()
@click.argument("snapshot", default="")
@click.option("--against", default="", metavar="SNAPSHOT", help="Show what drifted since this snapshot.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The page; explore.html in .kaizen else.")
@project_option
@json_option
def explore(snapshot: str, against: str, out: Path | None, folder: Path, as_json: bool) -> None:
    """Show what is in SNAPSHOT, such as NAME@3 or 3, and what to do about it, as a page.

    Without a name it is the newest snapshot, and before any run what the source has. `source` names the files as they
    are now.
    """
    from kaizenml.data.explore_table import TableReporter
    from kaizenml.loop.exploring import explored, written
    from kaizenml.loop.loading import load_folder

    reporter = None if as_json and out is None else TableReporter()
    try:
        house = house_of(folder)
        found = explored(load_folder(folder).project, folder.resolve(), house, snapshot, against, reporter=reporter)
        path = reporter and written(found, out or house.settings.home / "explore.html", reporter)
    finally:
        if reporter is not None:
            reporter.end()
    if as_json:
        print_json(found.exploration)
        return
    _print(found.exploration)
    click.echo(f"The page: {path}")


def _print(found: Exploration) -> None:
    note = f" ({found.note})" if found.note else ""
    click.echo(f"{found.project}, {found.data}: {found.rows:,} rows, {len(found.columns)} columns{note}.")
    for each in found.findings[:_MOST]:
        sentence = each.sentence if each.sentence.endswith(".") else f"{each.sentence}."
        click.echo(f"{click.style(each.kind, fg='yellow')}: {sentence}\n  {each.where}: {each.do}")
    if len(found.findings) > _MOST:
        click.echo(f"{len(found.findings) - _MOST} more on the page.")
