"""Who may do what."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from enum import StrEnum

from kaizenml.errors import SettingError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})
_SHORTEST_TOKEN = 16


class Permission(StrEnum):
    """What a route asks of its caller."""

    PUBLIC = "public"  # nothing: health only
    VIEW = "view"
    RUN = "run"
    APPROVE = "approve"
    OPERATE = "operate"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server listens, and which token opens it.

    Without a token everybody who reaches it may do everything, so it must then listen on this machine alone.

    Parameters
    ----------
    host
        The address that the server is bound to.
    token
        At least 16 characters; None: single-user mode.
    names
        Further names by which browsers may call the server.
    """

    host: str = "127.0.0.1"
    token: str | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.token is None and self.host not in _LOOPBACK:
            raise SettingError(
                f"The control plane would be open to everybody on {self.host}.",
                "Set KAIZEN_TOKEN to a long random text, or listen on 127.0.0.1.",
            )
        if self.token is not None and len(self.token) < _SHORTEST_TOKEN:
            raise SettingError(
                f"The token has {len(self.token)} characters; it needs {_SHORTEST_TOKEN} or more.",
                'Make one with `python -c "import secrets; print(secrets.token_urlsafe())"`.',
            )

    def granted(self, authorization: bytes | None) -> frozenset[Permission]:
        """Return what a caller with this header may do; nothing but the public things without the right token."""
        if self.token is None or _is_same(_offered(authorization), self.token):
            return frozenset(Permission)
        return frozenset({Permission.PUBLIC})

    def knows_host(self, host: str) -> bool:
        """Say whether browsers may call the server by this name; a strange one means DNS rebinding.

        On an address for everybody (``0.0.0.0``) without `names`, any name will do: the token protects it.
        """
        if self.host in _EVERYWHERE and not self.names:
            return True
        return host in _LOOPBACK or host == self.host.lower() or host in self.names


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
