"""Identity by content: the same value has the same digest, anywhere and always."""

from __future__ import annotations

import hashlib
import json
from typing import NewType

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

Digest = NewType("Digest", str)
"""64 hexadecimal digits: a sha256."""


def digest_of_bytes(content: bytes) -> Digest:
    """Return the sha256 of the bytes, as hexadecimal digits."""
    return Digest(hashlib.sha256(content).hexdigest())


def canonical(value: object) -> bytes:
    """Return the one JSON text of a value made of dicts, lists, strings, numbers, booleans and None.

    Keys are sorted, nothing is blank, NaN and infinities are refused, text is UTF-8.

    Raises
    ------
    ValueError
        For NaN and infinities.
    TypeError
        For values that JSON cannot say.
    """
    return _CANONICAL.encode(value).encode()


def digest_of(value: object) -> Digest:
    """Return the sha256 of the canonical JSON text of a value."""
    return digest_of_bytes(canonical(value))


def is_digest(text: str) -> bool:
    """Say whether the text could be a digest."""
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
