"""`kaizen monitor`, `delivery`, `verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, print_table


@click.command()
@click.argument("endpoint")
@click.option("--limit", default=14, type=click.IntRange(1, 10_000), help="How many windows, the newest.")
@project_option
@json_option
def monitor(endpoint: str, limit: int, folder: Path, as_json: bool) -> None:
    """Show what the monitors of ENDPOINT saw in the newest windows, and which alerts are open."""
    house = house_of(folder)
    with house.records.reading() as books:
        books.endpoints.get(endpoint)
        windows: list[Any] = [
            note for name, note in books.notes.all("window").items() if name.startswith(f"{endpoint}/")
        ][-limit:]
        alerts = books.alerts.unresolved(endpoint)
    if as_json:
        print_json({"endpoint": endpoint, "windows": windows, "alerts": alerts})
        return
    print_table(
        ["window", "release", "rows", "labelled", "metrics", "p99", "breaches"],
        [
            (
                window["start"][:16],
                window["release"],
                window["rows"],
                window["labelled"],
                ", ".join(f"{name} {value:.3g}" for name, value in list(window["metrics"].items())[:2]),
                f"{1000 * window['p99_seconds']:.1f} ms" if window["p99_seconds"] else "",
                sum(finding["is_breach"] for finding in window["findings"]),
            )
            for window in windows
        ],
        empty="No window has passed yet.",
    )
    for alert in alerts:
        click.echo(f"{alert.state} {alert.monitor}: {alert.finding.sentence}")


@click.command()
@project_option
@json_option
def delivery(folder: Path, as_json: bool) -> None:
    """Show how fast and how safely the loop delivers, from the event log."""
    from kaizenml.loop.reporting import delivery_of

    house = house_of(folder)
    with house.records.reading() as books:
        found = delivery_of(books)
    if as_json:
        print_json(found)
        return
    print_table(
        ["metric", "value", "count"],
        [(name, each["value"] if each["value"] is not None else each.get("note", ""), each["count"])
         for name, each in found.items()],
        empty="Nothing has been delivered yet.",
    )  # fmt: skip


@click.command()
@project_option
@json_option
def verify(folder: Path, as_json: bool) -> None:
    """Check the hash chain of the event log: nobody changed, removed or put in an event."""
    from kaizenml.loop.auditing import verified
    from kaizenml.loop.log_heads import check_remembered, remember_head

    house = house_of(folder)
    with house.records.reading() as books:
        count = verified(books)
        check_remembered(books, house)
    remember_head(house)
    if as_json:
        print_json({"events": count, "is_intact": True})
    else:
        click.echo(f"{count:,} events, none changed.")
