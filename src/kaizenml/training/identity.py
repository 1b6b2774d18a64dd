"""What a value's identity is written with, part by part; and the refusal of what has none."""

from __future__ import annotations

from typing import Any, Protocol

from blake3 import blake3

from kaizenml.errors import KaizenError


class UnhashableError(KaizenError):
    """A value that has no identity."""

    code = "unhashable"


class Writing(Protocol):
    """One value that is written."""

    hash: blake3

    def put(self, tag: str, content: bytes = b"") -> None:
        """Write a part: its kind and its length, then itself."""
        ...

    def write(self, value: Any, step: str) -> None:
        """Write a value that is part of this one, and is reached by a step such as ``.columns``."""
        ...

    def refused(self, value: object) -> UnhashableError:
        """Return the error that names the part of the value that has no identity."""
        ...
