"""What nobody needs any more is deleted: blobs that nothing names, versions of tables, old results of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from kaizenml.core.digest import Digest
from kaizenml.core.garbage import digests_in, digests_in_chunks, names_blobs, reached
from kaizenml.core.stores import BlobLine
from kaizenml.loop import versioning
from kaizenml.loop.versioning import Freed
from kaizenml.loop.wiring import House, Say, clearing, on_the_way, prune_cache, unfinished

#: Whoever puts a blob names it within this time.
GRACE = timedelta(hours=24)
_TEXTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was deleted, or would be.

    Parameters
    ----------
    blobs, blob_bytes
        How many blobs that nothing names, and how large they are together.
    kept
        How many blobs there are besides.
    tables
        The files of each table that no snapshot and no pin needs.
    cache_bytes
        Results of steps above what the cache may hold, the oldest first.
    unfinished
        Files that somebody began to write, and died.
    """

    blobs: int
    blob_bytes: int
    kept: int
    tables: Mapping[str, Freed]
    cache_bytes: int
    unfinished: int


def clear(house: House, *, cache_bytes: int, is_rehearsal: bool, say: Say, grace: timedelta = GRACE) -> Cleared:
    """Delete what nobody needs, while everybody goes on.

    A blob goes when it was not put within the grace period and its digest stands nowhere: in no record, in no file on
    its way to the records, in no blob that is kept. Files are looked at before records and records before blobs, which
    is the way that names take, so none is missed between two of them; and a blob that is put again meanwhile stays.

    Parameters
    ----------
    cache_bytes
        How much the cache of steps may hold.

    Raises
    ------
    StateError
        While a backup is made, or somebody else clears.
    IntegrityError
        When a blob that may name others is damaged: what it named cannot be known, so nothing is deleted.
    """
    since = house.clock.now() - grace
    with clearing(house.settings):
        gone, kept = _garbage(house, since, say)
        if not is_rehearsal:
            house.blobs.settle(kept, since=since)
            gone = [each for each in gone if house.blobs.remove(each.digest, unless_put_since=since)]
        say(f"blobs: {len(gone):,} that nothing names, of {len(gone) + len(kept):,}")
        tables = versioning.clear(house, is_rehearsal=is_rehearsal)
        abandoned = unfinished(house.settings, since)
        for path in () if is_rehearsal else abandoned:
            path.unlink(missing_ok=True)
        freed = prune_cache(house.settings, cache_bytes, is_rehearsal=is_rehearsal)
    return Cleared(len(gone), sum(each.size_bytes for each in gone), len(kept), tables, freed, len(abandoned))


def _garbage(house: House, since: datetime, say: Say) -> tuple[list[BlobLine], set[Digest]]:
    """Return the blobs that nothing names and that nobody has put since, and the digests of all others."""
    named = {digest for chunks in on_the_way(house.settings) for digest in digests_in_chunks(chunks)}
    with house.records.reading() as books:
        named |= digests_in_texts(books.texts())
    there = {each.digest: each for each in house.blobs.listed()}
    young = {digest for digest, each in there.items() if each.put_at >= since}
    say(f"blobs: looking for what names which of {len(there):,}")
    kept = reached(named | young, there.keys(), lambda digest: named_in_blob(house, digest))
    return [each for digest, each in there.items() if digest not in kept], kept


def digests_in_texts(texts: Iterable[str]) -> set[Digest]:
    """Return every digest that stands in one of the texts."""
    found: set[Digest] = set()
    held: list[str] = []
    for text in texts:
        held.append(text)
        if len(held) == _TEXTS_AT_ONCE:
            found |= digests_in("\n".join(held).encode())
            held.clear()
    return found | digests_in("\n".join(held).encode())


def named_in_blob(house: House, digest: Digest) -> set[Digest]:
    """Return the digests that stand in a blob, where it is one that may name others."""
    chunks = house.blobs.open(digest)
    first = next(chunks, b"")
    if names_blobs(first):
        return digests_in_chunks(chain([first], chunks))
    chunks.close()
    return set()
