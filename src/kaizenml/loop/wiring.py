"""The only file that knows adapters and reads settings: what the loop is wired to."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaizenml.core.backup import Arrived, Manifest
from kaizenml.core.digest import Digest
from kaizenml.core.mlflow import hooks
from kaizenml.core.mlflow.origin import Origin, Trouble
from kaizenml.core.person import Provider
from kaizenml.core.place import Bucket, place_of
from kaizenml.core.ports import Blobs, Books, Clock, Notifier, Records, Tables
from kaizenml.core.room import Room
from kaizenml.core.soundness import Area, Fault
from kaizenml.core.subscription import Channel
from kaizenml.core.task import StepCache
from kaizenml.errors import KaizenError, SettingError, StateError, UsageError
from kaizenml.loop.settings import Settings, settings

if TYPE_CHECKING:
    from kaizenml.adapters.delta_bucket import BucketTables
    from kaizenml.adapters.delta_place import FolderTables
    from kaizenml.adapters.pool_runner import PoolRunner
    from kaizenml.adapters.ray_runner import RayRunner

#: Tells a person, in a line, what is being done.
Say = Callable[[str], None]


@dataclass(frozen=True)
class House:
    """Everything that a process of the loop works with."""

    settings: Settings
    records: Records
    blobs: Blobs
    open_tables: Callable[[], Tables]
    clock: Clock

    @cached_property
    def tables(self) -> Tables:
        """The versioned rows; opened when they are first asked for, since most commands never look at one."""
        return self.open_tables()

    @property
    def key(self) -> bytes:
        """What approvals are sealed with: the setting, or else a secret that this home keeps."""
        from kaizenml.adapters.durable import kept_secret

        return self.settings.key.encode() or kept_secret(self.settings.home / "key")

    def has_key(self) -> bool:
        """Say whether there is one yet, without making it."""
        return bool(self.settings.key) or (self.settings.home / "key").exists()

    def data_now(self, books: Books) -> datetime:
        """Return the time on the data's clock: the wall's, or for a replay the time that was reached so far."""
        return self.data_at(books) or self.clock.now()

    def mark(self) -> tuple[int, ...]:
        """Return numbers that change when the records, the data plane's status or its log have changed.

        Looking at a few files is a hundred times cheaper than asking the records, so that whoever waits for something
        to happen can look often.
        """
        serving = self.settings.serving
        watched = (serving / "status.json", serving / "routes.json", serving / "log")
        return (*self.records.mark(), *(number for path in watched for number in _changed(path)))

    def data_at(self, books: Books) -> datetime | None:
        """Return the time on the data's clock as events carry it; None for a replay that has not begun."""
        if not self.settings.is_replay:
            return self.clock.now()
        reached = books.notes.get("clock", "data")
        return datetime.fromisoformat(str(reached)) if reached else None


