"""`kaizen backup` and `kaizen restore`: a home copied while it is in use, and made again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kaizenml.errors import SettingError, UsageError
from kaizenml.interfaces.cli.common import check_project, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, say_on_stderr

if TYPE_CHECKING:
    from kaizenml.core.backup import Manifest
    from kaizenml.loop.settings import Settings

_FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("target", metavar="DEST", type=_FOLDER)
@project_option
@json_option
def backup(target: Path, folder: Path, as_json: bool) -> None:
    """Copy the home to DEST, a new folder, while `kaizen up` and others go on.

    It holds the metadata, blobs, tables and the key that approvals are sealed with: keep it like a password.
    """
    from kaizenml.loop.wiring import back_up, read_settings

    _check_folder(target)
    of = read_settings(folder)
    check_project(of)
    found = back_up(of, target, datetime.now(UTC), say_on_stderr)
    if as_json:
        print_json({"backup": str(target), **_told(found)})
        return
    click.echo(f"{_sentence(found)} in {target}. `kaizen restore {target}` makes a home of it.")


@click.command()
@click.argument("source", metavar="SRC", type=_FOLDER)
@click.option("--to", "home", type=_FOLDER, help="The home to make; the project's unless told otherwise.")
@project_option
@json_option
def restore(source: Path, home: Path | None, folder: Path, as_json: bool) -> None:
    """Make a home from the backup in SRC, after every file and the event log have been checked.

    A home that is not empty is refused.
    """
    from kaizenml.loop.auditing import verified
    from kaizenml.loop.wiring import read_settings
    from kaizenml.loop.wiring import restore as restored

    _check_folder(source)
    _check_folder(home or source)
    to, events = home or _home(read_settings(folder)), []
    found = restored(source, to, lambda books: events.append(verified(books)), say_on_stderr)
    if as_json:
        print_json({"home": str(to), "events": events[0], **_told(found)})
        return
    click.echo(f"{_sentence(found)} restored to {to}; {events[0]:,} events, none changed.")


def _check_folder(path: Path) -> None:
    """Refuse an address: as a path it would name a folder of this machine, and nothing would be where it says."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(path)):
        raise UsageError(f"A backup is a folder of this machine; {path} is an address.",
                         "Name a folder, and copy it from or to other places with their own tools.")  # fmt: skip


def _home(of: Settings) -> Path:
    if (of.database, of.store) != (f"sqlite:///{of.home / 'kaizen.db'}", of.home):
        raise SettingError(
            "This project's `database` or `store` is not in its home, where a backup is restored to.",
            "Take the two settings away, or name a home with `--to`.",
        )
    return of.home


def _told(found: Manifest) -> dict[str, object]:
    return {
        "made_at": found.made_at, "files": len(found.files), "size_bytes": found.size_bytes,
        "blobs": found.count("blobs"), "table_files": found.count("tables"), "rows": found.rows,
        "has_key": "key" in found.files,
    }  # fmt: skip


def _sentence(found: Manifest) -> str:
    rows, blobs, tables = sum(found.rows.values()), found.count("blobs"), found.count("tables")
    return (
        f"{rows:,} rows of metadata, {blobs:,} blobs and {tables:,} files of tables ({found.size_bytes / 1e6:.1f} MB)"
    )
