"""Who may do what."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kaizenml.core.account import EVERYWHERE, Permission, Role
from kaizenml.errors import PermissionDeniedError, SettingError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})
_SHORTEST_TOKEN = 16


class Holder(Protocol):
    """Whose rights somebody has: a token's owner, for one."""

    @property
    def name(self) -> str:
        """Who it is."""
        ...

    @property
    def actor(self) -> str:
        """How the event log names them."""
        ...

    @property
    def roles(self) -> Mapping[str, tuple[Role, ...]]:
        """Their roles, by project, or under ``*`` for all of them."""
        ...

    @property
    def expires_at(self) -> datetime | None:
        """Until when; None: for ever."""
        ...

    def granted(self, project: str | None = None) -> frozenset[Permission]:
        """Return what they may do in a project; without one, in all of them."""
        ...


class Accounts(Protocol):
    """Where people and programs are found."""

    def is_ready(self, text: str) -> bool:
        """Say whether what is asked about a text can be answered at once."""
        ...

    def are_there(self) -> bool:
        """Say whether any token was ever made."""
        ...

    def find(self, text: str) -> Holder | None:
        """Return whose token this is, if it is still good."""
        ...


class Sessions(Protocol):
    """Where people who have signed in with a browser are found."""

    def is_ready(self, secret: str) -> bool:
        """Say whether what is asked about a secret can be answered at once."""
        ...

    def find(self, secret: str) -> Holder | None:
        """Return whose session this is, if it is still good."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """Who calls: whoever has the server's own token (or is alone on this machine) may do everything under any name.

    Parameters
    ----------
    holder
        Whose rights the caller has; None for those of the server's own token.
    """

    holder: Holder | None = None

    def granted(self, project: str | None = None) -> frozenset[Permission]:
        """Return what the caller may do in a project; without one, what is granted for all of them."""
        return frozenset(Permission) if self.holder is None else self.holder.granted(project)

    def may(self, permission: Permission, project: str | None = None) -> bool:
        """Say whether the caller has a permission in a project; without one, in all of them."""
        return permission in self.granted(project)

    def may_somewhere(self, permission: Permission) -> bool:
        """Say whether the caller has a permission in any project."""
        return self.may(permission) or any(self.may(permission, project) for project in self.projects)

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects in which the caller has roles of their own."""
        return () if self.holder is None else tuple(each for each in self.holder.roles if each != EVERYWHERE)

    @property
    def seen(self) -> frozenset[str] | None:
        """The projects that the caller may see; None for all of them."""
        if self.may(Permission.VIEW):
            return None
        return frozenset(project for project in self.projects if self.may(Permission.VIEW, project))

    def check(self, permission: Permission, projects: Sequence[str], absent: Exception) -> None:
        """Check that the caller may do something with a thing.

        Parameters
        ----------
        projects
            Those that the thing belongs to; without any, a permission for all of them is needed.
        absent
            What is raised when the caller may not see the thing: it is then, for them, as if it were not there.

        Raises
        ------
        PermissionDeniedError
            When the caller sees it and may not do this.
        """
        if self.may(permission):
            return
        seen = self.seen
        if not projects or not (seen is None or seen.issuperset(projects)):
            raise absent
        for project in projects:
            if not self.may(permission, project):
                raise denied(permission, project)


#: Who makes the request that is being answered.
CALLER: ContextVar[Known | None] = ContextVar("caller", default=None)


def seen_projects() -> frozenset[str] | None:
    """Return the projects that the caller may see; None for all of them."""
    caller = CALLER.get()
    return None if caller is None else caller.seen


def sees(project: str) -> bool:
    """Say whether the caller may see a project."""
    seen = seen_projects()
    return seen is None or project in seen


def own_project(project: str = "") -> str:
    """Return whose something new is: of the project that is said, or else of the one in which the caller may run.

    It is of none yet for who may run in all and says none.

    Raises
    ------
    PermissionDeniedError
        When the caller may not run in that project, or may in several and says none.
    """
    caller = CALLER.get()
    if caller is None or caller.may(Permission.RUN):
        return project
    if project:
        if not caller.may(Permission.RUN, project):
            raise denied(Permission.RUN, project)
        return project
    mine = [each for each in caller.projects if caller.may(Permission.RUN, each)]
    if len(mine) != 1:
        raise PermissionDeniedError(
            "It is not clear in which of your projects this model shall be.", "Use a token of one of them."
        )
    return mine[0]