def _changed(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def read_settings(folder: Path, flags: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the project in a folder, from `kaizen.toml`, the environment and flags."""
    return settings(folder, os.environ, flags)


def open_house(of: Settings) -> House:
    """Open what the settings name; folders and tables that are not there yet are made."""
    from kaizenml.adapters.clock import SystemClock
    from kaizenml.adapters.sql import open_records

    of.home.mkdir(parents=True, exist_ok=True)
    return House(
        settings=of,
        records=open_records(of.database),
        blobs=open_blobs(of),
        open_tables=lambda: _open_tables(of),
        clock=SystemClock(),
    )


def open_provider(of: Settings) -> Provider | None:
    """Open the identity provider that people sign in with; None where nobody does.

    Raises
    ------
    SettingError
        When the library is missing that checks what it says.
    """
    if of.sign_in is None:
        return None
    try:
        from kaizenml.adapters.oidc import Oidc
    except ImportError as error:
        raise SettingError("People can only sign in with joserfc.", "Run `pip install 'kaizenml[oidc]'`.") from error
    return Oidc(of.sign_in.issuer, of.sign_in.client, of.sign_in.secret)


def _open_tables(of: Settings) -> Tables:
    from kaizenml.adapters.tables import DeltaTables

    return DeltaTables(_tables_at(of.store, of.home))


def copy_records(of: Settings, url: str, told: Callable[[str, int], None]) -> dict[str, tuple[int, str]]:
    """Copy all metadata to another, empty database; return for each table its rows and their digest."""
    from kaizenml.adapters.sql import open_records
    from kaizenml.adapters.sql.copying import copy

    with closing(open_records(of.database)) as source, closing(open_records(url)) as target:
        return {name: (each.rows, each.digest) for name, each in copy(source, target, told).items()}


def copy_store(of: Settings, url: str, say: Say) -> tuple[Arrived, dict[str, Arrived]]:
    """Copy all blobs and tables to another store; return what is there then: of all blobs, and of each table."""
    from kaizenml.adapters.leftovers import nothing_cleared
    from kaizenml.adapters.store_copy import Store, copy_store

    named = place_of(url)
    place = named if isinstance(named, Bucket) else named.resolve()
    if place == of.store:
        raise UsageError(f"{url} is where this project keeps its blobs and tables.", "Name another place.")
    here, there = (Store(_open_blobs(each), _tables_at(each, of.home)) for each in (of.store, place))
    with nothing_cleared(of.home if isinstance(of.store, Bucket) else of.store):
        return copy_store(here, there, say)


def _tables_at(place: Path | Bucket, home: Path) -> BucketTables | FolderTables:
    if isinstance(place, Bucket):
        from kaizenml.adapters.delta_bucket import BucketTables

        return BucketTables(place.at("tables"), home / "compacting")
    from kaizenml.adapters.delta_place import FolderTables

    return FolderTables(place / "tables")


def back_up(of: Settings, target: Path, now: datetime, say: Say) -> Manifest:
    """Copy a home to a new folder while others write to it; return what is in the copy."""
    from kaizenml._version import __version__
    from kaizenml.adapters.backup import Origin, back_up

    if isinstance(of.store, Bucket):
        raise StateError(
            f"Tables and blobs are at {of.store.url}, which `kaizen backup` does not copy.",
            "Copy them to a folder first: `kaizen migrate --to file:///PATH`. Or let the bucket keep versions.",
        )
    origin = Origin(of.home, of.store, of.database)
    return back_up(origin, target, made_at=now.isoformat(), version=__version__, say=say)


def restore(source: Path, home: Path, check: Callable[[Books], object], say: Say) -> Manifest:
    """Make a home of a backup, once its books have passed a check; return what is in it."""
    from kaizenml.adapters.restore import restore
    from kaizenml.adapters.sql import open_records

    def opened(url: str) -> None:
        with closing(open_records(url)) as records, records.reading() as books:
            check(books)

    return restore(source, home, check=opened, say=say)


@contextmanager
def open_origin(place: str, files: Path | None) -> Iterator[tuple[Origin, Callable[[], list[Trouble]]]]:
    """Open another store of MLflow's to be read; give it, and what tells of what could not be read since."""
    from kaizenml.adapters.origins.opening import open_origin
    from kaizenml.adapters.origins.words import Troubles

    troubles = Troubles()
    with closing(open_origin(place, files, os.environ, troubles)) as origin:
        yield origin, troubles.taken


def database_fault(of: Settings) -> Fault | None:
    """Return what keeps the metadata from being read; None when they can be."""
    from kaizenml.adapters.sql.soundness import check_database

    try:
        check_database(of.database)
    except KaizenError as error:
        return Fault(Area.DATABASE, "database", error.message, error.hint)
    return None


def damaged_before(of: Settings) -> set[Digest]:
    """Return the blobs that were found damaged, and lie in the quarantine of a folder."""
    folder = _store_folders(of)[0] / "quarantine" if _store_folders(of) else of.home / "blobs/quarantine"
    return {Digest(path.name[:64]) for path in folder.iterdir()} if folder.is_dir() else set()


def unsound_tables(of: Settings, keep: Mapping[str, Collection[int]], *, is_quick: bool) -> Iterator[tuple[str, str]]:
    """Return the tables in which something is wrong, each with what is."""
    from kaizenml.adapters.delta_soundness import unsound_tables

    return unsound_tables(_tables_at(of.store, of.home), keep, is_quick=is_quick)


def clearing(of: Settings) -> AbstractContextManager[None]:
    """Be the only one that deletes from the store, while nobody copies it; `StateError` when somebody does."""
    from kaizenml.adapters.leftovers import clearing

    return clearing(of.home if isinstance(of.store, Bucket) else of.store)


def on_the_way(of: Settings) -> Iterator[Iterator[bytes]]:
    """Return every file of the home that is neither records, blobs, tables nor cache, each in chunks."""
    from kaizenml.adapters.leftovers import chunks_below

    return chunks_below(of.home, (*_store_folders(of), of.cache))


def unfinished(of: Settings, since: datetime) -> list[Path]:
    """Return the files that somebody began to write and has not touched since a time."""
    from kaizenml.adapters.leftovers import unfinished

    return unfinished((*_store_folders(of), of.cache, of.serving), since)


def _store_folders(of: Settings) -> tuple[Path, ...]:
    return () if isinstance(of.store, Bucket) else (of.store / "blobs", of.store / "tables")


def open_blobs(of: Settings) -> Blobs:
    """Open the blobs alone: all that the data plane needs."""
    return _open_blobs(of.store)


def _open_blobs(place: Path | Bucket) -> Blobs:
    if isinstance(place, Bucket):
        from kaizenml.adapters.object_blobs import BucketBlobs
        from kaizenml.adapters.object_store import ObjectStore

        return BucketBlobs(ObjectStore(place.at("blobs")))
    from kaizenml.adapters.blobs import DirectoryBlobs

    return DirectoryBlobs(place / "blobs")


def open_notifiers(of: Settings) -> Mapping[Channel, Notifier]:
    """Open the channels by which people and programs are told."""
    from kaizenml.adapters.apprise_channel import AppriseNotifier
    from kaizenml.adapters.webhook import WebhookNotifier

    but = of.notify_allow
    signed = WebhookNotifier(but, sign=hooks.signed_headers)
    return {Channel.WEBHOOK: WebhookNotifier(but), Channel.MLFLOW: signed, Channel.APPRISE: AppriseNotifier(but)}


def check_address(of: Settings, address: str, channel: Channel) -> None:
    """Refuse an address to which a channel does not go: `UsageError`, or `SettingError` where its extra is missing."""
    if channel in (Channel.WEBHOOK, Channel.MLFLOW):
        from kaizenml.adapters.webhook import WebhookNotifier

        program = WebhookNotifier(of.notify_allow)
        # MLflow's server resolves the name when a webhook is made, and its clients expect to be told then.
        (program.check_now if channel is Channel.MLFLOW else program.check)(address)
    else:
        from kaizenml.adapters.apprise_channel import AppriseNotifier

        AppriseNotifier(of.notify_allow).check(address)


def write_file(path: Path, content: bytes) -> None:
    """Write a file that a person asked for, wholly or not at all; folders that are not there yet are made."""
    from kaizenml.adapters.durable import disk_errors, replaced

    with disk_errors(f"Writing {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        replaced(path, content)


def open_step_cache(of: Settings) -> StepCache:
    """Open the kept results of steps: what runs steps needs them, the control plane does not."""
    return open_step_cache_at(of.cache)


def open_step_cache_at(folder: Path) -> StepCache:
    """Open the kept results of steps in a folder."""
    from kaizenml.adapters.step_cache import DirectoryStepCache

    return DirectoryStepCache(folder)


def prune_cache(of: Settings, most_bytes: int, *, is_rehearsal: bool) -> int:
    """Take the oldest results of steps away until the rest is small enough; return how many bytes went, or would."""
    from kaizenml.adapters.step_cache import DirectoryStepCache

    return DirectoryStepCache(of.cache).prune(most_bytes, is_rehearsal=is_rehearsal) if of.cache.is_dir() else 0


def open_pool(
    of: Settings, folder: Path, code: str, write: Callable[[object], bytes], read: Callable[[bytes], Any],
    room: Room | None = None,
) -> PoolRunner:  # fmt: skip
    """Open processes that perform steps of the project in a folder, as its code was when it had this digest.

    ``write`` and ``read`` make bytes of tasks and of what comes of them, and back; ``room`` is what they share.
    """
    from kaizenml.adapters.pool_runner import PoolRunner, Team, python_command

    command = python_command("kaizenml.loop.pool_worker", str(folder), code, str(of.cache))
    return PoolRunner(Team(command, os.cpu_count() or 1, write, read, room))


def open_ray(
    of: Settings,
    address: str,
    code: Mapping[str, bytes],
    digest: str,
    write: Callable[[object], bytes],
    read: Callable[[bytes], Any],
) -> RayRunner:
    """Open a Ray cluster that performs steps of the project with this code; without an address, one is started.

    ``write`` and ``read`` make bytes of tasks and of what comes of them, and back.
    """
    from kaizenml.adapters.ray_cluster import Cluster
    from kaizenml.adapters.ray_runner import RayRunner, Shipment

    cache = open_step_cache(of)
    worker = "kaizenml.loop.ray_worker"
    return RayRunner(Cluster(address), Shipment(code, digest, worker, cache.get, cache.put, write, read))
