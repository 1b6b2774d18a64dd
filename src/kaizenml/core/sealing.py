"""Text that only the holder of a key can read, and that nobody else can change.

A stream from SHAKE-256 under a key and a nonce hides the text, HMAC-SHA256 over all of it shows a change (encrypt, then
authenticate: Bellare and Namprempre, 2000). Both keys come from the home's by HMAC under names of their own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from kaizenml.errors import IntegrityError

NONCE_BYTES = 16
_TAG_BYTES = 32


def seal(text: str, key: bytes, about: str, nonce: bytes) -> str:
    """Return the text sealed.

    Parameters
    ----------
    key
        The home's.
    about
        What it belongs to: it opens nowhere else.
    nonce
        `NONCE_BYTES` that were never used before with this key; random ones.
    """
    plain = text.encode()
    hidden = _mixed(plain, key, nonce)
    return base64.b64encode(nonce + hidden + _tag(key, about, nonce + hidden)).decode()


def unsealed(sealed: str, key: bytes, about: str) -> str:
    """Return the text again.

    Raises
    ------
    IntegrityError
        When it was sealed with another key or for something else, or was changed.
    """
    try:
        content = base64.b64decode(sealed, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    body, tag = content[:-_TAG_BYTES], content[-_TAG_BYTES:]
    if len(body) < NONCE_BYTES or not hmac.compare_digest(tag, _tag(key, about, body)):
        raise IntegrityError(
            f"What was sealed for {about} does not open with the key of this home.",
            "Give the home the key that it had (KAIZEN_KEY, or the file `key`), or add it anew.",
        )
    return _mixed(body[NONCE_BYTES:], key, body[:NONCE_BYTES]).decode()


def _mixed(content: bytes, key: bytes, nonce: bytes) -> bytes:
    stream = hashlib.shake_256(_derived(key, b"hide") + nonce).digest(len(content))
    return bytes(one ^ other for one, other in zip(content, stream, strict=True))


def _tag(key: bytes, about: str, body: bytes) -> bytes:
    name = about.encode()
    return hmac.digest(_derived(key, b"seal"), len(name).to_bytes(4, "big") + name + body, "sha256")


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"kaizenml sealing: " + purpose, "sha256")
