"""The two cookies: one while somebody signs in, one for their session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

#: Where a browser begins to sign in, and where the identity provider sends it back to.
SIGN_IN, CALLBACK = "/sign-in", "/sign-in/callback"
#: Where a session ends.
SIGN_OUT = "/sign-out"


class Cookies(NamedTuple):
    """What they are called. Behind TLS no other host and no page without TLS can set them (``__Host-``)."""

    signing: str
    session: str

    @property
    def is_secure(self) -> bool:
        """Whether a browser sends them over TLS alone."""
        return self.session.startswith("__Host-")


def cookies_at(url: str) -> Cookies:
    """Return what the cookies of a server are called that people reach by this address."""
    prefix = "__Host-" if url.startswith("https://") else ""
    return Cookies(f"{prefix}kaizen-sign-in", f"{prefix}kaizen-session")


def cookie_in(headers: Iterable[tuple[bytes, bytes]], name: str) -> str:
    """Return the value of a cookie; nothing when there is none, or there are several: one may be somebody else's."""
    found = []
    for header, value in headers:
        if header == b"cookie":
            pairs = (part.strip().partition("=") for part in value.decode("latin-1").split(";"))
            found += [text for key, mark, text in pairs if key == name and mark]
    return found[0] if len(found) == 1 else ""
