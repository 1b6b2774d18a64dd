"""Signing in and out: from the browser's first step to a session, and its end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from kaizenml.core.account import RANDOM_BYTES, digest_of_token
from kaizenml.core.event import Draft, Kind
from kaizenml.core.person import Claims, NoRoleError, Provider, Session, User, groups_of, key_of, name_of, roles_for
from kaizenml.core.ports import Books, Records
from kaizenml.errors import NotFoundError, PermissionDeniedError, RefusedError, StateError
from kaizenml.loop.settings import Settings
from kaizenml.loop.wiring import open_provider

USER, SESSION = "user", "session"
#: So long somebody may take to sign in, and so many may be doing so at once; of more the oldest begin again.
WAIT_SECONDS, MOST_WAITING = 600.0, 10_000
_ID = 12
#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(Session), msgspec.json.Decoder(User))


class Act(Protocol):
    """What an admin does about somebody."""

    def __call__(self, books: Books, name: str, *, by: str, now: datetime) -> User:
        """Do it, and return what is known of them then."""
        ...


class Begun(NamedTuple):
    """A first step: where the browser is sent, and the secret that it must bring back."""

    address: str
    secret: str


class _Waiting(NamedTuple):
    state: str
    nonce: str
    verifier: str
    next: str
    until: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What a sign-in is judged by.

    Parameters
    ----------
    redirect
        Where the provider sends browsers back to.
    by_group
        The roles of each group; who has none of these does not come in.
    groups, name
        The claims that tell of somebody's groups and, where it is not their verified address, of their name.
    """

    redirect: str
    by_group: Mapping[str, Sequence[str]]
    groups: str = "groups"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """How people sign in with a browser: who vouches for them, by which rules, and the address that they call."""

    provider: Provider
    rules: Rules
    url: str


def open_door(of: Settings) -> Door | None:
    """Return how people sign in, by the settings; None where they do not."""
    provider = open_provider(of)
    if provider is None or of.sign_in is None:
        return None
    told = of.sign_in
    return Door(provider, Rules(f"{of.url}/sign-in/callback", told.by_group, told.groups, told.name), of.url)


class SigningIn:
    """The sign-ins that are under way; each is remembered by this process alone, and ends with its first answer."""

    def __init__(self, provider: Provider, rules: Rules) -> None:
        self._provider, self._rules = provider, rules
        self._waiting: dict[str, _Waiting] = {}
        self._lock = threading.Lock()

    def begin(self, next_: str) -> Begun:
        """Begin to sign somebody in who wants to see a page of ours afterwards."""
        state, nonce, verifier, secret = (secrets.token_urlsafe(RANDOM_BYTES) for _ in range(4))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        address = self._provider.address(redirect=self._rules.redirect, state=state, nonce=nonce, challenge=challenge)
        now = time.monotonic()
        with self._lock:
            for old in [key for key, each in self._waiting.items() if each.until < now]:
                del self._waiting[old]
            while len(self._waiting) >= MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]
            self._waiting[digest_of_token(secret)] = _Waiting(state, nonce, verifier, next_, now + WAIT_SECONDS)
        return Begun(address, secret)

    def finish(self, secret: str, *, state: str, code: str, issuer: str | None = None) -> tuple[Claims, str]:
        """Return who has signed in, and the page that they wanted; whatever comes of it, the same is no good again.

        Raises
        ------
        RefusedError
            When this browser began no such sign-in, it took too long, or the provider does not vouch for anybody.
        """
        with self._lock:
            begun = self._waiting.pop(digest_of_token(secret), None)
        if begun is None or begun.until < time.monotonic():
            raise RefusedError("This browser is not signing in, or took too long.", "Begin again.")
        if not hmac.compare_digest(begun.state.encode(), state.encode("utf-8", "replace")):
            raise RefusedError("This is the answer to another sign-in.", "Begin again.")
        if issuer is not None and issuer != self._provider.issuer:  # RFC 9207: answers of two providers mixed up
            raise RefusedError("This is the answer of another identity provider.", "Begin again.")
        claims = self._provider.claims(
            code=code, verifier=begun.verifier, nonce=begun.nonce, redirect=self._rules.redirect
        )
        return claims, begun.next

    def enter(self, records: Records, claims: Claims, now: datetime, *, old: str = "") -> str:
        """Let somebody in, and return the secret of their new session; one that the browser had before ends.

        Raises
        ------
        RefusedError
            When nobody has given them a role, an admin has shut them out, or their name is somebody else's.
        """
        try:
            with records.writing() as books:
                if old:
                    _forget(books, digest_of_token(old))
                return _entered(books, claims, self._rules, now)
        except RefusedError as error:
            key = key_of(claims.issuer, claims.subject)
            with records.writing() as books:
                if isinstance(error, NoRoleError):
                    end_sessions(books, key)
                facts = {"issuer": claims.issuer, "because": error.message}
                subject = f"user:{key[:_ID]}"
                books.events.append(Draft("", "system:server", Kind.SIGN_IN_REFUSED, subject, facts=facts), now)
            raise


