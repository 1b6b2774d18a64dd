"""The lists: `kaizen releases`, `endpoints`, `alerts`, `jobs`, `snapshots`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from kaizenml.core.ports import Books
from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, print_table

Row = Sequence[object]


def _listing(
    name: str, says: str, columns: Sequence[str], read: Callable[[Books, int], Iterable[Any]],
    row: Callable[[Any], Row], empty: str,
) -> click.Command:  # fmt: skip
    """Return a command that lists something."""

    @click.command(name, help=says)
    @project_option
    @click.option("--limit", default=50, type=click.IntRange(1, 100_000), help="How many, the newest.")
    @json_option
    def listing(folder: Path, limit: int, as_json: bool) -> None:
        house = house_of(folder)
        with house.records.reading() as books:
            found = list(read(books, limit))
        if as_json:
            print_json({name: [msgspec.to_builtins(each) | _named(each) for each in found]})
        else:
            print_table(columns, map(row, found), empty=empty)

    return listing


def _named(value: object) -> dict[str, str]:
    name = getattr(value, "name", None)
    return {"name": name} if isinstance(name, str) else {}


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


_RUN = "No runs yet. Make one: `kaizen run`."

releases = _listing(
    "releases", "List releases.", ["release", "state", "model version", "author", "approved by", "gate"],
    lambda books, limit: books.releases.newest(limit=limit),
    lambda release: (
        release.name, release.state, release.model_version, release.author, release.approved_by,
        "passed" if release.verdict.has_passed
        else f"overridden: {release.verdict.overridden_because}" if release.verdict.overridden_by
        else "failed: " + ", ".join(check.name for check in release.verdict.failed),
    ),
    _RUN,
)  # fmt: skip
endpoints = _listing(
    "endpoints", "List endpoints.", ["endpoint", "champion", "since", "before", "rollout"],
    lambda books, limit: books.endpoints.all()[:limit],
    lambda each: (each.name, each.champion, _when(each.champion_since), each.previous, each.rollout),
    "No endpoints yet. `kaizen up` serves what has been approved.",
)  # fmt: skip
alerts = _listing(
    "alerts", "List alerts.", ["alert", "endpoint", "monitor", "state", "opened", "what was found"],
    lambda books, limit: books.alerts.newest(limit=limit),
    lambda alert: (
        alert.id, alert.endpoint, alert.monitor, alert.state, _when(alert.opened_at), alert.finding.sentence
    ),
    "No alerts.",
)  # fmt: skip
jobs = _listing(
    "jobs", "List jobs.", ["job", "work", "state", "attempts", "worker", "error"],
    lambda books, limit: books.jobs.newest(limit=limit),
    lambda job: (job.id, job.work, job.state, job.attempts, job.worker, job.error[:80]),
    "No jobs.",
)  # fmt: skip
snapshots = _listing(
    "snapshots", "List versions of the data.", ["snapshot", "made", "rows", "quarantined", "newest row", "digest"],
    lambda books, limit: [
        each for declared in books.declarations.all() for each in books.snapshots.newest(declared.project, limit=limit)
    ][:limit],
    lambda each: (
        each.name, _when(each.created_at), each.rows, each.quarantined, _when(each.newest), each.digest[:12]
    ),
    _RUN,
)  # fmt: skip
