"""A small project trained once, and houses that know of it and of nothing else."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from loop_projects import house, run_in, write

from kaizenml.core.event import Draft
from kaizenml.core.release import Release
from kaizenml.loop.wiring import House, open_house


@cache
def _trained(folder: Path) -> tuple[House, Release]:
    here = house(write(folder / "shop", ""))
    run_in(folder / "shop")
    with here.records.reading() as books:
        return here, books.releases.get("shop/1")


def trained_shop(database: str = "sqlite:///:memory:") -> tuple[Release, House]:
    """Return the project's one release, and a new house with its run, model and data, where it is not released yet."""
    trained, release = _trained(_FOLDER)
    fresh = open_house(replace(trained.settings, database=database))
    with trained.records.reading() as known, fresh.records.writing() as books:
        books.declarations.save(known.declarations.get("shop"))
        books.runs.save(known.runs.get(release.run))
        books.models.add(known.models.get(release.model_version))
        first = known.events.after(limit=1)[0]
        told = Draft(first.project, first.actor, first.kind, first.subject, facts=first.facts)
        books.events.append(told, first.at)
    return release, fresh


_FOLDER = Path(tempfile.mkdtemp(prefix="trained-shop-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
