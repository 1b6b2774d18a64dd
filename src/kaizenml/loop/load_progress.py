"""How far long work on rows has come: rows, bytes, rows per second."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from kaizenml.data.incremental import Batch
from kaizenml.loop.wiring import Say

#: A load that takes long is told of this often.
TELL_SECONDS = 5.0


@dataclass(slots=True)
class Progress:
    """Tells of a load: now and then while it lasts, and at the end of each batch."""

    say: Say
    began: float = field(default_factory=time.perf_counter)
    last: float = field(default_factory=time.perf_counter)
    doing: str = "ingest"

    def told(self, rows: int, size_bytes: int, of_bytes: int = 0) -> None:
        """Say how far it has come, of how much where that is known, if it has been silent for long."""
        if time.perf_counter() - self.last > TELL_SECONDS:
            self._say("so far", rows, size_bytes, of_bytes)

    def loaded(self, batch: Batch, rows: int) -> None:
        """Say what was loaded."""
        notes = [f"{batch.facts[word]:,} {word}" for word in ("late", "seen", "missed") if batch.facts.get(word)]
        self._say(f"{batch.name}" + (f" ({', '.join(notes)})" if notes else ""), rows, batch.size_bytes)
        self.began = self.last

    def _say(self, what: str, rows: int, size_bytes: int, of_bytes: int = 0) -> None:
        self.last = time.perf_counter()
        rate = rows / max(self.last - self.began, 1e-6)
        size = f", {size_bytes / 1e6:.1f} MB" if size_bytes else ""
        size += f" of {of_bytes / 1e6:.1f}" if size and of_bytes else ""
        self.say(f"{self.doing}: {what}: {rows:,} rows{size}, {rate:,.0f} rows/s")