def denied(permission: Permission, project: str | None) -> PermissionDeniedError:
    """Return the error that the caller lacks a permission, in a project or in general."""
    where = f"in {project}" if project else "in every project"
    return PermissionDeniedError(f"This needs the permission to {permission} {where}.", "Ask who has it.")


def acting(by: str, *, is_said: bool) -> str:
    """Return who acts, as the log names them: the owner of the token, whatever a request says.

    Raises
    ------
    PermissionDeniedError
        When the request says that somebody else acts.
    """
    caller = CALLER.get()
    holder = caller.holder if caller else None
    if holder is None:
        return f"person:{by}"
    if is_said and by != holder.name:
        raise PermissionDeniedError(
            f"This is {holder.name}, who cannot act as {by}.", f"Leave `by` out, or say {holder.name}."
        )
    return holder.actor


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server listens, and which tokens open it.

    Without its own token and without tokens of people, everybody on this machine may do everything, and others may do
    nothing but make the first account.

    Parameters
    ----------
    host
        The address that the server is bound to.
    token
        The server's own, of at least 16 characters; None: single-user mode until a token is made for somebody.
    names
        Further names by which browsers may call the server.
    accounts
        The tokens of people and programs.
    sessions
        The people who have signed in with a browser; None: nobody can.
    cookie
        What the cookie of a session is called.
    """

    host: str = "127.0.0.1"
    token: str | None = None
    names: tuple[str, ...] = ()
    accounts: Accounts | None = None
    sessions: Sessions | None = None
    cookie: str = ""

    def __post_init__(self) -> None:
        if self.token is None and self.accounts is None and not is_loopback(self.host):
            raise SettingError(
                f"The control plane would be open to everybody on {self.host}.",
                "Set KAIZEN_TOKEN to a long random text, or listen on 127.0.0.1.",
            )
        if self.token is not None and len(self.token) < _SHORTEST_TOKEN:
            raise SettingError(
                f"The token has {len(self.token)} characters; it needs {_SHORTEST_TOKEN} or more.",
                'Make one with `python -c "import secrets; print(secrets.token_urlsafe())"`.',
            )

    def known(self, authorization: bytes | None) -> Known | None:
        """Return who calls with this header; None for somebody without a token that opens anything."""
        offered = _offered(authorization)
        if self.token is not None and _is_same(offered, self.token):
            return Known()
        found = self.accounts.find(offered.decode("latin-1")) if self.accounts is not None else None
        if found is not None:
            return Known(found)
        is_single = self.token is None and self.sessions is None and is_loopback(self.host)
        return Known() if is_single and not (self.accounts and self.accounts.are_there()) else None

    def signed_in(self, secret: str) -> Known | None:
        """Return who calls with the cookie of a session; None for nobody who is signed in."""
        found = self.sessions.find(secret) if self.sessions is not None else None
        return Known(found) if found is not None else None

    def is_ready(self, authorization: bytes | None) -> bool:
        """Say whether `known` answers at once, reading nothing."""
        return self.accounts is None or self.accounts.is_ready(_offered(authorization).decode("latin-1"))

    def knows_host(self, host: str) -> bool:
        """Say whether browsers may call the server by this name; a strange one means DNS rebinding.

        On an address for everybody (``0.0.0.0``) without `names`, any name will do: the token protects it.
        """
        if is_everywhere(self.host) and not self.names:
            return True
        return host in _LOOPBACK or host == self.host.lower() or host in self.names


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a server that listens there."""
    return host in _LOOPBACK


def is_everywhere(host: str) -> bool:
    """Say whether a server that listens there does so on every address of the machine."""
    return host in _EVERYWHERE


def _offered(authorization: bytes | None) -> bytes:
    """Return the token in ``Bearer <token>``, or in ``Basic`` as the password, which is what browsers can send."""
    scheme, _, value = (authorization or b"").partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip()
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(value, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _is_same(offered: bytes, token: str) -> bool:
    return hmac.compare_digest(offered, token.encode())
