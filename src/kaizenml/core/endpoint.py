"""A served name, and which release answers there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from kaizenml.core.digest import Digest


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A served name: its champion, the release before it (kept warm), and the rollout under way.

    ``generation`` grows with every change: who changes an endpoint names the generation that they saw.
    """

    name: str
    project: str
    champion: str
    previous: str = ""
    rollout: str = ""
    generation: int = 1
    changed_at: datetime | None = None
    champion_since: datetime | None = None
    champion_since_data: datetime | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """What the data plane does with the requests to one endpoint.

    ``share`` is the part of the requests, 0 to 1, that the challenger answers; with ``is_shadowed`` both releases score
    every request, and only one answers. ``warm`` releases are loaded and wait.
    """

    endpoint: str
    champion: str
    challenger: str = ""
    share: float = 0.0
    is_shadowed: bool = False
    warm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Routes:
    """All that the data plane needs to know; a whole that replaces the one before."""

    generation: int
    routes: tuple[Route, ...] = ()
    bundles: Mapping[str, Digest] | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """What the data plane says of itself: which generation of routes it follows, which releases it has loaded."""

    generation: int
    loaded: tuple[str, ...]
    refused: Mapping[str, str]
    pid: int


def answering(route: Route, key: str) -> str:
    """Return the release that answers a request with this key; the same key meets the same release.

    As the share grows, keys move from champion to challenger and never back.
    """
    if not route.challenger or route.share <= 0:
        return route.champion
    hashed = int.from_bytes(blake2b(f"{route.challenger}\0{key}".encode(), digest_size=8).digest(), "big")
    return route.challenger if hashed < route.share * 2.0**64 else route.champion
