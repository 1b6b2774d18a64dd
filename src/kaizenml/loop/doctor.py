"""`kaizen doctor`: all that a home remembers is looked at, and what is wrong is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from kaizenml.core.digest import Digest
from kaizenml.core.garbage import digests_in
from kaizenml.core.lineage import links_of
from kaizenml.core.log_head import ForeignHeadError
from kaizenml.core.mlflow.filter import Question
from kaizenml.core.ports import Books
from kaizenml.core.registry_soundness import Listed, registry_faults
from kaizenml.core.soundness import Area, Fault, Held, disagreements, from_the_future, gravest_first
from kaizenml.errors import IntegrityError, KaizenError, NotFoundError
from kaizenml.loop import auditing
from kaizenml.loop.log_heads import check_remembered
from kaizenml.loop.needing import Need, needs
from kaizenml.loop.settings import Settings
from kaizenml.loop.versioning import kept_versions
from kaizenml.loop.wiring import House, Say, damaged_before, database_fault, open_house, unsound_tables

_ALL = 1_000_000
_LEAST_FREE_BYTES = 1_000_000_000
_BACKUP = "Restore it from a backup: `kaizen restore`."


def examine(of: Settings, *, is_quick: bool, say: Say) -> list[Fault]:
    """Return everything that is wrong with a home, the gravest first; nothing when it is sound.

    Nothing is changed, but that a damaged blob goes into quarantine, as whenever one is read.

    Parameters
    ----------
    is_quick
        Whether the content of blobs and tables is left unread: names and sizes alone are looked at then.
    """
    fault = database_fault(of)
    if fault is not None:
        return [fault]
    house = open_house(of)
    looks: dict[str, Callable[[House], Iterable[Fault]]] = {
        "events": _events,
        "records": _records,
        "lineage": _lineage,
        "home": _home,
        "blobs": lambda house: _blobs(house, is_quick=is_quick),
        "tables": lambda house: _tables(house, is_quick=is_quick),
    }
    found: list[Fault] = []
    for name, look in looks.items():
        faults = list(_whatever_happens(Area(name), look, house))
        say(f"{name}: {len(faults)} faults" if faults else f"{name}: sound")
        found += faults
    return gravest_first(found)


def _whatever_happens(area: Area, look: Callable[[House], Iterable[Fault]], house: House) -> Iterator[Fault]:
    """Return what a look finds; what ends it is a fault as well, and does not keep others from being found."""
    try:
        yield from look(house)
    except KaizenError as error:
        yield Fault(area, str(area), error.message, error.hint)
    except Exception as error:
        yield Fault(area, str(area), f"It cannot be read: {type(error).__name__}: {error}"[:500], _BACKUP)


def _events(house: House) -> Iterator[Fault]:
    with house.records.reading() as books:
        newest = books.events.newest(limit=1)
        if newest and (fault := from_the_future(newest[0].at, house.clock.now())):
            yield fault
        try:
            auditing.verified(books)
        except IntegrityError as error:
            yield Fault(Area.EVENTS, "log", error.message, error.hint or _BACKUP)
        try:
            check_remembered(books, house)
        except IntegrityError as error:
            is_cut = not isinstance(error, ForeignHeadError)
            yield Fault(Area.EVENTS, "log", error.message, error.hint, is_grave=is_cut)


def _records(house: House) -> Iterator[Fault]:
    lost = not house.has_key()
    with house.records.reading() as books:
        held, listed = _held(books), _listed(books)
    sealed = [each.name for each in held.releases.values() if each.approvals]
    if lost and sealed:
        yield Fault(
            Area.HOME,
            "key",
            f"The key is gone with which {len(sealed)} releases were approved, such as {sealed[0]}.",
            "Bring `key` back into the home, from a backup; without it none of these approvals count.",
        )
    yield from disagreements(held, house.clock.now(), None if lost else house.key)
    yield from registry_faults(listed)


def _held(books: Books) -> Held:
    runs = {each.id: each for each in books.runs.newest(limit=_ALL)}
    endpoints = {each.name: each for each in books.endpoints.all()}
    projects = {each.project for each in runs.values()} | {each.project for each in books.declarations.all()}
    return Held(
        runs=runs,
        snapshots={each.name: each for name in projects for each in books.snapshots.newest(name, limit=_ALL)},
        models={each.name: each for each in books.models.newest(limit=_ALL)},
        releases={each.name: each for each in books.releases.newest(limit=_ALL)},
        endpoints=endpoints,
        rollouts={each.id: each for name in endpoints for each in books.endpoints.rollouts(name, limit=_ALL)},
        jobs={each.id: each for each in books.jobs.newest(limit=_ALL)},
    )


def _listed(books: Books) -> Listed:
    versions = books.registry.versions(Question(), limit=_ALL)
    names = {each.model for each in versions} | {each.name for each in books.registry.models(Question(), limit=_ALL)}
    models = {name: model for name in names if (model := books.registry.find(name)) and not model.is_deleted}
    return Listed(
        models,
        {each.name: each for each in versions},
        [each.name for each in books.models.newest(limit=_ALL)],
        {each.id for each in books.runs.newest(limit=_ALL)},
        {each.name: each for each in books.endpoints.all()},
        {each.name: each for each in books.releases.newest(limit=_ALL)},
    )


def _lineage(house: House) -> Iterator[Fault]:
    with house.records.reading() as books:
        held = _held(books)
        books_of = (held.snapshots, held.runs, held.models, held.releases, held.endpoints, held.rollouts)
        links = [link for book in books_of for value in book.values() for link in links_of(value)]
        for link in books.lineage.missing(links):
            yield Fault(
                Area.LINEAGE,
                str(link.child),
                f"The link is gone that {link.parent} {link.relation} {link.child}.",
                _BACKUP,
            )


def _blobs(house: House, *, is_quick: bool) -> Iterator[Fault]:
    with house.records.reading() as books:
        needed: dict[Digest, list[Need]] = {}
        for need in needs(books):
            needed.setdefault(need.digest, []).append(need)
    for need in [] if is_quick else _blocks(house, needed):
        needed.setdefault(need.digest, []).append(need)
    there = {each.digest for each in house.blobs.listed()}
    quarantined = damaged_before(house.settings)
    for digest in sorted(there):
        if not is_quick and not _is_whole(house, digest):
            yield _blob_fault(digest, "is damaged, and in quarantine now", needed.pop(digest, []))
    for digest in sorted(needed.keys() - there):
        said = "was damaged, and is in quarantine" if digest in quarantined else "is gone"
        yield _blob_fault(digest, said, needed[digest])
    for digest in sorted(quarantined - needed.keys()):
        if digest not in there:
            yield Fault(
                Area.BLOBS,
                digest,
                "A blob that no record needs was damaged; it is in quarantine.",
                "Look why: the disk? Then delete it from `blobs/quarantine`.",
                is_grave=False,
            )


def _blocks(house: House, needed: Mapping[Digest, list[Need]]) -> list[Need]:
    """Return the blobs with the tasks themselves of the decks among what is needed; a damaged list names none."""
    found = []
    for digest, needs_ in needed.items():
        by = [need for need in needs_ if need.by.startswith("queue:")]
        if by and _is_whole(house, digest):
            inside = digests_in(house.blobs.get(digest))
            found += [Need(by[0].by, f"a block of the {by[0].what}", each) for each in sorted(inside)]
    return found


def _blob_fault(digest: str, said: str, needed: list[Need]) -> Fault:
    first = f"It is the {needed[0].what!r} of {needed[0].by}" if needed else "No record needs it"
    more = f", and {len(needed) - 1} more need it" if len(needed) > 1 else ""
    return Fault(Area.BLOBS, digest, f"The blob {said}. {first}{more}.", _BACKUP, is_grave=bool(needed))


def _is_whole(house: House, digest: Digest) -> bool:
    try:
        chunks = house.blobs.open(digest)
        next(chunks)
        chunks.close()
    except (IntegrityError, NotFoundError):
        return False
    return True


def _tables(house: House, *, is_quick: bool) -> Iterator[Fault]:
    with house.records.reading() as books:
        keep, held = kept_versions(books), _held(books)
    for table, said in unsound_tables(house.settings, keep, is_quick=is_quick):
        yield Fault(Area.TABLES, table, said, _BACKUP)
    for table, versions in keep.items():
        last = house.tables.version(table)
        for version in sorted(each for each in versions if last is None or each > last):
            there = "which is not there" if last is None else f"whose newest version is {last}"
            yield Fault(
                Area.TABLES, _pinner(held, table, version), f"It pins version {version} of {table}, {there}.", _BACKUP
            )


def _pinner(held: Held, table: str, version: int) -> str:
    pinning = (
        each for each in held.snapshots.values() if {each.table: each.version, **each.pins}.get(table) == version
    )
    return f"snapshot:{next(pinning).name}"


def _home(house: House) -> Iterator[Fault]:
    home = house.settings.home
    key = home / "key"
    if key.exists() and key.stat().st_mode & 0o077:
        yield Fault(Area.HOME, "key", "Others than its owner may read the key.", f"chmod 600 {key}")
    unreadable = home / "journals-unreadable"
    for folder in sorted(unreadable.iterdir()) if unreadable.is_dir() else ():
        yield Fault(
            Area.HOME,
            folder.name,
            "The journal of this run could not be understood, and was put aside.",
            f"What it logged is in {folder} alone; report it, or delete it.",
        )
    for place in _disks(house.settings):
        free = shutil.disk_usage(place).free
        if free < _LEAST_FREE_BYTES:
            yield Fault(
                Area.HOME,
                str(place),
                f"Its disk has {free / 1e6:.0f} MB left.",
                "Make room: `kaizen gc`.",
                is_grave=False,
            )


def _disks(of: Settings) -> list[Path]:
    return [of.home, *([of.store] if isinstance(of.store, Path) and of.store.is_dir() and of.store != of.home else [])]
