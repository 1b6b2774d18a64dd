"""What the data plane knows of tokens: a file beside its routes, so that it asks nobody while it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kaizenml.core.account import EVERYWHERE, Permission, Token


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a token may predict.

    Parameters
    ----------
    projects
        Their names; ``*`` for all of them.
    until
        When it lapses, in seconds since 1970; None: never.
    """

    projects: tuple[str, ...]
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Openings:
    """Who may predict.

    Parameters
    ----------
    is_asking
        Whether anybody is asked: from the first token that was ever made.
    tokens
        What each token opens, by its digest.
    projects
        The project of each endpoint.
    """

    is_asking: bool = False
    tokens: Mapping[str, Opening] = field(default_factory=dict)
    projects: Mapping[str, str] = field(default_factory=dict)

    def find(self, digest: str, now: float) -> Opening | None:
        """Return what a token opens now; None for one that is not known, or has lapsed."""
        found = self.tokens.get(digest)
        return found if found is not None and (found.until is None or now < found.until) else None

    def lets(self, opening: Opening, endpoint: str) -> bool:
        """Say whether an endpoint is one that it opens."""
        return EVERYWHERE in opening.projects or self.projects.get(endpoint) in opening.projects


def opening_of(token: Token) -> Opening | None:
    """Return where a token may predict, which may be nowhere; None for one that was revoked."""
    projects = tuple(name for name in token.roles if Permission.PREDICT in token.granted(name))
    until = token.expires_at.timestamp() if token.expires_at else None
    return Opening(projects, until) if token.revoked_at is None else None
