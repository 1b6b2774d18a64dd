"""How a release reaches its users, and how it is taken back: endpoints, rollouts, routes.

State first, then traffic: what should be served is written in the records with its event; the routes file for the data
plane is derived from that, again and again, so that a crash between the two is mended by the next look.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from kaizenml.core.digest import Digest
from kaizenml.core.endpoint import Endpoint, Route, Routes, Served
from kaizenml.core.event import Draft, Event, Kind
from kaizenml.core.ports import Books
from kaizenml.core.release import Release, ReleaseState, check_sendable, is_approved, moved
from kaizenml.core.rollout import Phase, Rollout, started, started_in_shadow
from kaizenml.errors import ConflictError, StateError
from kaizenml.loop.aliases import follow
from kaizenml.loop.wiring import House

SYSTEM = "system:controller"
#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(Routes), msgspec.json.Decoder(Served))


def ship(
    books: Books,
    house: House,
    name: str,
    by: str,
    *,
    canary: tuple[int, ...] | None = None,
    in_shadow: bool = False,
    cause: int | None = None,
) -> Endpoint:
    """Send a packaged release out: at once where nothing serves yet, else step by step beside the champion.

    Raises
    ------
    StateError
        When the release is not packaged, or another rollout is under way.
    ApprovalError
        When its approvals do not count any more.
    """
    release = books.releases.get(name)
    check_sendable(release, house.clock.now(), house.key)
    endpoint = books.endpoints.find(release.project)
    cause = cause if cause is not None else _packaged_by(books, name)
    if endpoint is None:
        return _open(books, house, release, by, cause=cause)
    if endpoint.rollout:
        raise StateError(
            f"Endpoint {endpoint.name} is in rollout {endpoint.rollout} already.", "Wait for its end, or roll it back."
        )
    steps = canary or books.declarations.get(release.project).delivery.canary
    return _roll_out(books, house, endpoint, release, by, steps, in_shadow=in_shadow, cause=cause)


def _open(books: Books, house: House, release: Release, by: str, *, cause: int | None) -> Endpoint:
    now, data_now = house.clock.now(), house.data_now(books)
    endpoint = Endpoint(
        release.project, release.project, release.name, changed_at=now, champion_since=now, champion_since_data=data_now
    )
    books.endpoints.save(endpoint, seen=0)
    books.releases.move(moved(release, ReleaseState.LIVE), seen=release.state)
    facts = {"release": release.name, "before": ""}
    event = tell(books, house, endpoint, by, Kind.CHAMPION_CHANGED, cause, facts)
    follow(books, now, release, by, cause=event.id)
    return endpoint


def _roll_out(
    books: Books,
    house: House,
    endpoint: Endpoint,
    release: Release,
    by: str,
    steps: tuple[int, ...],
    *,
    in_shadow: bool,
    cause: int | None,
) -> Endpoint:
    number = len(books.endpoints.rollouts(endpoint.name, limit=10_000)) + 1
    facts: dict[str, object] = {"release": release.name, "champion": endpoint.champion, "steps": list(steps)}
    event = tell(books, house, endpoint, by, Kind.ROLLOUT_STARTED, cause, facts)
    rollout = started(
        f"{endpoint.name}-{number}",
        endpoint.name,
        champion=endpoint.champion,
        challenger=release.name,
        steps=steps,
        at=house.data_now(books),
        cause=event.id,
    )
    books.endpoints.save_rollout(started_in_shadow(rollout) if in_shadow else rollout)
    return _changed(books, house, endpoint, rollout=rollout.id)


def advance(books: Books, house: House, rollout: Rollout, reason: str) -> Rollout:
    """Take a rollout one step further; at the last step the challenger becomes champion."""
    endpoint = books.endpoints.get(rollout.endpoint)
    after = rollout.advanced(house.data_now(books))
    books.endpoints.save_rollout(after)
    facts = {"release": rollout.challenger, "share": after.share(), "evidence": reason}
    event = tell(books, house, endpoint, SYSTEM, Kind.ROLLOUT_STEP, rollout.cause, facts)
    if after.state is Phase.FULL:
        _crown(books, house, endpoint, after, cause=event.id)
    else:
        _changed(books, house, endpoint)
    return after


def abort(books: Books, house: House, rollout: Rollout, reason: str, *, by: str = SYSTEM) -> Rollout:
    """Take a rollout back: the champion gets all traffic again."""
    endpoint = books.endpoints.get(rollout.endpoint)
    after = rollout.aborted(reason, house.data_now(books))
    books.endpoints.save_rollout(after)
    release = books.releases.get(rollout.challenger)
    books.releases.move(moved(release, ReleaseState.ROLLED_BACK), seen=release.state)
    facts = {"release": rollout.challenger, "because": reason, "max_share": after.max_share}
    event = tell(books, house, endpoint, by, Kind.ROLLOUT_ABORTED, rollout.cause, facts)
    _changed(books, house, endpoint, rollout="")
    restoring = {"event": event.id, "release": rollout.challenger, "at": house.clock.now().isoformat(),
                 "max_share": after.max_share, "because": reason}  # fmt: skip
    books.notes.put("restoring", endpoint.name, restoring)
    return after


def roll_back(books: Books, house: House, name: str, by: str) -> Endpoint:
    """Give an endpoint back to the release before: the running rollout is aborted, or the champion replaced.

    Raises
    ------
    StateError
        When there is nothing to go back to.
    """
    endpoint = books.endpoints.get(name)
    if endpoint.rollout:
        abort(books, house, books.endpoints.rollout(endpoint.rollout), f"{by} rolled it back.", by=by)
        return books.endpoints.get(name)
    if not endpoint.previous:
        raise StateError(f"Endpoint {name} has served nothing but {endpoint.champion}.", "Ship another release.")
    bad, good = books.releases.get(endpoint.champion), books.releases.get(endpoint.previous)
    books.releases.move(moved(bad, ReleaseState.ROLLED_BACK), seen=bad.state)
    books.releases.move(moved(good, ReleaseState.LIVE), seen=good.state)
    event = tell(books, house, endpoint, by, Kind.CHAMPION_CHANGED, None, {"release": good.name, "before": bad.name})
    follow(books, house.clock.now(), good, by, cause=event.id)
    restoring = {"event": event.id, "release": bad.name, "at": house.clock.now().isoformat(),
                 "max_share": 1.0, "because": f"{by} rolled it back."}  # fmt: skip
    books.notes.put("restoring", name, restoring)
    return _changed(books, house, endpoint, champion=good.name, previous="")


def _crown(books: Books, house: House, endpoint: Endpoint, rollout: Rollout, *, cause: int) -> None:
    new, old = books.releases.get(rollout.challenger), books.releases.get(endpoint.champion)
    books.releases.move(moved(new, ReleaseState.LIVE), seen=new.state)
    books.releases.move(moved(old, ReleaseState.RETIRED), seen=old.state)
    facts = {"release": new.name, "before": old.name}
    done = tell(books, house, endpoint, SYSTEM, Kind.ROLLOUT_FINISHED, cause, facts)
    event = tell(books, house, endpoint, SYSTEM, Kind.CHAMPION_CHANGED, done.id, facts)
    follow(books, house.clock.now(), new, SYSTEM, cause=event.id)
    _changed(books, house, endpoint, champion=new.name, previous=old.name, rollout="")


def _changed(
    books: Books,
    house: House,
    endpoint: Endpoint,
    *,
    champion: str | None = None,
    previous: str | None = None,
    rollout: str | None = None,
) -> Endpoint:
    now, data_now = house.clock.now(), house.data_now(books)
    after = replace(
        endpoint,
        champion=endpoint.champion if champion is None else champion,
        previous=endpoint.previous if previous is None else previous,
        rollout=endpoint.rollout if rollout is None else rollout,
        generation=endpoint.generation + 1,
        changed_at=now,
        champion_since=now if champion else endpoint.champion_since,
        champion_since_data=data_now if champion else endpoint.champion_since_data,
    )
    books.endpoints.save(after, seen=endpoint.generation)
    return after


def wanted(books: Books) -> tuple[tuple[Route, ...], dict[str, Digest]]:
    """Return the routes that the records ask for, and the bundle of every release in them."""
    routes = tuple(_route(books, endpoint) for endpoint in books.endpoints.all())
    names = {name for route in routes for name in (route.champion, route.challenger, *route.warm) if name}
    bundles = {name: books.models.get(books.releases.get(name).model_version).bundle for name in sorted(names)}
    return routes, bundles


def _route(books: Books, endpoint: Endpoint) -> Route:
    warm = (endpoint.previous,) if endpoint.previous else ()
    if not endpoint.rollout:
        return Route(endpoint.name, endpoint.champion, warm=warm)
    rollout = books.endpoints.rollout(endpoint.rollout)
    return Route(endpoint.name, endpoint.champion, rollout.challenger, rollout.share(), is_shadowed=True, warm=warm)


def publish(house: House) -> Routes:
    """Write the routes file that the data plane follows, if what is wanted has changed; return what stands in it."""
    path = house.settings.serving / "routes.json"
    now = published(path)
    with house.records.reading() as books:
        routes, bundles = wanted(books)
    if now is not None and now.routes == routes and dict(now.bundles or {}) == bundles:
        return now
    after = Routes((now.generation if now else 0) + 1, routes, bundles)
    write_durably(path, msgspec.json.encode(after))
    return after


def published(path: Path) -> Routes | None:
    """Return what stands in a routes file; None when there is none."""
    return msgspec.json.decode(path.read_bytes(), type=Routes) if path.exists() else None


def served(house: House) -> Served | None:
    """Return what the data plane last said of itself; None when it has said nothing yet."""
    path = house.settings.serving / "status.json"
    return msgspec.json.decode(path.read_bytes(), type=Served) if path.exists() else None


def restored(house: House, routes: Routes, status: Served | None) -> None:
    """Tell of every rollback whose traffic is back, once the data plane follows the routes that say so."""
    if status is None or status.generation < routes.generation:
        return
    with house.records.reading() as books:
        waiting = {name: note for name, note in books.notes.all("restoring").items() if note}
    if not waiting:
        return
    with house.records.writing() as books:
        for name, note in books.notes.all("restoring").items():
            if isinstance(note, dict):
                _tell_restored(books, house, name, note)


def _tell_restored(books: Books, house: House, name: str, note: dict[str, object]) -> None:
    now = house.clock.now()
    begun = books.events.get(int(str(note["event"]))).at
    facts = {
        "release": note["release"],
        "because": note["because"],
        "max_share": note["max_share"],
        "seconds_to_restore": (now - begun).total_seconds(),
    }
    endpoint = books.endpoints.get(name)
    tell(books, house, endpoint, SYSTEM, Kind.ROLLBACK_FINISHED, int(str(note["event"])), facts)
    books.notes.put("restoring", name, None)


def ship_what_is_ready(house: House) -> None:
    """Send out the newest packaged release of every project that asks for it, where nothing is under way."""
    with house.records.reading() as books:
        declared = [each.project for each in books.declarations.all() if each.delivery.is_automatic]
        ready = [name for project in declared if (name := _ready(books, house, project))]
    for name in ready:
        try:
            with house.records.writing() as books:
                ship(books, house, name, SYSTEM)
        except (StateError, ConflictError):
            continue  # somebody else has just shipped or declined it; the next look sees


def _ready(books: Books, house: House, project: str) -> str:
    endpoint = books.endpoints.find(project)
    if endpoint is not None and endpoint.rollout:
        return ""
    champion = books.releases.get(endpoint.champion).number if endpoint else 0
    packaged = [each for each in books.releases.newest(project) if each.state is ReleaseState.PACKAGED]
    newer = [each for each in packaged if each.number > champion]
    is_ready = bool(newer) and is_approved(newer[0], house.clock.now(), house.key)
    return newer[0].name if is_ready else ""


def refuse_unloadable(house: House, status: Served | None) -> None:
    """Abort every rollout whose challenger the data plane could not load."""
    for name, reason in (status.refused if status else {}).items():
        with house.records.writing() as books:
            for endpoint in books.endpoints.all():
                rollout = books.endpoints.rollout(endpoint.rollout) if endpoint.rollout else None
                if rollout is not None and rollout.challenger == name:
                    abort(books, house, rollout, f"The data plane could not load {name}: {reason}")


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file as a whole: after a crash it is the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def tell(
    books: Books,
    house: House,
    endpoint: Endpoint,
    actor: str,
    kind: Kind,
    cause: int | None,
    facts: Mapping[str, object],
) -> Event:
    """Write an event about an endpoint."""
    draft = Draft(endpoint.project, actor, kind, f"endpoint:{endpoint.name}", cause, house.data_at(books), facts)
    return books.events.append(draft, house.clock.now())


def _packaged_by(books: Books, name: str) -> int | None:
    found = books.events.find(Kind.RELEASE_PACKAGED, f"release:{name}")
    return found[-1].id if found else None
