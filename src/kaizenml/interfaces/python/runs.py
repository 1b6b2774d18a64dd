"""`kz.runs`, `kz.compare`, `kz.rerun` and `kz.cancel`: runs, found and held against each other from a program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kaizenml.core.query_text import parsed
from kaizenml.core.run import RunLine
from kaizenml.interfaces.cli.common import house_of, person
from kaizenml.interfaces.cli.output import say_on_stderr

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaizenml.core.difference import Difference
    from kaizenml.core.job import Job
    from kaizenml.loop.rerunning import Rerun


def runs(question: str = "", *, limit: int = 50, folder: Path | str = ".") -> list[RunLine]:
    """Return the runs that fulfil a question, in its order; the newest first without one.

    Parameters
    ----------
    question
        As for `kaizen runs`: ``"metrics.roc_auc > 0.7 AND NOT params.kind = 'tree' ORDER BY started"``.
    limit
        At most so many.

    Raises
    ------
    QueryError
        When it cannot be understood, or asks for a name that no run has; it says where, and what was meant.
    """
    with house_of(Path(folder)).records.reading() as books:
        found = books.runs.search(parsed(question), limit=limit)
        if question and not found:
            parsed(question, books.runs.names())  # perhaps a name is misspelt
    return found


def compare(*runs: str, folder: Path | str = ".") -> Difference:
    """Return where runs differ from the first of them, and whether metrics differ by more than noise.

    Parameters
    ----------
    runs
        Two or more: ids or how they begin, names, releases (``flights/3``) or model versions (``flights:3``).
    """
    from kaizenml.loop.comparing import compare as compared

    return compared(house_of(Path(folder)), runs)


def rerun(
    run: str, *, anyway: bool = False, folder: Path | str = ".", say: Callable[[str], None] | None = None
) -> Rerun:
    """Execute an old run again from its record; its ``largest`` says how far the results are from the first ones.

    Parameters
    ----------
    anyway
        Although libraries or the interpreter are others than then.
    say
        Told of progress, line by line; standard error unless told otherwise.
    """
    from kaizenml.loop.rerunning import rerun as executed_again

    return executed_again(house_of(Path(folder)), run, say or say_on_stderr, author=person(), anyway=anyway)


def cancel(run: str, *, folder: Path | str = ".") -> Job:
    """Cancel a run, or another job, that is queued or under way, wherever it executes."""
    from kaizenml.loop.cancelling import cancel as cancel_run

    return cancel_run(house_of(Path(folder)), run, by=person())
