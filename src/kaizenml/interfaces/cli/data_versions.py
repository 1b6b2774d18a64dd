"""`kaizen data`: the versions of a project's data."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kaizenml.errors import UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.groups import Group
from kaizenml.interfaces.cli.output import print_json, print_table, say_on_stderr

if TYPE_CHECKING:
    from kaizenml.data.snapshot_diff import ColumnChange, Difference

_NONE = "No snapshots yet. Make one: `kaizen run`."


@click.group(cls=Group)
def data() -> None:
    """List, compare, restore, pin, clear and erase versions of the data; load what is new."""


@data.command()
@click.option("--limit", default=50, type=click.IntRange(1, 100_000), help="How many, the newest.")
@project_option
@json_option
def log(limit: int, folder: Path, as_json: bool) -> None:
    """List the snapshots, newest first, with the models and pins that name them."""
    from kaizenml.loop import versioning

    house = house_of(folder)
    declared = versioning.declared_in(house, folder)
    found = versioning.log(house, declared.project, limit=limit)
    if as_json:
        print_json({"snapshots": [{"name": each.snapshot.name, "entry": each} for each in found]})
        return
    print_table(
        ["snapshot", "made", "rows", "quarantined", "version", "digest", "models", "pins"],
        [
            (
                each.snapshot.name, f"{each.snapshot.created_at:%Y-%m-%d %H:%M}", f"{each.snapshot.rows:,}",
                each.snapshot.quarantined, each.snapshot.version, each.snapshot.digest[:12], ", ".join(each.models),
                ", ".join(each.pins) or ("given up" if each.is_given_up else ""),
            )
            for each in found
        ],
        empty=_NONE,
    )  # fmt: skip


@data.command()
@click.argument("before")
@click.argument("after")
@click.option("--by-value", is_flag=True, help="Compare rows by all their values, not by the project's id.")
@project_option
@json_option
def diff(before: str, after: str, by_value: bool, folder: Path, as_json: bool) -> None:
    """Show what differs between the snapshots BEFORE and AFTER: rows, columns, what the columns hold.

    A snapshot is called by its name (flights@3), its number, a pin's name, or `newest`.
    """
    from kaizenml.loop import versioning

    house = house_of(folder)
    declared = versioning.declared_in(house, folder)
    old, new = (versioning.called(house, declared.project, name) for name in (before, after))
    found = versioning.compared(house, old, new, id=None if by_value else declared.id)
    if as_json:
        print_json({"before": old.name, "after": new.name, "is_empty": found.is_empty, "difference": found})
        return
    _print_difference(old.name, new.name, found)


def _print_difference(before: str, after: str, found: Difference) -> None:
    rows = found.rows
    click.echo(f"{before} has {rows.before:,} rows, {after} has {rows.after:,}.")
    click.echo(f"  {rows.added:,} added, {rows.removed:,} removed, {rows.changed:,} changed")
    for word, names in (("new", found.added_columns), ("gone", found.removed_columns)):
        if names:
            click.echo(f"  {word} columns: {', '.join(names)}")
    for name, (was, now) in found.retyped.items():
        click.echo(f"  {name} was {was} and is {now}")
    for cell in found.cells:
        click.echo(f"  {cell.id}: {cell.column} was {cell.before} and is {cell.after}")
    moved = sorted((each for each in found.columns if each.shift > 0), key=lambda each: -each.shift)
    print_table(
        ["column", "shift", "cells changed", "nulls", "distinct", "mean", "least", "greatest"],
        [(each.after.name, f"{each.shift:.3f}", each.changed_cells, *_facts(each)) for each in moved],
        empty="Every column is distributed as before.",
    )


def _facts(each: ColumnChange) -> list[str]:
    pairs = [
        (getattr(each.before, fact), getattr(each.after, fact)) for fact in ("nulls", "distinct", "mean", "low", "high")
    ]
    return [_short(now) if was == now else f"{_short(was)} → {_short(now)}" for was, now in pairs]


def _short(value: object) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


@data.command()
@click.argument("snapshot")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write its rows to this new folder.")
@click.option(
    "--as-current", is_flag=True, help="Make its rows the newest version, so that the next run learns of them."
)
@project_option
@json_option
def restore(snapshot: str, out: Path | None, as_current: bool, folder: Path, as_json: bool) -> None:
    """Bring the rows of SNAPSHOT back: as files, or as the newest version."""
    from kaizenml.loop import versioning

    if (out is None) != as_current:
        raise UsageError("Restore to where?", "Say either --out DIR or --as-current.")
    house = house_of(folder)
    declared = versioning.declared_in(house, folder)
    of = versioning.called(house, declared.project, snapshot)
    if out is not None:
        files = versioning.written(house, of, out)
        said: dict[str, object] = {"snapshot": of.name, "files": {name: str(path) for name, path in files.items()}}
        told = f"{of.name} is in {out}: {', '.join(path.name for path in files.values())}."
    else:
        new = versioning.made_current(house, of, by=person())
        said = {"snapshot": of.name, "current": new.name, "version": new.version}
        told = f"{new.name} has the rows of {of.name}; what was loaded since is out until you restore a newer snapshot."
    print_json(said) if as_json else click.echo(told)


@data.command()
@click.argument("name")
@click.option("--of", "snapshot", default="newest", help="The snapshot; the newest unless told otherwise.")
@click.option("--remove", "is_removal", is_flag=True, help="Take the name away.")
@project_option
@json_option
def pin(name: str, snapshot: str, is_removal: bool, folder: Path, as_json: bool) -> None:
    """Give a snapshot a NAME; it stays readable for as long as it has one."""
    from kaizenml.loop import versioning

    house = house_of(folder)
    project = versioning.declared_in(house, folder).project
    if is_removal:
        versioning.unpin(house, project, name)
        said, told = {"pin": name, "snapshot": None}, f"{name} names no snapshot any more."
    else:
        of = versioning.called(house, project, snapshot)
        versioning.pin(house, project, name, of, by=person())
        said, told = {"pin": name, "snapshot": of.name}, f"{name} is {of.name}."
    print_json(said) if as_json else click.echo(told)


@data.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--grace-hours", default=1.0, type=click.FloatRange(0), help="Spare what was in use so recently.")
@project_option
@json_option
def gc(dry_run: bool, grace_hours: float, folder: Path, as_json: bool) -> None:
    """Delete the files of tables that no snapshot and no pin needs."""
    from kaizenml.loop import versioning

    house = house_of(folder)
    freed = versioning.clear(house, is_rehearsal=dry_run, grace=timedelta(hours=grace_hours))
    if as_json:
        print_json({"is_rehearsal": dry_run, "tables": freed})
        return
    print_table(
        ["table", "files", "MB"],
        [(name, each.files, f"{each.size_bytes / 1e6:.2f}") for name, each in freed.items()],
        empty=_NONE,
    )
    click.echo("Nothing was deleted: this was a rehearsal." if dry_run else "Deleted.")


@data.command()
@click.option("--id", "value", required=True, help="What the column says in the person's rows.")
@click.option("--because", required=True, help="Why, such as the number of the request. Name nobody: it is kept.")
@click.option("--column", help="The column that says whose a row is; the project's id unless told otherwise.")
@click.option("--give-up", is_flag=True, help="Let gc delete the snapshots that have the rows, unless they are pinned.")
@project_option
@json_option
def erase(value: str, because: str, column: str | None, give_up: bool, folder: Path, as_json: bool) -> None:
    """Take a person's rows out of every table, in new versions; list the models that learned from them."""
    from kaizenml.loop import versioning

    house = house_of(folder)
    declared = versioning.declared_in(house, folder)
    name = column or declared.id
    if name is None:
        raise UsageError(f"{declared.project} has no id column.", "Say with --column which column names the person.")
    done = versioning.erase(house, declared, name, value, because=because, by=person(), gives_up=give_up)
    if as_json:
        print_json(done)
        return
    went = ", ".join(f"{rows:,} from {table}" for table, rows in done.rows.items() if rows) or "none were there now"
    click.echo(f"{done.snapshot} is without the rows: {went}.")
    if done.models:
        click.echo(f"Models whose snapshots contain them: {', '.join(done.models)}. Train anew: `kaizen run`.")
    held = [each for each in done.holding if each not in done.given_up]
    if held:
        click.echo(f"Still readable: {', '.join(held)}. Erase again with --give-up to let `kaizen data gc` clear them.")
    if done.pinned:
        click.echo(f"Pinned, so kept even then: {', '.join(done.pinned)}.")
    if done.given_up:
        click.echo(f"`kaizen data gc` clears: {', '.join(done.given_up)}.")
    click.echo("Take the rows out of the source as well: a file that changes is loaded anew.")


@data.command("look")
@project_option
@json_option
def look_at_source(folder: Path, as_json: bool) -> None:
    """Load what is new in the source and hold it to the contract; a project that polls with run=True gets a run."""
    from kaizenml.loop.loading import load_folder
    from kaizenml.loop.looking import look

    house = house_of(folder)
    found = look(load_folder(folder).project, folder.resolve(), house, say_on_stderr)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found.rows:,} new rows in {found.batches} batches." if found.batches else "Nothing new.")
    if found.refused:
        click.echo(f"Refused: {found.refused}")
    if found.run:
        click.echo(f"Queued: {found.run}")
