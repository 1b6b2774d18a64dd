"""Ids for rows that bring none."""

from __future__ import annotations

import secrets
from itertools import count


class Ids:
    """Makes ids that no other process makes: 64 random bits, drawn once, and a counter.

    They are told to the caller only and name nothing but a logged row; they are not secrets.
    """

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(8)
        self._counter = count(1)

    def fresh(self) -> str:
        """Return an id that was never returned before."""
        return f"{self._prefix}-{next(self._counter):x}"
