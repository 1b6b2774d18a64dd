"""How quick a release has proved to be."""

from __future__ import annotations

#: Requests of at most this many rows tell how quick a release is, and may be scored without a thread.
FEW_ROWS = 8

_PROOFS = 16
_SLOWER = 10.0


class Pace:
    """Whether a release answers a few rows so quickly that handing them to another thread would cost more.

    The quickest of its last answers decides, because on a shared machine an answer may take longer than its work; one
    that is ten times slower than allowed makes it prove itself again.
    """

    def __init__(self) -> None:
        self._quickest = float("inf")
        self._seen = 0

    def record(self, rows: int, seconds: float) -> None:
        """Learn from one batch."""
        if rows <= FEW_ROWS:
            self._seen += 1
            self._quickest = min(self._quickest, seconds)

    def is_quick(self, rows: int, most_seconds: float) -> bool:
        """Say whether this many rows may be expected within the time."""
        return rows <= FEW_ROWS and self._seen >= _PROOFS and self._quickest <= most_seconds

    def doubt(self, seconds: float, most_seconds: float) -> None:
        """Start to learn anew when an answer took far longer than allowed."""
        if seconds > most_seconds * _SLOWER:
            self._seen, self._quickest = 0, float("inf")
