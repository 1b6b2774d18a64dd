"""`kaizen runs` and `kaizen sync`: what ran, found by what it holds."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from kaizenml.core.ports import Books
from kaizenml.core.query import Query
from kaizenml.core.query_text import parsed
from kaizenml.core.run import RunLine
from kaizenml.core.terminal import harmless
from kaizenml.errors import QueryError, SettingError, UnavailableError, UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, print_table

#: A table longer than this is printed plainly: aligning and colouring it would take longer than finding it.
_LONG = 500


@click.command()
@click.argument("query", nargs=-1)
@project_option
@click.option("--limit", default=50, type=click.IntRange(1, 1_000_000), help="At most so many.")
@json_option
def runs(query: tuple[str, ...], folder: Path, limit: int, as_json: bool) -> None:
    """List runs, the newest first, or those that fulfil a QUERY in its order.

    \b
    kaizen runs "metrics.roc_auc > 0.7 AND (params.model = 'tree' OR tags.team IS NULL)"
    kaizen runs "state = 'failed' AND started > '2026-03-01' ORDER BY duration DESC"

    Compare metrics.NAME, params.NAME, tags.NAME and the attributes id, project, kind, state, name, author, parent,
    snapshot, model_version, release, commit, branch, error, started, finished and duration (seconds), with
    = != < <= > >=, LIKE, ILIKE, CONTAINS, IN and IS NULL.
    """
    text = " ".join(query)
    house = house_of(folder)
    with house.records.reading() as books:
        found = books.runs.search(_question(books, text), limit=limit)
        if text and not found:
            parsed(text, books.runs.names())  # perhaps a name is misspelt
    if as_json:
        plain = zip(msgspec.to_builtins(found), found, strict=True)
        print_json({"runs": [{**line, "duration": of.seconds} for line, of in plain]})
        return
    columns = ["run", "name", "state", "started", "snapshot", "release", "metrics", "error"]
    empty = "No run fulfils this." if text else "No runs yet. Make one: `kaizen run`."
    if len(found) > _LONG:
        click.echo("\n".join("\t".join(harmless(cell, keep="") for cell in _row(line)) for line in found))
    else:
        print_table(columns, map(_row, found), empty=empty)


def _question(books: Books, text: str) -> Query:
    """Return what a text asks; where it is a run itself, say which command shows that."""
    try:
        return parsed(text)
    except QueryError:
        from kaizenml.loop.run_names import found_run

        try:
            run = found_run(books, text)
        except UsageError:
            run = None
        if run is None:
            raise
        raise UsageError(f"{text!r} is a run, and no question about runs.", f"`kaizen show {text}` shows it.") from None


def _row(line: RunLine) -> tuple[str, ...]:
    own = [(name, value) for name, value in line.metrics.items() if not name.startswith("system/")]
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in own[:2])
    started = f"{line.started_at:%Y-%m-%d %H:%M:%S}"
    return line.id, line.name, line.state, started, line.snapshot, line.release, metrics, line.error[:80]


@click.command()
@project_option
@json_option
def sync(folder: Path, as_json: bool) -> None:
    """Send the runs that wait in journals to the server, or bring them into the records of this home."""
    from kaizenml.loop.syncing import pick_up
    from kaizenml.loop.tracking import send_left
    from kaizenml.loop.wiring import open_house, read_settings

    of = read_settings(folder)
    if not of.home.exists():
        raise SettingError(f"Nothing was ever tracked in {of.folder}.", "Go to the folder where `kz.run()` was called.")
    sent, waiting = send_left(of) if of.server else (pick_up(open_house(of)), [])
    where = of.server or "the records"
    if waiting:
        raise UnavailableError(
            f"{len(waiting)} runs still wait: {where} cannot be reached. {len(sent)} were sent.",
            "Call it again once the server is back; nothing is lost until then.",
            {"waiting": waiting, "runs": sent},
        )
    if as_json:
        print_json({"runs": sent, "to": where})
    else:
        click.echo(f"{len(sent)} runs brought to {where}." if sent else "No run waits.")
