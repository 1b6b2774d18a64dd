"""Tokens: made once and shown once, found again by their digest, revoked, listed."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from kaizenml.core.account import (
    PREFIX,
    RANDOM_BYTES,
    Token,
    checked_owner,
    digest_of_token,
    looks_like_token,
    roles_of,
    scopes_of,
)
from kaizenml.core.event import Draft, Kind
from kaizenml.core.monitor import every
from kaizenml.core.opening import Openings, opening_of
from kaizenml.core.ports import Books, Records
from kaizenml.errors import NotFoundError, StateError, UsageError
from kaizenml.loop.delivering import write_durably
from kaizenml.loop.wiring import House

_KIND = "token"
#: For so long a server believes what it has read: a token that is revoked opens nothing after it.
BELIEVED_SECONDS = 1.0
#: When a token was last used is written no more often than this.
_USED_EVERY = timedelta(minutes=10)
#: The file beside the routes that the data plane follows.
OPENINGS = "tokens.json"
_ID = 12
_MOST_KNOWN = 10_000


def lapse(text: str, now: datetime) -> datetime | None:
    """Return when a token lapses that is to hold for ``90d`` or ``12h``; None for ``never``."""
    if text == "never":
        return None
    try:
        return now + timedelta(seconds=every(text).seconds)
    except OverflowError as error:
        raise UsageError(f"{text!r} is too long.", "Write 90d, or never.") from error


def issue(
    books: Books,
    name: str,
    roles: Iterable[str],
    *,
    by: str,
    now: datetime,
    expires: str = "90d",
    service: bool = False,
    scopes: Iterable[str] = (),
) -> tuple[str, Token]:
    """Make a token and return its text, which is kept nowhere, with what is kept of it.

    Raises
    ------
    NotFoundError
        When there is no such role.
    UsageError
        When the name, the time or the absence of roles makes no sense.
    """
    held, text = roles_of(roles), PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    digest = digest_of_token(text)
    good_for = scopes_of(scopes)
    token = Token(digest[:_ID], checked_owner(name), held, now, by, service, lapse(expires, now), scopes=good_for)
    _put(books, digest, token)
    facts: dict[str, object] = {"name": token.name, "roles": {project: list(each) for project, each in held.items()},
             "expires_at": token.expires_at.isoformat() if token.expires_at else None}  # fmt: skip
    facts |= {"scopes": list(good_for)} if good_for else {}
    books.events.append(Draft("", by, Kind.TOKEN_ISSUED, f"token:{token.id}", facts=facts), now)
    return text, token


def tokens(books: Books) -> list[Token]:
    """Return every token, the newest first."""
    return sorted((_read(each) for each in books.notes.all(_KIND).values()), key=lambda each: each.created_at)[::-1]


def openings(books: Books) -> Openings:
    """Return what the data plane has to know of tokens."""
    known = {digest: _read(each) for digest, each in books.notes.all(_KIND).items()}
    found = {digest: opening for digest, token in known.items() if (opening := opening_of(token)) is not None}
    return Openings(bool(known), found, {each.name: each.project for each in books.endpoints.all()})


def publish(house: House) -> None:
    """Write what the data plane has to know of tokens, if it has changed."""
    path = house.settings.serving / OPENINGS
    with house.records.reading() as books:
        content = msgspec.json.encode(openings(books))
    if not path.exists() or path.read_bytes() != content:
        write_durably(path, content)


def revoke(books: Books, id_: str, *, by: str, now: datetime) -> Token:
    """Let a token open nothing any more.

    Raises
    ------
    NotFoundError
        When there is no token of this id.
    StateError
        When it was revoked before.
    """
    known = {digest: _read(each) for digest, each in books.notes.all(_KIND).items()}
    found = next((digest for digest in known if digest[:_ID] == id_), None)
    if found is None:
        raise NotFoundError("token", id_[:80], [digest[:_ID] for digest in known])
    if known[found].revoked_at is not None:
        raise StateError(f"The token {id_} was revoked before.", "`kaizen token list` shows since when.")
    token = replace(known[found], revoked_at=now)
    _put(books, found, token)
    books.events.append(Draft("", by, Kind.TOKEN_REVOKED, f"token:{id_}", facts={"name": token.name}), now)
    return token


class Tokens:
    """The tokens as a server asks for them with every request; what it has read it believes for a second."""

    def __init__(self, records: Records, clock: Callable[[], datetime]) -> None:
        self._records, self._clock = records, clock
        self._known: dict[str, tuple[float, Token]] = {}
        self._any: tuple[float, bool] = (float("-inf"), False)
        self._lock = threading.Lock()

    def is_ready(self, text: str) -> bool:
        """Say whether what is asked about a text can be answered without reading the books."""
        until, is_any = self._any
        if not is_any:
            return time.monotonic() < until
        known = self._known.get(digest_of_token(text)) if looks_like_token(text) else (float("inf"), None)
        return known is not None and time.monotonic() < known[0]

    def are_there(self) -> bool:
        """Say whether any token was ever made: from then on, nobody acts without one."""
        until, known = self._any
        if known or time.monotonic() < until:
            return known
        with self._records.reading() as books:
            self._any = time.monotonic() + BELIEVED_SECONDS, bool(books.notes.last(_KIND, "", limit=1))
        return self._any[1]

    def find(self, text: str) -> Token | None:
        """Return the token, if it is one and still good."""
        if not looks_like_token(text):
            return None
        digest, now = digest_of_token(text), self._clock()
        until, token = self._known.get(digest, (0.0, None))
        if token is None or until < time.monotonic():
            token = self._looked_up(digest, now)
        return token if token is not None and token.is_good(now) else None

    def _looked_up(self, digest: str, now: datetime) -> Token | None:
        with self._records.reading() as books:
            found = books.notes.get(_KIND, digest)
        if found is None:
            return None
        token = _read(found)
        if token.is_good(now) and (token.used_at is None or now - token.used_at > _USED_EVERY):
            token = self._seen(digest, now) or token
        with self._lock:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[digest] = time.monotonic() + BELIEVED_SECONDS, token
        return token

    def _seen(self, digest: str, now: datetime) -> Token | None:
        """Note that a token was used, in the transaction that reads it: what was revoked meanwhile stays revoked."""
        with self._records.writing() as books:
            found = books.notes.get(_KIND, digest)
            token = replace(_read(found), used_at=now) if found is not None else None
            if token is not None:
                _put(books, digest, token)
        return token


def _put(books: Books, digest: str, token: Token) -> None:
    books.notes.put(_KIND, digest, msgspec.to_builtins(token))


def _read(value: object) -> Token:
    return msgspec.convert(value, Token)
