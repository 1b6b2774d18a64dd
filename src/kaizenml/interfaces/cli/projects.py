"""`kaizen new`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from kaizenml.interfaces.cli.common import json_option
from kaizenml.interfaces.cli.output import print_json


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
    click.echo(f"Next: cd {quote(str(folder))} && kaizen run")
