"""People who sign in: who vouches for them, what their groups let them do, and for how long they stay."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from kaizenml.core.account import Permission, Role, checked_owner, granted, roles_of
from kaizenml.errors import RefusedError, UsageError

#: A session ends so long after its last request, and at the latest so long after it began.
IDLE, LONGEST = timedelta(hours=1), timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Claims:
    """What an identity provider says of somebody, checked.

    Parameters
    ----------
    issuer, subject
        Who it is: the pair never means anybody else.
    said
        Everything that it says.
    """

    issuer: str
    subject: str
    said: Mapping[str, object]


class Provider(Protocol):
    """Who vouches for people: an identity provider that speaks OpenID Connect."""

    def address(self, *, redirect: str, state: str, nonce: str, challenge: str) -> str:
        """Return where a browser is sent to sign in."""
        ...

    def claims(self, *, code: str, verifier: str, nonce: str, redirect: str) -> Claims:
        """Return who has signed in, for the code that the browser brought back; `RefusedError` when it is none."""
        ...

    @property
    def issuer(self) -> str:
        """Its name."""
        ...


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who has signed in.

    Parameters
    ----------
    name
        How the event log names them; it stays what it was at first, and nobody else gets it.
    disabled_at
        From when on they may not come in; None: they may.
    """

    name: str
    issuer: str
    subject: str
    roles: Mapping[str, tuple[Role, ...]]
    groups: tuple[str, ...]
    created_at: datetime
    seen_at: datetime
    disabled_at: datetime | None = None

    @property
    def key(self) -> str:
        """What the books find them by."""
        return key_of(self.issuer, self.subject)


@dataclass(frozen=True, slots=True)
class Session:
    """What a browser that has signed in is known by; the books have it under the digest of its secret.

    Parameters
    ----------
    id
        The first twelve digits of that digest.
    user
        The key of whose it is.
    """

    id: str
    user: str
    created_at: datetime
    seen_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When it ends if nothing is done with it."""
        return min(self.created_at + LONGEST, self.seen_at + IDLE)

    def is_good(self, now: datetime) -> bool:
        """Say whether it still is one."""
        return self.created_at <= now < self.expires_at


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person with a session: the rights of their groups."""

    session: Session
    user: User

    @property
    def name(self) -> str:
        """Who it is."""
        return self.user.name

    @property
    def actor(self) -> str:
        """How the event log names them."""
        return f"person:{self.user.name}"

    @property
    def roles(self) -> Mapping[str, tuple[Role, ...]]:
        """Their roles, by project, or under ``*`` for all of them."""
        return self.user.roles

    @property
    def expires_at(self) -> datetime | None:
        """Until when, if nothing more is done."""
        return self.session.expires_at

    def granted(self, project: str | None = None) -> frozenset[Permission]:
        """Return what they may do in a project; without one, in all of them."""
        return granted(self.user.roles, project)


def key_of(issuer: str, subject: str) -> str:
    """Return what somebody of an identity provider is found by."""
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()


def name_of(claims: Claims, claim: str = "") -> str:
    """Return what somebody is called: by a claim that was chosen, their verified address, or else their subject.

    A provider lets people choose some claims, such as ``preferred_username``, by themselves; only an address that it
    has verified is taken unless another claim is asked for.
    """
    is_verified = claims.said.get("email_verified") is True
    candidates = [claims.said.get(claim)] if claim else [claims.said.get("email") if is_verified else None]
    for each in (*candidates, claims.subject):
        if isinstance(each, str) and _is_name(each):
            return each
    return f"sub-{key_of(claims.issuer, claims.subject)[:16]}"


def groups_of(claims: Claims, claim: str) -> tuple[str, ...]:
    """Return the groups that a claim names: a list of texts, or one text; nothing for what is neither."""
    found = claims.said.get(claim)
    listed: Iterable[object] = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return tuple(sorted({each for each in listed if isinstance(each, str)}))


def roles_by_group(said: str) -> dict[str, tuple[str, ...]]:
    """Return the roles of groups as they are written: ``admins=admin,data science=churn:developer+churn:approver``.

    Raises
    ------
    UsageError
        When a part is not a group and roles.
    NotFoundError
        When there is no such role.
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (each.strip() for each in said.split(","))):
        group, mark, roles = part.rpartition("=")
        named = tuple(filter(None, (each.strip() for each in roles.split("+"))))
        if not mark or not group.strip() or not named:
            raise UsageError(f"{part[:80]!r} gives no group a role.", "Write GROUP=ROLE, or GROUP=PROJECT:ROLE+ROLE.")
        roles_of(named)
        found[group.strip()] = (*found.get(group.strip(), ()), *named)
    return found


def roles_for(groups: Sequence[str], by_group: Mapping[str, Sequence[str]]) -> dict[str, tuple[Role, ...]]:
    """Return the roles that groups give somebody.

    Raises
    ------
    RefusedError
        When none of them gives any.
    """
    named = [role for group in groups for role in by_group.get(group, ())]
    if not named:
        raise NoRoleError
    return roles_of(named)


class NoRoleError(RefusedError):
    """Somebody signed in whom nobody has given a role."""

    http_status = 403
    code = "permission_denied"

    def __init__(self) -> None:
        super().__init__("None of your groups has a role here.", "Ask an admin to give one of them a role.")


def _is_name(text: str) -> bool:
    try:
        return bool(checked_owner(text))
    except UsageError:
        return False
