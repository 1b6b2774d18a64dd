"""Who calls, as a server asks with every request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from kaizenml.core.account import SETUP_PREFIX, SetUp, Token, digest_of_token, looks_like_token
from kaizenml.core.person import NoRoleError, Session, SignedIn, roles_for
from kaizenml.core.ports import Records
from kaizenml.loop import accounts, setting_up, signing_in

#: For so long a server believes what it has read: a token that is revoked opens nothing after it.
BELIEVED_SECONDS = 1.0
#: When a token was last used is written no more often than this.
_USED_EVERY = timedelta(minutes=10)
_MOST_KNOWN = 10_000
#: When somebody last did anything with a session is written no more often than this.
_SEEN_EVERY = timedelta(minutes=1)
_LONGEST_SECRET = 100


class Tokens:
    """The tokens as a server asks for them with every request; what it has read it believes for a second."""

    def __init__(self, records: Records, clock: Callable[[], datetime]) -> None:
        self._records, self._clock = records, clock
        self._known: dict[str, tuple[float, Token]] = {}
        self._any: tuple[float, bool] = (float("-inf"), False)
        self._lock = threading.Lock()

    def is_ready(self, text: str) -> bool:
        """Say whether what is asked about a text can be answered without reading the books."""
        if text.startswith(SETUP_PREFIX):
            return False
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
            self._any = time.monotonic() + BELIEVED_SECONDS, accounts.are_there(books)
        return self._any[1]

    def find(self, text: str) -> Token | SetUp | None:
        """Return the token, if it is one and still good."""
        if not looks_like_token(text):
            return None
        digest, now = digest_of_token(text), self._clock()
        if text.startswith(SETUP_PREFIX):
            with self._records.reading() as books:
                return setting_up.find(books, text, now)
        until, token = self._known.get(digest, (0.0, None))
        if token is None or until < time.monotonic():
            token = self._looked_up(digest, now)
        return token if token is not None and token.is_good(now) else None

    def _looked_up(self, digest: str, now: datetime) -> Token | None:
        with self._records.reading() as books:
            found = books.notes.get(accounts.KIND, digest)
        if found is None:
            return None
        token = accounts.read(found)
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
            found = books.notes.get(accounts.KIND, digest)
            token = replace(accounts.read(found), used_at=now) if found is not None else None
            if token is not None:
                accounts.put(books, digest, token)
        return token


class Sessions:
    """The sessions as a server asks for them with every request; what it has read it believes for a second.

    Parameters
    ----------
    by_group
        The roles of each group, as they are now: a session is worth what the groups of its person are worth.
    """

    def __init__(self, records: Records, clock: Callable[[], datetime], by_group: Mapping[str, Sequence[str]]) -> None:
        self._records, self._clock, self._by_group = records, clock, by_group
        self._known: dict[str, tuple[float, SignedIn]] = {}
        self._lock = threading.Lock()

    def is_ready(self, secret: str) -> bool:
        """Say whether what is asked about a secret can be answered without reading the books."""
        until, _ = self._known.get(digest_of_token(secret), (0.0, None))
        return time.monotonic() < until

    def find(self, secret: str) -> SignedIn | None:
        """Return whose session this is, if it is one and still good."""
        if not 0 < len(secret) <= _LONGEST_SECRET:
            return None
        digest, now = digest_of_token(secret), self._clock()
        until, known = self._known.get(digest, (0.0, None))
        if known is None or until < time.monotonic():
            known = self._looked_up(digest, now)
        return known if known is not None and known.session.is_good(now) else None

    def _looked_up(self, digest: str, now: datetime) -> SignedIn | None:
        with self._records.reading() as books:
            session = signing_in.find_session(books, digest)
            user = signing_in.find_user(books, session.user) if session is not None else None
        if session is None or user is None or user.disabled_at is not None or not session.is_good(now):
            return None
        if now - session.seen_at > _SEEN_EVERY:
            session = self._seen(digest, now)
        try:
            user = replace(user, roles=roles_for(user.groups, self._by_group))
        except NoRoleError:
            return None
        if session is None:
            return None
        with self._lock:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[digest] = time.monotonic() + BELIEVED_SECONDS, SignedIn(session, user)
        return SignedIn(session, user)

    def _seen(self, digest: str, now: datetime) -> Session | None:
        """Note that a session was used, in the transaction that reads it: one that was ended meanwhile stays so."""
        with self._records.writing() as books:
            session = signing_in.find_session(books, digest)
            if session is not None:
                session = replace(session, seen_at=now)
                signing_in.put_session(books, digest, session)
        return session
