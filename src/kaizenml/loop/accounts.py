"""Tokens: made once and shown once, found again by their digest, revoked, listed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from kaizenml.core.account import (
    PREFIX,
    RANDOM_BYTES,
    Token,
    checked_owner,
    digest_of_token,
    roles_of,
    scopes_of,
)
from kaizenml.core.event import Draft, Kind
from kaizenml.core.monitor import every
from kaizenml.core.opening import Openings, opening_of
from kaizenml.core.ports import Books
from kaizenml.errors import NotFoundError, StateError, UsageError
from kaizenml.loop.delivering import write_durably
from kaizenml.loop.wiring import House

KIND = "token"
#: The file beside the routes that the data plane follows.
OPENINGS = "tokens.json"
_ID = 12
#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(Token),)


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
    put(books, digest, token)
    facts: dict[str, object] = {"name": token.name, "roles": {project: list(each) for project, each in held.items()},
             "expires_at": token.expires_at.isoformat() if token.expires_at else None}  # fmt: skip
    facts |= {"scopes": list(good_for)} if good_for else {}
    books.events.append(Draft("", by, Kind.TOKEN_ISSUED, f"token:{token.id}", facts=facts), now)
    return text, token


def tokens(books: Books) -> list[Token]:
    """Return every token, the newest first."""
    return sorted((read(each) for each in books.notes.all(KIND).values()), key=lambda each: each.created_at)[::-1]


def are_there(books: Books) -> bool:
    """Say whether any token was ever made: from then on, nobody acts over HTTP without one."""
    return bool(books.notes.last(KIND, "", limit=1))


def openings(books: Books) -> Openings:
    """Return what the data plane has to know of tokens."""
    known = {digest: read(each) for digest, each in books.notes.all(KIND).items()}
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
    known = {digest: read(each) for digest, each in books.notes.all(KIND).items()}
    found = next((digest for digest in known if digest[:_ID] == id_), None)
    if found is None:
        none = "" if known else "Make one: `kaizen token create NAME --role viewer`."
        raise NotFoundError("token", id_[:80], [digest[:_ID] for digest in known], none)
    if known[found].revoked_at is not None:
        raise StateError(f"The token {id_} was revoked before.", "`kaizen token list` shows since when.")
    token = replace(known[found], revoked_at=now)
    put(books, found, token)
    books.events.append(Draft("", by, Kind.TOKEN_REVOKED, f"token:{id_}", facts={"name": token.name}), now)
    return token


def put(books: Books, digest: str, token: Token) -> None:
    """Write a token under its digest."""
    books.notes.put(KIND, digest, msgspec.to_builtins(token))


def read(value: object) -> Token:
    """Return a token as it was written."""
    return msgspec.convert(value, Token)
