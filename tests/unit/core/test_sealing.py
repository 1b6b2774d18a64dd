"""Text that only the holder of a key can read, and nobody can change."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.core.sealing import NONCE_BYTES, seal, unsealed
from kaizenml.errors import IntegrityError

KEY = b"the key of a house that is long enough"
NONCE = bytes(range(NONCE_BYTES))


@settings(max_examples=50, deadline=None)
@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=300), st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES)
)
def test_what_was_sealed_opens_again(text: str, nonce: bytes) -> None:
    assert unsealed(seal(text, KEY, "a", nonce), KEY, "a") == text


def test_nothing_of_the_text_shows_and_nothing_repeats() -> None:
    sealed = base64.b64decode(seal("s3cret" * 10, KEY, "a", NONCE))

    assert b"s3cret" not in sealed
    assert sealed[NONCE_BYTES:] != base64.b64decode(seal("s3cret" * 10, KEY, "a", bytes(NONCE_BYTES)))[NONCE_BYTES:]
    assert len({sealed[at : at + 6] for at in range(NONCE_BYTES, NONCE_BYTES + 60, 6)}) == 10


def test_another_key_and_another_place_open_nothing() -> None:
    sealed = seal("text", KEY, "a", NONCE)

    for key, about in ((KEY + b"x", "a"), (KEY, "b"), (b"", "a")):
        with pytest.raises(IntegrityError, match="does not open"):
            unsealed(sealed, key, about)


def test_any_change_is_found() -> None:
    content = base64.b64decode(seal("text", KEY, "a", NONCE))

    for at in range(len(content)):
        changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        with pytest.raises(IntegrityError):
            unsealed(base64.b64encode(changed).decode(), KEY, "a")
    for text in ("", "AAAA", "no base64!", base64.b64encode(content[:-1]).decode()):
        with pytest.raises(IntegrityError):
            unsealed(text, KEY, "a")
