"""Values of the core as plain JSON for readers: with their names, and without what only machines on this side need."""

from __future__ import annotations

from typing import Any

import msgspec

from kaizenml.core.alert import Alert
from kaizenml.core.declaration import Declaration
from kaizenml.core.model import ModelVersion
from kaizenml.core.ports import Books
from kaizenml.core.release import Release
from kaizenml.core.rollout import Rollout
from kaizenml.core.run import Run
from kaizenml.core.snapshot import Snapshot

View = dict[str, Any]
#: How many windows an endpoint's view shows.
WINDOWS = 48


def plain(value: object) -> Any:
    """Return the value as JSON would have it."""
    return msgspec.to_builtins(value)


def named(value: Release | ModelVersion | Snapshot) -> View:
    """Return the value under the name that people call it by."""
    return {"name": value.name, **plain(value)}


def run_line(run: Run) -> View:
    """Return a run for a list: without its list of packages, steps and checks."""
    left_out = ("environment", "steps", "verdict", "baselines")
    return {key: value for key, value in plain(run).items() if key not in left_out}


def project(declared: Declaration, books: Books) -> View:
    """Return a project: what it declares, and what is newest of it."""
    view = {key: value for key, value in plain(declared).items() if key != "folder"}
    runs = books.runs.newest(declared.project, limit=1)
    releases = books.releases.newest(declared.project, limit=1)
    endpoint = books.endpoints.find(declared.project)
    return view | {
        "run": run_line(runs[0]) if runs else None,
        "release": named(releases[0]) if releases else None,
        "champion": endpoint.champion if endpoint else None,
    }


def rollout(value: Rollout) -> View:
    """Return a rollout with the share of traffic that its challenger has."""
    return {**plain(value), "share": value.share()}


def endpoint(name: str, books: Books) -> View:
    """Return an endpoint with its rollouts, its newest windows and its open alerts."""
    return {
        **plain(books.endpoints.get(name)),
        "rollouts": [rollout(one) for one in books.endpoints.rollouts(name, limit=20)],
        "windows": list(books.notes.last("window", f"{name}/", limit=WINDOWS).values()),
        "alerts": [alert(one) for one in books.alerts.unresolved(name)],
    }


def alert(value: Alert) -> View:
    """Return an alert."""
    return {**plain(value), "is_open": value.is_open}


def without_folder(value: object) -> object:
    """Return what a job has become as JSON, but not where on this machine its project lies."""
    if not isinstance(value, dict) or not isinstance(value.get("facts"), dict):
        return value
    return {**value, "facts": {name: fact for name, fact in value["facts"].items() if name != "folder"}}
