"""`kaizen migrate`: all metadata to another database, or all blobs and tables to another store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kaizenml.interfaces.cli.common import check_project, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, print_table, say_on_stderr

if TYPE_CHECKING:
    from kaizenml.core.backup import Arrived
    from kaizenml.loop.settings import Settings

_TO = (
    "An empty database, sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE; or a store, file:///PATH or s3://…"
)


@click.command()
@click.option("--to", "url", required=True, help=_TO)
@project_option
@json_option
def migrate(url: str, folder: Path, as_json: bool) -> None:
    """Copy all metadata to another database, or all blobs and tables to another store, and check that all arrived.

    What was there stays as it is; afterwards name the new place in kaizen.toml. Nobody else can write metadata while
    those are copied. Blobs and tables may be in use: call it again, with nothing running, for what was added
    meanwhile. A call that was killed is called again too; it sends what is missing.
    """
    from kaizenml.loop.wiring import read_settings

    of = read_settings(folder)
    check_project(of)
    (_store if url.startswith(("file:", "s3:")) else _records)(of, url, as_json=as_json)


def _records(of: Settings, url: str, *, as_json: bool) -> None:
    from kaizenml.loop.settings import redacted
    from kaizenml.loop.wiring import copy_records

    found = copy_records(of, url, lambda table, rows: say_on_stderr(f"{table}: {rows:,} rows"))
    if as_json:
        print_json({"to": redacted(url), "tables": {name: {"rows": n, "digest": d} for name, (n, d) in found.items()}})
        return
    print_table(["table", "rows", "digest"], [(name, f"{n:,}", d[:12]) for name, (n, d) in found.items()], empty="")
    click.echo(f"Every row is in {redacted(url)}. Now set it: KAIZEN_DATABASE, or `database` in kaizen.toml.")


def _store(of: Settings, url: str, *, as_json: bool) -> None:
    from kaizenml.loop.wiring import copy_store

    blobs, tables = copy_store(of, url, say_on_stderr)
    if as_json:
        print_json({"to": url, "blobs": _told(blobs), "tables": {name: _told(each) for name, each in tables.items()}})
        return
    rows = [
        (name, f"{len(each.files):,}", f"{each.new:,}", f"{each.size_bytes / 1e6:.1f} MB", each.digest[:12])
        for name, each in [("blobs", blobs), *tables.items()]
    ]
    print_table(["", "files", "new", "size", "digest"], rows, empty="")
    click.echo(f"All of it is at {url}, read there again. Now set it: KAIZEN_STORE, or `store` in kaizen.toml.")


def _told(found: Arrived) -> dict[str, object]:
    return {"files": len(found.files), "new": found.new, "size_bytes": found.size_bytes, "digest": found.digest}
