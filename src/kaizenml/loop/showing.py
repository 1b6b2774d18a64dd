"""One run, with what belongs to it: what caused it, its series, its console, its uncommitted changes, its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kaizenml.core.event import Event
from kaizenml.core.run import Run
from kaizenml.core.series import Last
from kaizenml.core.sparkline import sparkline
from kaizenml.errors import NotFoundError, StateError, UsageError
from kaizenml.loop.live import live
from kaizenml.loop.run_names import found_run
from kaizenml.loop.wiring import House, write_file

#: Of so many series the curves are read, the run's own first; a longer one than this is not.
MOST_CURVES, MOST_POINTS = 40, 500_000
SYSTEM = "system/"


@dataclass(frozen=True, slots=True)
class Shown:
    """A run, the event that caused it, its series in a line each, and the curves of the first of them as bars."""

    run: Run
    cause: Event | None
    series: Mapping[str, Last]
    curves: Mapping[str, str]


def shown(house: House, word: str, *, draws: bool = True) -> Shown:
    """Return a run with what belongs to it; of one that goes on, as far as it is.

    Raises
    ------
    NotFoundError
        When there is none of that name, with the close match.
    UsageError
        When the ids of several begin so.
    """
    with house.records.reading() as books:
        run = live(house, found_run(books, word))
        cause = None if run.cause is None else books.events.get(run.cause)
        known = books.series.last(run.id)
        series = {name: known[name] for name in sorted(known, key=lambda name: (name.startswith(SYSTEM), name))}
        drawn = [name for name, each in series.items() if 1 < each.points <= MOST_POINTS][:MOST_CURVES] if draws else []
        curves = {name: sparkline([point.value for point in books.series.read(run.id, name)]) for name in drawn}
    return Shown(run, cause, series, curves)


def diff_of(house: House, run: Run) -> str:
    """Return what git had not committed when a run began.

    Raises
    ------
    StateError
        When git did not know the code.
    """
    if not run.code.commit:
        raise StateError(f"The code of run {run.id} was in no git repository.", "Its files are kept: `kaizen compare`.")
    return "" if run.code.diff is None else house.blobs.get(run.code.diff).decode("utf-8", "replace")


def save_artefact(house: House, run: Run, path: str, out: Path) -> int:
    """Write a file that a run kept to ``out``, wholly or not at all; return its size in bytes.

    Raises
    ------
    NotFoundError
        When the run kept no file of this path, with the close match.
    """
    if path not in run.artefacts:
        raise NotFoundError("artefact", path, sorted(run.artefacts), f"Run {run.id} keeps {len(run.artefacts)}.")
    if out.exists() and not out.is_file():
        raise UsageError(f"{out} is no file that could be written.", "Name a file: --out FILE.")
    content = house.blobs.get(run.artefacts[path])
    write_file(out, content)
    return len(content)
