"""Who may do what: permissions, the roles that bundle them, and the tokens by which callers are known.

A token is 256 random bits behind ``kzn_``. Only its SHA-256 is kept: so many bits cannot be guessed, so no slow hash is
needed, and whoever reads the books can open nothing with them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kaizenml.errors import NotFoundError, UsageError

#: The project that stands for all of them, and for what belongs to none.
EVERYWHERE = "*"
PREFIX = "kzn_"
SETUP_PREFIX = "kzs_"
RANDOM_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_TEXT = re.compile(rf"({PREFIX}|{SETUP_PREFIX})[A-Za-z0-9_-]{{43}}")


class Permission(StrEnum):
    """What a route asks of its caller."""

    PUBLIC = "public"  # nothing: health only
    VIEW = "view"
    PREDICT = "predict"  # at endpoints, and say later what was true
    LABEL = "label"
    RUN = "run"
    APPROVE = "approve"
    OPERATE = "operate"
    ADMIN = "admin"
    SET_UP = "set up"  # make the first account; of no role


class Role(StrEnum):
    """A bundle of permissions, as a person has it in one project or everywhere."""

    VIEWER = "viewer"
    LABELLER = "labeller"
    DEVELOPER = "developer"
    APPROVER = "approver"
    OPERATOR = "operator"
    ADMIN = "admin"


_VIEWS = frozenset({Permission.PUBLIC, Permission.VIEW})
#: What each role may do. An approver does not run and a developer does not approve: who shall do both has both roles.
GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWS,
    Role.LABELLER: _VIEWS | {Permission.LABEL},
    Role.DEVELOPER: _VIEWS | {Permission.PREDICT, Permission.LABEL, Permission.RUN},
    Role.APPROVER: _VIEWS | {Permission.APPROVE},
    Role.OPERATOR: _VIEWS | {Permission.PREDICT, Permission.LABEL, Permission.RUN, Permission.OPERATE},
    Role.ADMIN: frozenset(Permission) - {Permission.SET_UP},
}


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without what opens with it.

    Parameters
    ----------
    id
        The first twelve digits of its digest: enough to name it, not enough to find it.
    name
        Whose it is, as the event log names people.
    is_service
        Whether it is of a program rather than a person; programs are never people who approve.
    roles
        By project, or under ``*`` for all of them.
    expires_at
        None: never.
    used_at
        When it was last seen, to about ten minutes.
    scopes
        The permissions that it is good for, of those that its roles grant; none named: for all of them.
    """

    id: str
    name: str
    roles: Mapping[str, tuple[Role, ...]]
    created_at: datetime
    created_by: str
    is_service: bool = False
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None
    scopes: tuple[Permission, ...] = ()

    @property
    def actor(self) -> str:
        """How the event log names its owner."""
        return f"{'service' if self.is_service else 'person'}:{self.name}"

    def is_good(self, now: datetime) -> bool:
        """Say whether it opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def granted(self, project: str | None = None) -> frozenset[Permission]:
        """Return what its owner may do in a project; without one, what is granted for all of them."""
        found = granted(self.roles, project)
        return found & {Permission.PUBLIC, *self.scopes} if self.scopes else found


@dataclass(frozen=True, slots=True)
class SetUp:
    """Whoever has the token that a server prints at its first start: the first account is theirs to make."""

    digest: str
    name: str = "setup"
    actor: str = "system:setup"
    expires_at: datetime | None = None

    @property
    def roles(self) -> Mapping[str, tuple[Role, ...]]:
        """The roles: none."""
        return {}

    def granted(self, project: str | None = None) -> frozenset[Permission]:  # noqa: ARG002  it is the same everywhere
        """Return what may be done with it."""
        return frozenset({Permission.PUBLIC, Permission.SET_UP})


def granted(roles: Mapping[str, Sequence[Role]], project: str | None = None) -> frozenset[Permission]:
    """Return what these roles grant in a project; without one, what they grant in all of them."""
    held = {*roles.get(EVERYWHERE, ()), *(roles.get(project, ()) if project else ())}
    return frozenset({Permission.PUBLIC}).union(*(GRANTS[role] for role in held))


def digest_of_token(text: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(text.encode()).hexdigest()


def looks_like_token(text: str) -> bool:
    """Say whether a text could be a token at all: nothing else is worth looking up."""
    return _TEXT.fullmatch(text) is not None


def checked_owner(name: str) -> str:
    """Return the name of a person or program, or raise `UsageError`."""
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"{name[:80]!r} cannot be the name of an owner.", "Letters, digits and . _ @ - will do.")
    return name


def scopes_of(said: Iterable[str]) -> tuple[Permission, ...]:
    """Return scopes as they are written, such as ``predict``; `NotFoundError` with the closest for what is none."""
    known = [each for each in Permission if each not in (Permission.PUBLIC, Permission.SET_UP)]
    names = list(dict.fromkeys(said))
    for name in names:
        if name not in known:
            raise NotFoundError("scope", name[:80], known)
    return tuple(Permission(name) for name in names)


def roles_of(said: Iterable[str]) -> dict[str, tuple[Role, ...]]:
    """Return roles as they are written: ``viewer`` is had everywhere, ``flights:approver`` in one project.

    Raises
    ------
    NotFoundError
        When there is no such role, with the closest one.
    UsageError
        When none is given.
    """
    found: dict[str, tuple[Role, ...]] = {}
    for each in said:
        project, _, name = each.rpartition(":")
        if name not in list(Role):
            raise NotFoundError("role", name, list(Role))
        project = project or EVERYWHERE
        found[project] = tuple(dict.fromkeys((*found.get(project, ()), Role(name))))
    if not found:
        raise UsageError("A token without a role opens nothing.", f"Give one of {', '.join(Role)}.")
    return found
