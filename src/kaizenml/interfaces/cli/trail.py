"""`kaizen events`: the audit view of the event log."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.groups import Group
from kaizenml.interfaces.cli.output import print_json, print_table
from kaizenml.interfaces.cli.watching import verify


@click.group("events", cls=Group, invoke_without_command=True)
@click.option("--actor", default="", help="By whom: ada, service:ci; policy: for all of a sort.")
@click.option("--kind", "kinds", multiple=True, help="Of which kind: gate.passed, or gate for all. May be repeated.")
@click.option("--subject", default="", help="About what: release:flights/3; release:flights/ for all that begin so.")
@click.option("--of", default="", metavar="PROJECT", help="Of this project alone.")
@click.option("--since", default="", help="From when on: 2026-03-01, 2026-03-01T12:00:00Z, or 24h for so long ago.")
@click.option("--until", default="", help="Before when.")
@click.option("--limit", default=50, type=click.IntRange(1, 100_000), help="How many, the newest.")
@project_option
@json_option
@click.pass_context
def events(
    context: click.Context, /, actor: str, kinds: tuple[str, ...], subject: str, of: str, since: str, until: str,
    limit: int, folder: Path, as_json: bool,
) -> None:  # fmt: skip
    """List events, newest last: all of them, or who did what to what, and when; verify them."""
    if context.invoked_subcommand is not None:
        return
    from kaizenml.core.trail import Trail, actor_of, kinds_of, moment

    house = house_of(folder)
    now = house.clock.now()
    trail = Trail(
        actor_of(actor), kinds_of(kinds), subject, frozenset([of]) if of else None,
        moment(since, now) if since else None, moment(until, now) if until else None,
    )  # fmt: skip
    with house.records.reading() as books:
        found = books.events.search(trail, limit=limit, is_newest_first=True)[::-1]
    if as_json:
        print_json({"events": msgspec.to_builtins(found)})
        return
    rows = ((e.id, f"{e.at:%Y-%m-%d %H:%M:%S}", e.kind, e.subject, e.actor, e.cause) for e in found)
    empty = "Nothing of that kind has happened." if trail != Trail() else "Nothing has happened yet."
    print_table(["event", "at", "kind", "subject", "actor", "cause"], rows, empty=empty)


events.add_command(verify)
