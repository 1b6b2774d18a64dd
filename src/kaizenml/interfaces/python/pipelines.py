"""`kz.execute`, `kz.tune`, `kz.accept` and `kz.ci`: a project's steps, executed from a program or notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kaizenml.core.job import Work
from kaizenml.core.pipeline import TRAINING
from kaizenml.core.run import Run
from kaizenml.core.step import seconds_of
from kaizenml.interfaces.cli.common import house_of, person
from kaizenml.interfaces.cli.output import say_on_stderr
from kaizenml.interfaces.cli.own_job import own_job

if TYPE_CHECKING:
    from kaizenml.loop.ci import Change
    from kaizenml.loop.tuning import Tuned

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Execution:
    """A run that came to its end, and what the last steps of its pipeline gave.

    Parameters
    ----------
    run
        Its record: state, metrics, verdict, and of each step why it ran or did not.
    values
        By the name of the step.
    """

    run: Run
    values: Mapping[str, Any] = field(default_factory=dict)


def execute(
    pipeline: str = TRAINING,
    parameters: Mapping[str, object] | None = None,
    *,
    folder: Path | str = ".",
    on: str = "",
    start: str = "",
    only: str = "",
    cache: bool = True,
    also: Sequence[str] = (),
    resume: str = "",
    release: bool = True,
    say: Say | None = None,
) -> Execution:
    """Run a pipeline of the project in a folder, as `kaizen run` does, and return its record and its values.

    Parameters
    ----------
    parameters
        Values for the parameters of steps, such as ``{"estimator.learning_rate": 0.05}``.
    on
        Where steps run, as for ``--on``.
    start
        A step that runs again, with all that depend on it.
    only
        The one step that runs; what it needs must be kept.
    cache
        Whether kept results are used.
    also
        Studies of the evaluation beside those that the project asks for.
    resume
        A run that was interrupted, to go on with.
    release
        Whether a trained model is proposed as a release.
    say
        Told of progress, line by line; standard error unless told otherwise.

    Raises
    ------
    KaizenError
        When it cannot be done; the run is then recorded as failed.
    """
    from kaizenml.loop.loading import load_folder
    from kaizenml.loop.order import Order
    from kaizenml.loop.resuming import as_before
    from kaizenml.loop.running import run as run_project

    at = Path(folder).resolve()
    loaded, house = load_folder(at), house_of(at)
    asked = {"pipeline": pipeline, "start": start, "only": only, "uses_cache": cache, "runner": on,
             "also": list(also), "resumes": resume, "proposes": release}  # fmt: skip
    given, way = as_before(house, loaded.project.name, parameters or {}, asked)
    facts = {"folder": str(at), "author": person(), "parameters": given, "way": msgspec.to_builtins(way)}
    again = 'Go on with it: `kz.execute(resume="{}")`.'
    values: dict[str, Any] = {}
    with own_job(house, loaded.project.name, Work.RUN, facts, again=again) as job:
        order = Order(job.id, person(), given, job=job, way=way)
        done = run_project(loaded, at, house, order, say or say_on_stderr, values=values)
    return Execution(done, values)


def tune(
    trials: int = 30,
    *,
    folder: Path | str = ".",
    jobs: int = 1,
    on: str = "",
    timeout: str | float | None = None,
    say: Say | None = None,
) -> Tuned:
    """Look for better parameters of the project in a folder, as `kaizen tune` does; called again, it goes on.

    Parameters
    ----------
    trials
        How many the study has in the end.
    jobs
        How many run side by side.
    on
        Where trials run, as for ``--on``.
    timeout
        No trial begins after this time: seconds, or ``"30m"``.
    say
        Told of progress, line by line; standard error unless told otherwise.
    """
    from kaizenml.loop.loading import load_folder
    from kaizenml.loop.order import Order, Way
    from kaizenml.loop.tuning import tune as tune_project

    at = Path(folder).resolve()
    loaded, house = load_folder(at), house_of(at)
    way, seconds = Way(runner=on), seconds_of(timeout, "timeout")
    facts = {"folder": str(at), "author": person(), "trials": trials, "seconds": seconds, "jobs": jobs,
             "way": msgspec.to_builtins(way)}  # fmt: skip
    again = "Call it again: the search goes on where it was."
    with own_job(house, loaded.project.name, Work.TUNE, facts, again=again, prefix="tune-") as job:
        order = Order(job.id, person(), {}, way=way)
        return tune_project(
            loaded, at, house, order, say or say_on_stderr, trials=trials, jobs=jobs, seconds=seconds
        )  # fmt: skip


def accept(step: str, because: str, *, folder: Path | str = ".") -> tuple[str, ...]:
    """Declare that the changed code of a step gives what it gave; return what has changed in it. The event log says so.

    Parameters
    ----------
    because
        Why the change is harmless.

    Raises
    ------
    RefusedError
        When there is nothing to accept: it never ran, or its code is what it was.
    """
    from kaizenml.loop.accepting import accept as accept_step
    from kaizenml.loop.loading import load_folder
    from kaizenml.loop.order import Order

    at = Path(folder).resolve()
    loaded = load_folder(at)
    return accept_step(loaded, house_of(at), step, by=person(), because=because, order=Order("", person(), {}))


def ci(
    against: str = "",
    parameters: Mapping[str, object] | None = None,
    *,
    folder: Path | str = ".",
    out: Path | str | None = None,
    allow_worse: bool = False,
    say: Say | None = None,
) -> Change:
    """Try the project out as it lies in a folder, as `kaizen ci` does, and write its report.

    Parameters
    ----------
    against
        A commit, branch or tag: the project is compared with what it was where the present commit left it.
    out
        Folder of the report; ``.kaizen/ci/report`` unless told otherwise.
    allow_worse
        Whether a model that surely does worse than the base's passes all the same.
    say
        Told of progress, line by line; standard error unless told otherwise.
    """
    from kaizenml.interfaces.cli.common import check_project
    from kaizenml.loop.ci import tried
    from kaizenml.loop.ci_report import write
    from kaizenml.loop.wiring import read_settings

    at = Path(folder).resolve()
    of = read_settings(at)
    check_project(of)
    trial = tried(
        at, of, say or say_on_stderr, author=person(), against=against, parameters=parameters, allows_worse=allow_worse
    )  # fmt: skip
    write(trial, Path(out) if out else of.home / "ci" / "report")
    return trial.change
