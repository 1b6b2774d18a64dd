"""`kaizen inbox`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, print_table


@click.command()
@project_option
@json_option
def inbox(folder: Path, as_json: bool) -> None:
    """List what waits for a person: decisions, alerts, models that their gate holds back."""
    from kaizenml.loop.waiting import waiting

    house = house_of(folder)
    with house.records.reading() as books:
        found = waiting(books, house)
    if as_json:
        print_json({"inbox": msgspec.to_builtins(found)})
        return
    columns = ["wants", "since", "what it is about", "then"]
    rows = ((each.wants, f"{each.since:%Y-%m-%d %H:%M}", each.says, each.then) for each in found)
    print_table(columns, rows, empty="Nothing waits for you.")
