"""`kaizen lineage`: what came of what."""

from __future__ import annotations

from pathlib import Path

import click

from kaizenml.core.lineage import Graph, Way
from kaizenml.core.terminal import harmless
from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.output import print_json


@click.command()
@click.argument("node")
@click.option("--up", "way", flag_value=Way.UP.value, help="Only what it came of.")
@click.option("--down", "way", flag_value=Way.DOWN.value, help="Only what came of it.")
@click.option("--limit", default=1000, type=click.IntRange(1, 100_000), help="Follow at most so many links each way.")
@project_option
@json_option
def lineage(node: str, way: str | None, limit: int, folder: Path, as_json: bool) -> None:
    """Show what NODE came of, and what came of it: source, snapshot, run, model, release, endpoint.

    NODE is KIND:NAME, such as snapshot:flights@3 or release:flights/2, or the name alone where only one thing has it.
    """
    from kaizenml.loop.tracing import traced

    house = house_of(folder)
    with house.records.reading() as books:
        graph = traced(books, node, Way(way or Way.BOTH), limit=limit)
    if as_json:
        print_json(graph.facts)
        return
    _print(graph)


def _print(graph: Graph) -> None:
    above = [place for place in graph.places if place.distance < 0]
    below = [place for place in graph.places if place.distance > 0]
    for title, places in (("came of", above), ("led to", below)):
        if places:
            click.echo(f"{harmless(str(graph.start))} {title}")
            for place in places:
                click.echo(f"{'  ' * abs(place.distance)}{harmless(str(place.node))}")
    if graph.left_off:
        click.echo(f"{graph.left_off:,} more links were not followed; --limit follows more.", err=True)
