"""`kaizen demo`."""

from __future__ import annotations

import json
import time
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from kaizenml.interfaces.cli.output import print_table, say_on_stderr

_SHOWN = ("alert.", "trigger.", "gate.", "rollout.", "rollback.", "champion.", "release.proposed", "approval.")


@click.command()
@click.option("--exit", "leaves", is_flag=True, help="End when the demo is over; else it stays up for a look.")
@click.option("--json", "out", type=click.Path(path_type=Path, dir_okay=False), help="File to write the report to.")
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path("kaizen-demo"))
@click.option("--fresh", is_flag=True, help="Start anew where an interrupted demo could go on.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day to live through; 2013-12-31.")
@click.option("--port", default=8400, help="Port of the control plane; a free one if it is taken.")
@click.option("--predict-port", default=8401, help="Port of the data plane; a free one if it is taken.")
def demo(leaves: bool, out: Path | None, folder: Path, fresh: bool, until: Any, port: int, predict_port: int) -> None:
    """Run the whole loop, once round and again, on 336,776 real flights of 2013.

    January trains the first release. Then every day is asked about over HTTP, the truth arrives later, and the loop
    watches, retrains, rolls out and rolls back by itself. Ctrl-C keeps what was done: the next call goes on.
    """
    from kaizenml.interfaces.demo import drive
    from kaizenml.interfaces.demo.report import report

    begun = time.monotonic()
    last = until.date() if until else drive.LAST
    stage = drive.prepare(folder, is_fresh=fresh, port=port, predict_port=predict_port, say=say_on_stderr)
    with _progress(last) as tick:
        counted = drive.play(stage, say_on_stderr, tick, last=last)
    say_on_stderr("comparing what callers got with what the frozen first release would have said")
    found = report(drive.house(stage), stage.folder / "flights.parquet", counted)
    found["seconds"] = round(time.monotonic() - begun, 1)
    stage.remember(is_over=True)
    _show(found)
    if out is not None:
        out.write_text(msgspec.json.format(msgspec.json.encode(found), indent=2).decode(), "utf-8")
    (stage.folder / "report.json").write_text(json.dumps(msgspec.to_builtins(found), indent=2), "utf-8")
    if not leaves:
        with drive.staying_up(stage) as url:
            click.echo(f"It stays up for a look: {url}   Ctrl-C ends it.")
            while True:
                time.sleep(3600)


def _progress(last: date) -> Any:
    """Return a context that shows the days pass: a bar for a person, a line a month for a log."""
    from contextlib import contextmanager

    from kaizenml.interfaces.demo import drive

    @contextmanager
    def bar() -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task("2013", total=(last - drive.FIRST).days + 1)

            def tick(day: date, champion: str) -> None:
                shown.update(task, completed=(day - drive.FIRST).days + 1, description=f"{day} {champion}")

            yield tick

    @contextmanager
    def lines() -> Any:
        months: set[int] = set()

        def tick(day: date, champion: str) -> None:
            if day.month not in months:
                months.add(day.month)
                say_on_stderr(f"{day:%B}: {champion}")

        yield tick

    return bar() if drive.is_terminal() else lines()


def _show(found: dict[str, Any]) -> None:
    click.secho("\nWhat happened", bold=True)
    print_table(
        ["event", "on (data's clock)", "what", "because of", "said"],
        [
            (line["id"], line["at"][:16], f"{line['event']} {line['subject'].partition(':')[2]}",
             f"{line['because_of']} {line['cause']}" if line["because_of"] else line["actor"], line["said"][:110])
            for line in found["timeline"]
            if line["event"].startswith(_SHOWN)
        ],
        empty="Nothing.",
    )  # fmt: skip
    click.secho("Frozen against improved: live log loss on the same flights", bold=True)
    print_table(
        ["month", "flights", "frozen", "improved", "saved"],
        [
            (each["month"], f"{each['rows']:,}", f"{each['frozen']:.4f}", f"{each['improved']:.4f}",
             f"{1 - each['improved'] / each['frozen']:+.1%}")
            for each in found["monthly_log_loss"]
        ],
        empty="No labelled flight.",
    )  # fmt: skip
    loss = found["live_log_loss"]
    click.echo(f"  all: {loss['frozen']:.4f} frozen, {loss['improved']:.4f} improved\n")
    click.secho("Delivery", bold=True)
    print_table(
        ["metric", "by the wall", "by the data's clock", "unit", "cases"],
        [(name, _short(each["value"]), _short(each["by_data_clock"]), each["unit"], each["count"])
         for name, each in found["delivery"].items()],
        empty="",
    )  # fmt: skip
    rolled = ", ".join(f"{each['release']} (at most {each['max_traffic_share']:.0%} of traffic, restored in "
                       f"{each['seconds_to_restore']:.1f} s)" for each in found["rolled_back"])  # fmt: skip
    click.echo(
        f"{len(found['champions'])} champion{'s' * (len(found['champions']) != 1)}; rolled back: {rolled or 'none'}; "
        f"{found['requests']:,} requests, {found['failed_requests']} failed; {found['seconds']:.0f} s."
    )


def _short(value: float | None) -> str:
    return "not enough data" if value is None else f"{value:,.4g}"
