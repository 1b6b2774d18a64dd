"""Who had a hand in a release: the last committer of its code, and those who changed its data since the champion's."""

from __future__ import annotations

from collections.abc import Iterable

from kaizenml.core.approval import Hand
from kaizenml.core.event import Kind
from kaizenml.core.ports import Books

#: What is told of a person when they change data, labels among them; and what they declare harmless.
DATA_KINDS = {
    Kind.DATA_ARRIVED: "brought data",
    Kind.SNAPSHOT_CREATED: "changed its data",
    Kind.ROW_DECIDED: "decided on quarantined rows of its data",
    Kind.ROWS_ERASED: "erased rows of its data",
    Kind.LABEL_ADDED: "labelled rows of its data",
    Kind.LABELS_IMPORTED: "brought labels",
    Kind.CONTRACT_ACCEPTED: "accepted a contract of its data",
    Kind.STEP_ACCEPTED: "declared a changed step harmless",
}


def hands_of(books: Books, project: str, committers: Iterable[str], author: str) -> tuple[Hand, ...]:
    """Return who had a hand in the release of a project that is about to be proposed, each once.

    The committers are those of the last commit that touched the project; changes of data count since the snapshot that
    the champion was made from, or since the beginning where nothing serves.
    """
    found = {who: Hand(who, "wrote its last commit") for who in committers}
    found |= {
        who: Hand(who, DATA_KINDS[kind])
        for who, kind in books.events.actors(project, tuple(DATA_KINDS), after=_since(books, project)).items()
        if who.startswith("person:") and who not in found
    }
    return tuple(hand for who, hand in sorted(found.items()) if who != author)


def _since(books: Books, project: str) -> int:
    """Return the event that told of the champion's snapshot; 0 where nothing serves, or none told of it."""
    endpoint = books.endpoints.find(project)
    if endpoint is None:
        return 0
    version = books.models.get(books.releases.get(endpoint.champion).model_version)
    told = books.events.find(Kind.SNAPSHOT_CREATED, f"snapshot:{version.snapshot}", project=project)
    return told[-1].id if told else 0