def _entered(books: Books, claims: Claims, rules: Rules, now: datetime) -> str:
    known = _users(books)
    before = known.get(key_of(claims.issuer, claims.subject))
    name = before.name if before else name_of(claims, rules.name)
    if before is None and any(each.name == name for each in known.values()):
        raise PermissionDeniedError(
            f"The name {name} is somebody else's.",
            f"If it is the same person, an admin says `kaizen user forget {name}`.",
        )
    if before is not None and before.disabled_at is not None:
        raise PermissionDeniedError(f"{name} may not come in.", "Ask an admin.")
    groups = groups_of(claims, rules.groups)
    roles = roles_for(groups, rules.by_group)
    made = User(name, claims.issuer, claims.subject, roles, groups, before.created_at if before else now, now)
    _put_user(books, made)
    secret = secrets.token_urlsafe(RANDOM_BYTES)
    digest = digest_of_token(secret)
    _clear(books, now)
    put_session(books, digest, Session(digest[:_ID], made.key, now, now))
    facts = {"session": digest[:_ID], "issuer": claims.issuer,
             "roles": {project: list(each) for project, each in roles.items()}}  # fmt: skip
    books.events.append(Draft("", f"person:{name}", Kind.SIGNED_IN, f"user:{name}", facts=facts), now)
    return secret


def leave(books: Books, secret: str, now: datetime) -> None:
    """End the session of a browser; one that there is not changes nothing."""
    digest = digest_of_token(secret)
    session = find_session(books, digest)
    if session is not None:
        _forget(books, digest)
        user = find_user(books, session.user)
        name = user.name if user else session.user[:_ID]
        facts = {"session": session.id}
        books.events.append(Draft("", f"person:{name}", Kind.SIGNED_OUT, f"user:{name}", facts=facts), now)


def users(books: Books) -> list[User]:
    """Return everybody who has signed in, by name."""
    return sorted(_users(books).values(), key=lambda each: each.name)


def shut_out(books: Books, name: str, *, by: str, now: datetime) -> User:
    """Let somebody in no more, and end their sessions; `StateError` when that is so already."""
    user = _named(books, name)
    if user.disabled_at is not None:
        raise StateError(f"{name} was shut out before.", "`kaizen user list` shows since when.")
    return _changed(books, replace(user, disabled_at=now), Kind.USER_SHUT_OUT, by, now)


def let_in(books: Books, name: str, *, by: str, now: datetime) -> User:
    """Let somebody in again; `StateError` when nobody shut them out."""
    user = _named(books, name)
    if user.disabled_at is None:
        raise StateError(f"Nobody has shut {name} out.", "")
    return _changed(books, replace(user, disabled_at=None), Kind.USER_LET_IN, by, now)


def sign_out(books: Books, name: str, *, by: str, now: datetime) -> User:
    """End every session of somebody."""
    return _changed(books, _named(books, name), Kind.SIGNED_OUT, by, now)


def forget(books: Books, name: str, *, by: str, now: datetime) -> User:
    """End what is known of somebody: whoever signs in next under this name has it, such as at another provider."""
    user = _named(books, name)
    if user.disabled_at is not None:
        raise StateError(f"{name} was shut out; forgotten, they could come in again.", "Let them in first.")
    end_sessions(books, user.key)
    books.notes.forget(USER, user.key)
    facts = {"issuer": user.issuer}
    books.events.append(Draft("", by, Kind.USER_FORGOTTEN, f"user:{name}", facts=facts), now)
    return user


def find_session(books: Books, digest: str) -> Session | None:
    """Return a session, or None."""
    found = books.notes.get(SESSION, digest)
    return msgspec.convert(found, Session) if found is not None else None


def put_session(books: Books, digest: str, session: Session) -> None:
    """Write a session."""
    books.notes.put(SESSION, digest, msgspec.to_builtins(session))


def find_user(books: Books, key: str) -> User | None:
    """Return somebody, or None."""
    found = books.notes.get(USER, key)
    return msgspec.convert(found, User) if found is not None else None


def end_sessions(books: Books, user: str) -> None:
    """End every session of somebody."""
    for digest, session in _sessions(books).items():
        if session.user == user:
            _forget(books, digest)


def _changed(books: Books, user: User, kind: Kind, by: str, now: datetime) -> User:
    end_sessions(books, user.key)
    _put_user(books, user)
    books.events.append(Draft("", by, kind, f"user:{user.name}"), now)
    return user


def _clear(books: Books, now: datetime) -> None:
    """Forget the sessions that have ended by themselves."""
    for digest, session in _sessions(books).items():
        if not session.is_good(now):
            _forget(books, digest)


def _forget(books: Books, digest: str) -> None:
    books.notes.forget(SESSION, digest)


def _sessions(books: Books) -> dict[str, Session]:
    return {digest: msgspec.convert(each, Session) for digest, each in books.notes.all(SESSION).items()}


def _users(books: Books) -> dict[str, User]:
    return {key: msgspec.convert(each, User) for key, each in books.notes.all(USER).items()}


def _named(books: Books, name: str) -> User:
    known = {each.name: each for each in _users(books).values()}
    if name not in known:
        raise NotFoundError("user", name[:80], known, "Users have signed in with a browser; tokens are other ones.")
    return known[name]


def _put_user(books: Books, user: User) -> None:
    books.notes.put(USER, user.key, msgspec.to_builtins(user))
