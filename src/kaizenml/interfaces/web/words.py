"""Times, shares and counts as people say them."""

from __future__ import annotations

from datetime import datetime

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


def age(at: datetime | None, now: datetime) -> str:
    """Return how long ago that was: ``3 min ago``."""
    if at is None:
        return ""
    seconds = (now - at).total_seconds()
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now"


def counted(number: int, noun: str) -> str:
    """Return ``1 row`` or ``2,000 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def share(part: float) -> str:
    """Return a fraction in percent, short."""
    return f"{100 * part:.3g} %"


def shortened(text: str, most: int = 140) -> str:
    """Return the first line of a text, cut where it grows long."""
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= most else line[: most - 1] + "…"
