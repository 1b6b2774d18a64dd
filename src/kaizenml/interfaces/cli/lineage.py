"""`kaizen lineage`: what came of what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kaizenml.core.lineage import Link, Node, Way
from kaizenml.core.terminal import harmless
from kaizenml.errors import UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, print_table, say_on_stderr

if TYPE_CHECKING:
    from kaizenml.loop.tracing import Traced


@click.command()
@click.argument("node")
@click.option("--up", "is_up", is_flag=True, help="Only what it came of.")
@click.option("--down", "is_down", is_flag=True, help="Only what came of it.")
@click.option("--both", "is_both", is_flag=True, help="Both, as without any of these.")
@click.option("--limit", default=1000, type=click.IntRange(1, 100_000), help="Show at most so many links each way.")
@click.option("--predictions", "is_list", is_flag=True, help="List the newest predictions that NODE had a part in.")
@project_option
@json_option
def lineage(
    node: str, is_up: bool, is_down: bool, is_both: bool, limit: int, is_list: bool, folder: Path, as_json: bool
) -> None:  # fmt: skip
    """Show what NODE came of, and what came of it: source, snapshot, run, model, release, endpoint, predictions.

    NODE is KIND:NAME, such as snapshot:flights@3 or release:flights/2, or the name alone where only one thing has it.
    """
    from kaizenml.loop.tracing import touched, traced

    if is_up + is_down + is_both + is_list > 1:
        raise UsageError(
            "Only one of --up, --down, --both and --predictions can be asked for.", "Without any it is --both."
        )
    house = house_of(folder)
    if is_list:
        rows = touched(house, node, limit=limit)
        if as_json:
            print_json({"predictions": rows.to_dicts()})
        else:
            print_table(rows.columns, rows.rows(), empty=f"No prediction was made of {harmless(node, keep='')}.")
        return
    found = traced(house, node, Way.UP if is_up else Way.DOWN if is_down else Way.BOTH, limit=limit)
    if as_json:
        print_json(found.document)
    else:
        _print(found)


def _print(found: Traced) -> None:
    graph = found.graph
    by = _reached_by(found)
    rows = [
        (place.distance or "", place.node, _how(by.get(place.node)), _told(found.facts.get(place.node, {})))
        for place in sorted(graph.places, key=lambda place: place.distance)
    ]
    print_table(["links away", "node", "how", "what it is"], rows, empty="")
    if len(rows) == 1:
        click.echo(harmless(f"Nothing is linked to {graph.start} this way.", keep=""))
    if found.predictions:
        columns = ["predictions", "at endpoint", "by release", "as", "first", "last"]
        told = [
            (f"{each.rows:,}", each.endpoint, each.release, each.role, _time(each.first), _time(each.last))
            for each in found.predictions
        ]
        print_table(columns, told, empty="")
    if graph.left_off:
        at_least = "At least " if graph.leads_further else ""
        say_on_stderr(f"{at_least}{graph.left_off:,} more links are not shown; --limit shows more.")


def _reached_by(found: Traced) -> Mapping[Node, Link]:
    """Return, for each node, the link by which it was reached."""
    far = {place.node: place.distance for place in found.graph.places}
    by: dict[Node, Link] = {}
    for link in found.graph.links:
        above, below = far[link.parent], far[link.child]
        if 0 <= above < below:
            by.setdefault(link.child, link)
        elif above < below <= 0:
            by.setdefault(link.parent, link)
    return by


def _how(link: Link | None) -> str:
    if link is None:
        return ""
    return f"{link.parent} {link.relation} {link.child}{f' ({link.detail})' if link.detail else ''}"


def _told(facts: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_short(name, value)}" for name, value in facts.items())


def _short(name: str, value: object) -> str:
    if isinstance(value, datetime):
        return _time(value)
    return str(value)[: 12 if name in ("digest", "commit") else 40]


def _time(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="seconds")
