"""Signed webhooks, as Standard Webhooks 1.0 has them: what is signed, and how a receiver checks it.

The signature is HMAC-SHA256 over ``id.timestamp.body``, so neither may be changed nor an old request be sent again
later; a receiver that remembers ids drops what comes twice. While a secret is being exchanged each request carries a
signature for the old one and the new one.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from kaizenml.errors import RefusedError, UsageError

PREFIX = "whsec_"
#: A request may be so old, or so far ahead of the receiver's clock.
TOLERANCE_SECONDS = 300.0
_VERSION = "v1"
_MOST_DIGITS = 15
_ID, _AT, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


class SignatureError(RefusedError):
    """A webhook that is not what its sender signed, or came too late."""

    code = "signature"
    http_status = 401


def secret_text(random: bytes) -> str:
    """Return random bytes as the text of a secret."""
    return PREFIX + base64.b64encode(random).decode()


def signed_headers(id_: str, at: datetime, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Return the headers that tell a receiver whose request this is."""
    stamp = str(int(at.timestamp()))
    given = [f"{_VERSION},{_signature(id_, stamp, body, secret)}" for secret in secrets]
    return {_ID: id_, _AT: stamp, _SIGNATURE: " ".join(given)}


def verify_webhook(
    headers: Mapping[str, str],
    body: bytes,
    *secrets: str,
    now: datetime | None = None,
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> str:
    """Check that a request was signed by whoever has one of these secrets, lately; return its id.

    Parameters
    ----------
    headers
        Of the request; their names in any case.
    body
        Of the request, byte for byte as it came.
    secrets
        As `kaizen notify add` showed them (``whsec_…``). While one is exchanged, both.
    now
        The receiver's clock; aware.
    tolerance_seconds
        For so long a request is good, either way.

    Raises
    ------
    SignatureError
        When a header is missing, no secret made the signature, or the time is too far off.
    UsageError
        When a secret is not one.

    Notes
    -----
    A request may come twice: remember the ids for as long as you care, and answer those you know with 200.

    Examples
    --------
    ::

        import kaizenml as kz

        @app.post("/hooks/kaizen")
        async def told(request):
            kz.verify_webhook(request.headers, await request.body(), os.environ["WEBHOOK_SECRET"])
    """
    given = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in (_ID, _AT, _SIGNATURE) if not given.get(name)]
    if missing:
        raise SignatureError(f"The request has no {missing[0]}.", "Only signed webhooks are let in here.")
    id_, stamp = given[_ID], given[_AT]
    offered = [value for version, _, value in (each.partition(",") for each in given[_SIGNATURE].split()) if
               version == _VERSION]  # fmt: skip
    made = [_signature(id_, stamp, body, secret) for secret in secrets]
    # Every pair is compared, so that the time it takes says nothing.
    if not sum(hmac.compare_digest(one.encode(), other.encode()) for one in made for other in offered):
        raise SignatureError("The signature is not of this secret and this body.", "Compare the secrets.")
    is_number = stamp.isascii() and stamp.isdigit() and len(stamp) <= _MOST_DIGITS
    if not is_number or abs((now or datetime.now(UTC)).timestamp() - int(stamp)) > tolerance_seconds:
        raise SignatureError(f"The request was signed at {stamp[:20]!r}, which is not now.", "Compare the clocks.")
    return id_


def _signature(id_: str, stamp: str, body: bytes, secret: str) -> str:
    content = f"{id_}.{stamp}.".encode() + body
    return base64.b64encode(hmac.digest(_key(secret), content, "sha256")).decode()


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise UsageError("This is no secret of a webhook.", f"It begins with {PREFIX}; `kaizen notify add` showed it.")
    return key
