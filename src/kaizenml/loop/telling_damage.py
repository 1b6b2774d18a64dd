"""Damaged blobs that somebody came upon while reading: the log tells of each, and so whoever wants to know."""

from __future__ import annotations

from kaizenml.core.event import Draft, Kind
from kaizenml.loop.needing import needs
from kaizenml.loop.wiring import House, damaged_before

_TOLD = "told-damage"
_MOST_NAMED = 10


def tell_damage(house: House) -> None:
    """Tell of each blob that has come into the quarantine of the home's folder: what it is of, and once."""
    found = damaged_before(house.settings)
    if not found:
        return
    with house.records.reading() as books:
        fresh = found - books.notes.all(_TOLD).keys()
    if not fresh:
        return
    now = house.clock.now()
    with house.records.writing() as books:
        needed = [need for need in needs(books) if need.digest in fresh]
        for digest in sorted(fresh - books.notes.all(_TOLD).keys()):
            by = [f"{need.by}: {need.what}" for need in needed if need.digest == digest]
            facts = {"digest": digest, "needed_by": by[:_MOST_NAMED], "needed": len(by)}
            books.events.append(Draft("", "system:controller", Kind.BLOB_DAMAGED, f"blob:{digest}", facts=facts), now)
            books.notes.put(_TOLD, digest, now.isoformat())
