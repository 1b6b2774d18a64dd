"""What came of what: source → snapshot → run → model version → release → endpoint, and the predictions at its end.

A link goes from what was there first to what was made of it. Links are derived from the records themselves, and are
written with them; a link never becomes false, so none is taken away.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum, StrEnum
from typing import NamedTuple, Protocol

from kaizenml.core.digest import digest_of
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.model import ModelVersion
from kaizenml.core.registered import RegisteredVersion
from kaizenml.core.release import Release
from kaizenml.core.rollout import Rollout
from kaizenml.core.run import Run
from kaizenml.core.snapshot import Snapshot

#: A longer name is cut and ends with its digest: databases bound what an index holds.
LONGEST_NAME = 500
#: How a version of a model says that it is a copy of another.
_COPIED = re.compile(r"models:/+([^/@]+)/(\d+)")


class Noun(StrEnum):
    """What a node is."""

    SOURCE = "source"
    SNAPSHOT = "snapshot"
    RUN = "run"
    MODEL = "model"
    RELEASE = "release"
    ENDPOINT = "endpoint"
    PREDICTION = "prediction"


class Way(StrEnum):
    """Which way the links are followed."""

    UP = "up"  # what made this
    DOWN = "down"  # what this touches
    BOTH = "both"


class Node(NamedTuple):
    """One thing, written ``kind:name``: ``source:flights/data/may.csv``, ``snapshot:flights@3``, ``run:…``,
    ``model:flights:3``, ``release:flights/3``, ``endpoint:flights``, ``prediction:flights/…``.
    """

    noun: Noun
    name: str

    def __str__(self) -> str:
        return f"{self.noun}:{self.name}"


class Link(NamedTuple):
    """One thing was made of another; ``detail`` is a word more, such as the step whose result was used."""

    parent: Node
    relation: str
    child: Node
    detail: str = ""


class Reach(IntEnum):
    """The farthest stage that the child of a link is, or leads to."""

    NOTHING = 0  # nothing came of it
    ON = 1  # something did, no model yet
    MODEL = 2
    RELEASE = 3
    ENDPOINT = 4


class Links(Protocol):
    """The links between what is in the books."""

    def note(self, links: Iterable[Link]) -> None:
        """Write links; those that are there already change nothing."""
        ...

    def missing(self, links: Iterable[Link]) -> list[Link]:
        """Return those of these links that are not there."""
        ...

    def has(self, node: Node) -> bool:
        """Say whether any link begins or ends here."""
        ...

    def beyond(self, nodes: Collection[Node], way: Way, reach: Reach, *, limit: int) -> list[Link]:
        """Return the links of a reach from these nodes one step up or down.

        Upwards, `Reach.NOTHING` is what leads to a source, and any other what leads elsewhere.
        """
        ...

    def leads(self, nodes: Collection[Node], reaches: Collection[Reach]) -> bool:
        """Say whether any link down from these nodes has one of these reaches."""
        ...

    def count(self, nodes: Collection[Node], way: Way, reach: Reach) -> int:
        """Return how many such links there are."""
        ...


_STAGES = {Noun.MODEL: Reach.MODEL, Noun.RELEASE: Reach.RELEASE, Noun.ENDPOINT: Reach.ENDPOINT}


def reach_of(child: Node) -> Reach:
    """Return how far a link to a node reaches, before anything has come of the node."""
    return _STAGES.get(child.noun, Reach.NOTHING)


def node(noun: Noun, name: str) -> Node:
    """Return the node of a name; a name that is too long is cut, and ends with its digest."""
    if len(name.encode("utf-8", "replace")) <= LONGEST_NAME:
        return Node(noun, name)
    kept = name.encode("utf-8", "replace")[: LONGEST_NAME - 20].decode("utf-8", "ignore")
    return Node(noun, f"{kept}…{digest_of(name)[:16]}")


def links_of(value: Snapshot | Run | ModelVersion | RegisteredVersion | Release | Endpoint | Rollout) -> list[Link]:
    """Return the links that end at a value of the books (of endpoints and rollouts: at the endpoint)."""
    match value:
        case Snapshot():
            found = _of_snapshot(value)
        case Run():
            found = _of_run(value)
        case ModelVersion():
            found = _link(Noun.RUN, value.run, "trained", node(Noun.MODEL, value.name))
        case RegisteredVersion():
            found = _of_registered(value)
        case Release():
            found = _link(Noun.MODEL, value.model_version, "is in", node(Noun.RELEASE, value.name))
            if not value.model_version:
                found = _link(Noun.RUN, value.run, "made", node(Noun.RELEASE, value.name))
        case Endpoint():
            at = node(Noun.ENDPOINT, value.name)
            found = [
                *_link(Noun.RELEASE, value.champion, "served at", at),
                *_link(Noun.RELEASE, value.previous, "served at", at),
            ]
        case Rollout():
            at = node(Noun.ENDPOINT, value.endpoint)
            found = _link(Noun.RELEASE, value.challenger, "was sent to", at)
    return list(dict.fromkeys(found))


def _of_snapshot(value: Snapshot) -> list[Link]:
    at = node(Noun.SNAPSHOT, value.name)
    contents: dict[str, list[str]] = {}
    for file in value.files:
        contents.setdefault(file.path, []).append(file.digest)
    files = [
        link
        for path, digests in contents.items()
        for link in _link(Noun.SOURCE, f"{value.project}/{path}", "was loaded into", at, _content(digests))
    ]
    tables = [
        link
        for table, version in value.pins.items()
        for link in _link(Noun.SOURCE, f"{value.project}/{table}", "was joined into", at, f"version {version}")
    ]
    return files + tables


def _content(digests: Sequence[str]) -> str:
    return f"content {digests[0][:12]}" if len(digests) == 1 else f"{len(digests)} batches"


def _of_run(value: Run) -> list[Link]:
    at = node(Noun.RUN, value.id)
    makers = {step.made_by: step.name for step in value.steps if step.made_by not in ("", value.id)}
    return [
        *_link(Noun.SNAPSHOT, value.snapshot, "was read by", at),
        *_link(Noun.RUN, value.parent, "started", at),
        *_link(Noun.RUN, value.again, "was executed again as", at),
        *(
            link
            for run, step in makers.items()
            for link in _link(Noun.RUN, run, "made a result that was used by", at, f"step {step}")
        ),
        *(
            link
            for name, digest in value.data.items()
            if name != value.snapshot
            for link in _link(Noun.SOURCE, f"{value.project}/{name}", "was read by", at, _content([digest]))
        ),
    ]


def _of_registered(value: RegisteredVersion) -> list[Link]:
    at = node(Noun.MODEL, value.name)
    copied = _COPIED.fullmatch(value.source)
    return [
        *_link(Noun.RUN, value.run, "trained", at),
        *(_link(Noun.MODEL, f"{copied[1]}:{copied[2]}", "was copied to", at) if copied else ()),
    ]


def _link(noun: Noun, name: str, relation: str, child: Node, detail: str = "") -> list[Link]:
    """Return the link from a thing of this name; none where there is no name."""
    return [Link(node(noun, name), relation, child, detail)] if name and node(noun, name) != child else []
