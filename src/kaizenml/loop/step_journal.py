"""One line for each step of a run that is over, in a file: what is known of a run when its process dies."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import msgspec

from kaizenml.core.run import StepRun

#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(StepRun),)


class StepJournal:
    """Writes the steps of a run as they end; a line that was written survives its process."""

    def __init__(self, home: Path, run: str) -> None:
        path = _path(home, run)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = path.open("ab", buffering=0)

    def write(self, story: StepRun) -> None:
        """Add a step."""
        self._handle.write(msgspec.json.encode(story) + b"\n")

    def __enter__(self) -> StepJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.close()


def steps_told(home: Path, run: str) -> tuple[StepRun, ...]:
    """Return the steps of a run that were over before its process ended; a half-written last line does not count."""
    try:
        lines = _path(home, run).read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return ()
    return tuple(msgspec.json.decode(line, type=StepRun) for line in lines)


def _path(home: Path, run: str) -> Path:
    return home / "runs" / f"{run}.ndjson"
