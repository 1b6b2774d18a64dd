"""`kaizen quarantine`, `contract`, `clean`: what is wrong with the data, and what is done about it."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from kaizenml.errors import KaizenError, UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.groups import Group
from kaizenml.interfaces.cli.output import print_json, print_table

if TYPE_CHECKING:
    from kaizenml.core.plan import CleaningPlan, ColumnPlan
    from kaizenml.data.quarantine import Entry
    from kaizenml.loop.contracting import Comparison

_STATES = click.Choice(["new", "released", "repaired", "dropped"])
_limit = click.option("--limit", default=50, type=click.IntRange(1, 100_000), help="How many rows.")
_state = click.option("--state", type=_STATES, help="Only rows of which this was decided.")
_all = click.option("--all", "everything", is_flag=True, help="Also rows that are decided, or passed since.")


@click.group(cls=Group, invoke_without_command=True)
@_limit
@_state
@_all
@project_option
@json_option
@click.pass_context
def quarantine(
    ctx: click.Context, limit: int, state: str | None, everything: bool, folder: Path, as_json: bool
) -> None:
    """List, repair, release and drop the rows that broke a hard rule of the contract.

    Without a word behind it, it lists. Rows that are repaired or released are held to the contract again, and join the
    next snapshot.
    """
    if ctx.invoked_subcommand is None:
        _list(limit, state, everything, folder, as_json=as_json)
        return
    given = [name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        word = ctx.invoked_subcommand
        raise UsageError(
            f"An option stands before {word!r}, where it means nothing.",
            f"Write it behind: `kaizen quarantine {word} …`.",
        )


@quarantine.command("list")
@_limit
@_state
@_all
@project_option
@json_option
def list_rows(limit: int, state: str | None, everything: bool, folder: Path, as_json: bool) -> None:
    """List the rows that are held: which rule, which value, what would mend it."""
    _list(limit, state, everything, folder, as_json=as_json)


def _list(limit: int, state: str | None, everything: bool, folder: Path, *, as_json: bool) -> None:
    from kaizenml.loop.quarantining import listed

    rows = [(declared.project, entry) for declared, entry in listed(house_of(folder))]
    if state is not None:
        rows = [each for each in rows if each[1].state == state]
    elif not everything:
        rows = [each for each in rows if each[1].state == "new" and each[1].is_held]
    if as_json:
        print_json({"quarantine": [_facts(*each) for each in rows[:limit]], "count": len(rows)})
        return
    print_table(
        ["id", "state", "file", "row", "column", "value", "reason", "suggestion"],
        [
            (
                entry.id,
                entry.state,
                entry.file,
                entry.row,
                broken.column,
                broken.value,
                broken.reason,
                broken.suggestion,
            )
            for _, entry in rows[:limit]
            for broken in entry.broken
        ],
        empty="No row is in quarantine.",
    )
    if len(rows) > limit:
        click.echo(f"{len(rows) - limit:,} more; --limit shows them.")


@quarantine.command("show")
@click.argument("row")
@project_option
@json_option
def show_row(row: str, folder: Path, as_json: bool) -> None:
    """Show ROW: every cell as it came, the rules that it broke, and what was decided."""
    from kaizenml.loop.quarantining import found

    declared, entry = found(house_of(folder), row)
    if as_json:
        print_json(_facts(declared.project, entry))
        return
    broken = {each.column: each for each in entry.broken}
    print_table(
        ["column", "value", "reason", "suggestion"],
        [
            (name, value, broken[name].reason, broken[name].suggestion) if name in broken else (name, value, "", "")
            for name, value in entry.payload.items()
        ],
        empty="The row has no cells.",
    )
    click.echo(_told(entry))


@quarantine.command("repair")
@click.argument("rows", nargs=-1, required=True)
@click.option(
    "--set", "cells", multiple=True, metavar="COLUMN=VALUE", help="The new cell; nothing behind = empties it."
)
@click.option("--suggested", is_flag=True, help="Take the cells that are suggested.")
@click.option("--because", default="", help="The reason.")
@project_option
@json_option
def repair_rows(
    rows: tuple[str, ...], cells: tuple[str, ...], suggested: bool, because: str, folder: Path, as_json: bool
) -> int:
    """Let ROWS join the next snapshot with other cells; what came stays in the raw table."""
    from kaizenml.loop.quarantining import repair

    if suggested == bool(cells):
        raise UsageError("Say what the cells should be.", "Write --set COLUMN=VALUE, or --suggested, not both.")
    house, changes = house_of(folder), dict(map(_cell, cells))
    return _each(rows, lambda row: repair(house, row, changes, by=person(), because=because), as_json=as_json)


@quarantine.command("release")
@click.argument("rows", nargs=-1, required=True)
@click.option("--because", default="", help="The reason.")
@project_option
@json_option
def release_rows(rows: tuple[str, ...], because: str, folder: Path, as_json: bool) -> int:
    """Let ROWS join the next snapshot as they are, if they keep the contract as it is now."""
    from kaizenml.loop.quarantining import release

    house = house_of(folder)
    return _each(rows, lambda row: release(house, row, by=person(), because=because), as_json=as_json)


@quarantine.command("drop")
@click.argument("rows", nargs=-1, required=True)
@click.option("--because", required=True, help="The reason.")
@project_option
@json_option
def drop_rows(rows: tuple[str, ...], because: str, folder: Path, as_json: bool) -> int:
    """Leave ROWS out for good; they stay in the tables, and can be repaired or released later."""
    from kaizenml.loop.quarantining import drop

    house = house_of(folder)
    return _each(rows, lambda row: drop(house, row, by=person(), because=because), as_json=as_json)


def _cell(text: str) -> tuple[str, str | None]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise UsageError(f"--set {text!r} sets nothing.", "Write --set COLUMN=VALUE.")
    return name, value or None


def _each(rows: tuple[str, ...], act: Any, *, as_json: bool) -> int:
    """Act on every row; the first that is refused ends it, and what was done before stays."""
    done: list[Entry] = []
    try:
        for row in dict.fromkeys(rows):
            done.append(act(row))  # noqa: PERF401, what was done before a refusal is told
    except KaizenError as error:
        error.details["done"] = [entry.id for entry in done]
        raise
    if as_json:
        print_json({"rows": [{"id": entry.id, "state": entry.state} for entry in done]})
        return 0
    for entry in done:
        click.echo(_told(entry))
    if any(entry.state != "dropped" for entry in done):
        click.echo("Next: kaizen run")
    return 0


def _told(entry: Entry) -> str:
    copies = f", {entry.copies} rows are exactly this one" if entry.copies > 1 else ""
    if entry.decision is None or entry.state == "new":
        return f"Row {entry.id} of {entry.file or 'an earlier run'} is new{copies}."
    changes = "".join(f", {name} = {value}" for name, value in entry.decision.changes.items())
    because = f" because {entry.decision.because}" if entry.decision.because else ""
    return f"Row {entry.id} is {entry.state} by {entry.decision.by}{changes}{because}{copies}."


def _facts(project: str, entry: Entry) -> dict[str, object]:
    first = entry.broken[0]
    return {
        "id": entry.id,
        "project": project,
        "state": entry.state,
        "is_held": entry.is_held,
        "file": entry.file,
        "row": entry.row,
        "copies": entry.copies,
        "rule": first.rule,
        "column": first.column,
        "value": first.value,
        "reason": first.reason,
        "broken": entry.broken,
        "suggestion": entry.suggestion,
        "payload": entry.payload,
        "decision": entry.decision,
    }


@click.group(cls=Group)
def contract() -> None:
    """Show how the contract changed, and accept one that lets more rows through."""


@contract.command("diff")
@project_option
@json_option
def diff(folder: Path, as_json: bool) -> None:
    """Show contract.yaml beside the contract that the newest snapshot passed."""
    from kaizenml.loop.contracting import compared, page_of
    from kaizenml.loop.loading import load_folder

    _print_comparison(compared(house_of(folder), load_folder(folder).project.name, page_of(folder)), as_json=as_json)


@contract.command("accept")
@click.option("--because", required=True, help="The reason.")
@project_option
@json_option
def accept(because: str, folder: Path, as_json: bool) -> None:
    """Agree that contract.yaml lets more rows through than before; the event log says who did, and why."""
    from kaizenml.loop.contracting import accept as accept_contract
    from kaizenml.loop.contracting import page_of
    from kaizenml.loop.loading import load_folder

    house, name = house_of(folder), load_folder(folder).project.name
    found = accept_contract(house, name, page_of(folder), by=person(), because=because)
    _print_comparison(found, as_json=as_json)


def _print_comparison(found: Comparison, *, as_json: bool) -> None:
    if as_json:
        facts = {"snapshot": found.snapshot, "contract": found.new, "against": found.old, "changes": found.changes}
        print_json(facts | {"is_accepted": found.is_accepted, "acceptance": found.acceptance})
        return
    print_table(
        ["column", "line", "was", "is", ""],
        [(each.column, each.line, each.was, each.now, "looser" if each.is_looser else "") for each in found.changes],
        empty=f"contract.yaml is that of {found.snapshot}." if found.snapshot else "There is no snapshot yet.",
    )
    if found.acceptance is not None:
        click.echo(f"Accepted by {found.acceptance.by}: {found.acceptance.because}")
    elif not found.is_accepted:
        click.echo("A run refuses it until it is accepted: kaizen contract accept --because TEXT")


@click.command()
@click.option(
    "--plan", "with_plan", is_flag=True, help="Print what is done to each column, and which spellings change."
)
@project_option
@json_option
def clean(with_plan: bool, folder: Path, as_json: bool) -> None:
    """Show what cleaning does to the data, and what to look at before a model sees them. Nothing is written."""
    from kaizenml.loop.cleaning import looked_at, told
    from kaizenml.loop.loading import load_folder

    looked = looked_at(load_folder(folder).project, folder.resolve(), house_of(folder))
    if as_json:
        print_json(told(looked))
        return
    if with_plan:
        _print_plan(looked.plan)
    repairs = [column.repairs for column in looked.plan.columns]
    changed = sum(each.nulls + each.blanks + each.restyled + each.respelled + each.clipped for each in repairs)
    unreadable = sum(each.unreadable for each in repairs)
    click.echo(
        f"{looked.rows:,} rows, {len(looked.plan.columns)} columns: {changed:,} cells repaired, "
        f"{unreadable:,} cannot be read. The raw rows stay as they are."
    )
    for flaw in looked.flaws:
        click.echo(f"{click.style(flaw.kind, fg='yellow')}: {flaw.sentence}.\n  {flaw.advice}")


_REPAIRS = (
    "column", "kind", "written as", "made null", "blanks", "restyled", "respelled", "unreadable", "clipped", "note",
)  # fmt: skip


def _print_plan(plan: CleaningPlan) -> None:
    print_table(
        _REPAIRS,
        [
            (column.name, column.kind, _style(column), *map(_count, astuple(column.repairs)), column.note)
            for column in plan.columns
        ],
        empty="The table has no columns.",
    )
    for column in (each for each in plan.columns if each.clip):
        assert column.clip is not None
        low, high = ("none" if each is None else f"{each:g}" for each in (column.clip.low, column.clip.high))
        click.echo(f"{column.name} is clipped: lowest {low}, highest {high}.")
    spelling = [(column.name, *astuple(each)) for column in plan.columns for each in column.spelling]
    if spelling:
        print_table(["column", "wrong", "right", "rows", "rows of right", "edits"], spelling, empty="")


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _style(column: ColumnPlan) -> str:
    number = column.number
    if column.time.formats:
        return ", ".join(column.time.formats[:3])
    if column.true_tokens:
        return f"{'/'.join(column.true_tokens)} or {'/'.join(column.false_tokens)}"
    if number.is_plain:
        return ""
    marks = f"1{number.thousands}000{number.decimal}5"
    percent = " %" if number.is_percent else ""
    return (
        f"{''.join(number.prefixes[:1])}{marks}{percent}{''.join(number.suffixes[:1]) if not number.prefixes else ''}"
    )
