"""The first account of a server that others can reach: made with a token that the server prints once, for an hour."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from kaizenml.core.account import RANDOM_BYTES, SETUP_PREFIX, Role, SetUp, Token, digest_of_token
from kaizenml.core.event import Draft, Kind
from kaizenml.core.ports import Books
from kaizenml.errors import KaizenError, RefusedError, StateError, UnavailableError, UsageError
from kaizenml.loop.accounts import are_there, issue

#: For so long a set-up token is good; a new start prints another.
HOLDS = timedelta(hours=1)
_KIND, _NAME = "setup", "first"
_SUBJECT = "server:setup"
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Noted:
    digest: str
    expires_at: datetime
    is_used: bool = False


#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(_Noted),)


def begin(books: Books, now: datetime) -> str | None:
    """Return the text of a new set-up token, in place of the one before; None once any account was made."""
    if are_there(books):
        return None
    text = SETUP_PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    _put(books, _Noted(digest_of_token(text), now + HOLDS))
    facts = {"expires_at": (now + HOLDS).isoformat()}
    books.events.append(Draft("", "system:server", Kind.SETUP_BEGUN, _SUBJECT, facts=facts), now)
    return text


def find(books: Books, text: str, now: datetime) -> SetUp | None:
    """Return what a set-up token opens; None for one that is not known, was used or has lapsed."""
    noted, digest = _noted(books), digest_of_token(text)
    is_good = noted is not None and noted.digest == digest and not noted.is_used and now < noted.expires_at
    return SetUp(digest) if is_good and not are_there(books) else None


def finish(books: Books, with_: SetUp, name: str, *, now: datetime) -> tuple[str, Token]:
    """Make the first account, an admin, and return the text of its token with what is kept of it.

    Raises
    ------
    StateError
        When the set-up token was used meanwhile.
    UsageError
        When the name cannot be.
    """
    noted = _noted(books)
    if noted is None or noted.is_used or noted.digest != with_.digest or are_there(books):
        raise StateError("This server was set up meanwhile.", "Ask its admin for a token.")
    _put(books, replace(noted, is_used=True))
    text, token = issue(books, name, [Role.ADMIN], by=f"person:{name}", now=now)
    books.events.append(Draft("", token.actor, Kind.SETUP_FINISHED, _SUBJECT, facts={"token": token.id}), now)
    return text, token


def ask(url: str, setup: str, name: str) -> dict[str, Any]:
    """Ask a server for its first account with the token that it printed; return what it answered.

    Raises
    ------
    UsageError
        When the address is none.
    RefusedError
        When the server refuses.
    UnavailableError
        When it cannot be reached.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url[:80]!r} is no address of a server.", "It is http://HOST:PORT or https://HOST.")
    headers = {"Authorization": f"Bearer {setup}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url.rstrip('/')}/api/v1/setup", json.dumps({"name": name}).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise _refused(url, error) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UnavailableError(f"The server {url} cannot be reached: {reason}.", "Check the address.") from error


def _refused(url: str, error: urllib.error.HTTPError) -> KaizenError:
    if error.code == 401:
        error.close()
        return RefusedError(
            f"The server {url} does not know this set-up token: it was used, or has lapsed.",
            "Start the server again: while it has no account, it prints another.",
        )
    try:
        with error:
            said = json.load(error)["error"]
            return RefusedError(f"The server {url} refused: {said['message']}", str(said.get("hint", "")))
    except (OSError, ValueError, LookupError, TypeError):
        return RefusedError(f"The server {url} refused: it answered {error.code}.", "Is it a control plane?")


def _noted(books: Books) -> _Noted | None:
    found = books.notes.get(_KIND, _NAME)
    return msgspec.convert(found, _Noted) if found is not None else None


def _put(books: Books, noted: _Noted) -> None:
    books.notes.put(_KIND, _NAME, msgspec.to_builtins(noted))
