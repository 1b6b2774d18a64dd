"""`kaizen migrate`: all metadata to another database."""

from __future__ import annotations

from pathlib import Path

import click

from kaizenml.interfaces.cli.common import check_project, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, print_table, say_on_stderr


@click.command()
@click.option("--to", "url", required=True, help="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE, empty.")
@project_option
@json_option
def migrate(url: str, folder: Path, as_json: bool) -> None:
    """Copy all metadata of the home to another, empty database, and check that every row arrived.

    Nobody else can write meanwhile. What was there stays as it is; afterwards name the new database in kaizen.toml.
    """
    from kaizenml.loop.settings import redacted
    from kaizenml.loop.wiring import copy_records, read_settings

    of = read_settings(folder)
    check_project(of)
    found = copy_records(of, url, lambda table, rows: say_on_stderr(f"{table}: {rows:,} rows"))
    if as_json:
        print_json({"to": redacted(url), "tables": {name: {"rows": n, "digest": d} for name, (n, d) in found.items()}})
        return
    print_table(["table", "rows", "digest"], [(name, f"{n:,}", d[:12]) for name, (n, d) in found.items()], empty="")
    click.echo(f"Every row is in {redacted(url)}. Now set it: KAIZEN_DATABASE, or `database` in kaizen.toml.")
