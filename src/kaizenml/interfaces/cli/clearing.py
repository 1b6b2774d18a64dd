"""`kaizen gc`: what nobody needs any more is deleted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, print_table, say_on_stderr

if TYPE_CHECKING:
    from kaizenml.loop.clearing import Cleared


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--grace-hours", default=24.0, type=click.FloatRange(1), help="Spare blobs that were put so recently.")
@click.option("--cache-gb", default=10.0, type=click.FloatRange(0), help="How much the results of steps may hold.")
@project_option
@json_option
def gc(dry_run: bool, grace_hours: float, cache_gb: float, folder: Path, as_json: bool) -> None:
    """Delete what nothing needs: blobs that nothing names, files of tables, old results of steps.

    What a release, a run, a snapshot or a pin needs is never deleted. `kaizen up` and others go on meanwhile.
    """
    from kaizenml.loop.clearing import clear

    done = clear(
        house_of(folder), cache_bytes=int(cache_gb * 1e9), is_rehearsal=dry_run, say=say_on_stderr,
        grace=timedelta(hours=grace_hours),
    )  # fmt: skip
    if as_json:
        print_json({"is_rehearsal": dry_run, **_told(done)})
        return
    print_table(["what", "how many", "MB"], _lines(done), empty="")
    is_there = done.blobs or done.cache_bytes or done.unfinished or any(each.files for each in done.tables.values())
    said = "Deleted." if is_there else "There was nothing to delete."
    click.echo("Nothing was deleted: this was a rehearsal." if dry_run else said)


def _told(done: Cleared) -> dict[str, object]:
    return {
        "blobs": done.blobs, "blob_bytes": done.blob_bytes, "kept_blobs": done.kept, "tables": done.tables,
        "cache_bytes": done.cache_bytes, "unfinished_files": done.unfinished,
    }  # fmt: skip


def _lines(done: Cleared) -> list[tuple[str, str, str]]:
    tables = [
        (f"files of table {name}", f"{each.files:,}", _mb(each.size_bytes))
        for name, each in done.tables.items()
        if each.files
    ]
    return [
        (f"blobs that nothing names, of {done.blobs + done.kept:,}", f"{done.blobs:,}", _mb(done.blob_bytes)),
        *tables,
        ("old results of steps", "", _mb(done.cache_bytes)),
        ("unfinished files", f"{done.unfinished:,}", ""),
    ]


def _mb(size: int) -> str:
    return f"{size / 1e6:.2f}"
