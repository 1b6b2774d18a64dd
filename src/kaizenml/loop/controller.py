"""The controller: compares what is with what is wanted, again and again, and closes the gap.

It decides and writes; it loads no model and runs no step. Every look can be repeated: a second one right after the
first changes nothing.
"""

from __future__ import annotations

import threading
import time
import traceback
from pathlib import Path
from typing import Any

from kaizenml.core.endpoint import Routes, Served
from kaizenml.core.job import Job, Work
from kaizenml.core.ports import Books
from kaizenml.loop import accounts, alive, delivering, releasing, syncing
from kaizenml.loop.freeing import free_lost_jobs
from kaizenml.loop.log_heads import remember_head
from kaizenml.loop.ordering import queue_look, wants_look
from kaizenml.loop.telling_damage import tell_damage
from kaizenml.loop.windows import is_due
from kaizenml.loop.wiring import House, Say

TICK_SECONDS = 0.03
#: How often it looks although nothing has changed: leases run out, windows end.
LOOK_SECONDS = 0.5
#: Of looks and watches that are over so many jobs are kept; the event log tells of what they found.
MOST_ENDED = 1_000
#: How long the log may wait to be collected while no window ends.
COLLECT_SECONDS = 5.0


def control(house: House, say: Say, *, stop: threading.Event) -> None:
    """Reconcile until told to stop: when something has changed, and now and then all the same.

    An error is told, and the next look tries again.
    """
    seen: tuple[int, ...] = ()
    looked = 0.0
    while not stop.wait(TICK_SECONDS):
        mark = house.mark()
        if mark == seen and time.monotonic() - looked < LOOK_SECONDS:
            continue
        seen, looked = mark, time.monotonic()
        try:
            reconcile(house)
        except Exception:
            say(f"controller: {traceback.format_exc(limit=-3)}")
            stop.wait(1.0)


def reconcile(house: House) -> None:
    """Look once: free lost jobs, send out what is ready, publish routes, queue what monitors and sources are due."""
    with house.records.reading() as books:
        has_jobs = bool(books.jobs.unfinished())
    if has_jobs:
        with house.records.writing() as books:
            free_lost_jobs(books, house)
    syncing.pick_up(house)
    alive.end_lost(house)
    tell_damage(house)
    releasing.package_what_was_left(house)
    delivering.ship_what_is_ready(house)
    delivering.refuse_unloadable(house, delivering.served(house))
    routes = delivering.publish(house)
    accounts.publish(house)
    delivering.restored(house, routes, delivering.served(house))
    _queue_watches(house)
    _queue_looks(house)
    remember_head(house)


def _queue_looks(house: House) -> None:
    with house.records.reading() as books:
        due = [declared for declared in books.declarations.all() if wants_look(books, house, declared)]
    for declared in due:
        with house.records.writing() as books:
            if wants_look(books, house, declared):
                queue_look(books, house, declared)
                books.jobs.clear(Work.LOOK, keep=MOST_ENDED)


def _queue_watches(house: House) -> None:
    with house.records.reading() as books:
        due = [endpoint.name for endpoint in books.endpoints.all() if _wants_watch(books, house, endpoint.name)]
    for name in due:
        with house.records.writing() as books:
            if not _is_watched(books, name):
                _queue_watch(books, house, name)
                books.jobs.clear(Work.WATCH, keep=MOST_ENDED)


def _queue_watch(books: Books, house: House, name: str) -> Job:
    now = house.clock.now()
    stamp = f"{now:%Y%m%d-%H%M%S-%f}"
    endpoint = books.endpoints.get(name)
    job = Job(f"watch-{name}-{stamp}", f"watch/{name}/{stamp}", endpoint.project, Work.WATCH, {"endpoint": name}, now)
    return books.jobs.enqueue(job)


def _wants_watch(books: Books, house: House, name: str) -> bool:
    if _is_watched(books, name):
        return False
    return is_due(books, house, books.endpoints.get(name)) or _has_waiting_segments(house)


def _is_watched(books: Books, name: str) -> bool:
    return any(job.work is Work.WATCH and job.facts.get("endpoint") == name for job in books.jobs.unfinished())


def _has_waiting_segments(house: House) -> bool:
    """Say whether a part of the log has waited for long enough to be collected without a window's end."""
    folder = house.settings.serving / "log"
    return folder.exists() and any(_age_seconds(path) > COLLECT_SECONDS for path in folder.glob("*.ndjson"))


def _age_seconds(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # collected just now


def state(house: House) -> dict[str, Any]:
    """Return where the loop stands: what is under way, and whether everything that is due has been done."""
    status = delivering.served(house)
    routes = delivering.published(house.settings.serving / "routes.json")
    with house.records.reading() as books:
        jobs = books.jobs.unfinished()
        endpoints = books.endpoints.all()
        is_watched = not any(_wants_watch(books, house, endpoint.name) for endpoint in endpoints)
        is_followed = _is_followed(books, routes, status)
        now = house.data_now(books)
    return {
        "data_now": now.isoformat(),
        "jobs": [{"id": job.id, "work": job.work, "state": job.state} for job in jobs],
        "endpoints": {each.name: {"champion": each.champion, "rollout": each.rollout} for each in endpoints},
        "routes": {"generation": routes.generation if routes else 0, "is_followed": is_followed},
        "is_idle": not jobs and is_watched and is_followed,
    }


def _is_followed(books: Books, routes: Routes | None, status: Served | None) -> bool:
    wanted, bundles = delivering.wanted(books)
    if routes is None or routes.routes != wanted or dict(routes.bundles or {}) != bundles:
        return not wanted
    return status is not None and status.generation >= routes.generation
