"""`kaizen doctor`: all that is remembered is looked at."""

from __future__ import annotations

from pathlib import Path

import click

from kaizenml.interfaces.cli.common import check_project, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, print_table, say_on_stderr


@click.command()
@click.option("--quick", is_flag=True, help="Do not read the content of blobs and tables, only names and sizes.")
@project_option
@json_option
def doctor(quick: bool, folder: Path, as_json: bool) -> int:
    """Look at all that the home remembers, and name what is wrong; exit with 1 when something grave is.

    Looked at are the database, the chain of events, whether records name what is there and agree, lineage, every blob
    and what needs it, every file of every table, the key, the disk and the clock. Nothing is changed, but that damaged
    blobs go into quarantine.
    """
    from kaizenml.loop.doctor import examine
    from kaizenml.loop.wiring import read_settings

    of = read_settings(folder)
    check_project(of)
    faults = examine(of, is_quick=quick, say=say_on_stderr)
    is_grave = any(each.is_grave for each in faults)
    if as_json:
        print_json({"is_sound": not faults, "is_grave": is_grave, "faults": faults})
        return int(is_grave)
    print_table(
        ["", "where", "what", "is wrong", "do this"],
        [("!" if each.is_grave else "", each.area, each.subject, each.said, each.hint) for each in faults],
        empty="Nothing is wrong.",
    )
    return int(is_grave)
