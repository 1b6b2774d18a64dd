"""An old run, executed again from its record: its code, its data, its parameters, its seed."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

from kaizenml.core.difference import differing, environment_facts, estimates
from kaizenml.core.event import Kind
from kaizenml.core.metric import Estimate
from kaizenml.core.pipeline import TRAINING
from kaizenml.core.ports import Books
from kaizenml.core.preparation import settable
from kaizenml.core.run import Command, Environment, Run, RunKind, RunState, StepRun
from kaizenml.core.secrets import HIDDEN
from kaizenml.core.signature import furthest
from kaizenml.core.snapshot import Snapshot
from kaizenml.errors import KaizenError, StateError, StepFailedError, WrongEnvironmentError, bounded
from kaizenml.loop.alive import alive
from kaizenml.loop.bundling import bundled
from kaizenml.loop.executing import executed, needs_data, nodes_of
from kaizenml.loop.live import live
from kaizenml.loop.loading import Loaded, load_code
from kaizenml.loop.observing import Observed
from kaizenml.loop.order import Order, Way
from kaizenml.loop.pinning import prepared_again
from kaizenml.loop.run_names import found_run
from kaizenml.loop.steps import given_by
from kaizenml.loop.tracking import AGAIN
from kaizenml.loop.wiring import House, Say
from kaizenml.packaging.bundle import unpack
from kaizenml.packaging.environment import captured
from kaizenml.training.program import again as command_again
from kaizenml.training.provenance import unpacked_files

#: What a step of the training pipeline leaves that is needed to answer the golden rows.
_JUDGED = ("rows", "problem", "split", "train", "evaluate")


@dataclass(frozen=True, slots=True)
class Rerun:
    """A run executed again, and how far its results are from the first ones.

    Parameters
    ----------
    metrics
        The absolute difference of each metric that both have, 0 when they are the same.
    predictions
        The largest difference of an answer to the golden rows; None where there are none.
    steps
        Steps that gave another value than then.
    """

    original: str
    run: str
    metrics: Mapping[str, float]
    predictions: float | None = None
    environment: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    steps: tuple[str, ...] = ()

    @property
    def largest(self) -> float:
        """The largest difference of all."""
        return max([*self.metrics.values(), self.predictions or 0.0], default=0.0)


def rerun(house: House, word: str, say: Say, *, author: str, anyway: bool = False) -> Rerun:
    """Execute a run again and say how far its results are from the first ones.

    Parameters
    ----------
    word
        The run's id or name, its release or its model version.
    anyway
        Whether to do so although libraries or the interpreter are others than then.

    Raises
    ------
    WrongEnvironmentError
        When they are others.
    StateError
        When the record does not hold what is needed.
    """
    with house.records.reading() as books:
        original = found_run(books, word)
    if original.command is None and original.kind in (RunKind.MLFLOW, RunKind.NOTEBOOK, RunKind.SCRIPT):
        raise _typed(original)
    if original.kind is RunKind.TUNING:
        raise StateError(
            f"{original.id} is a search for better parameters, and no run that could be executed again.",
            "Go on with it: `kaizen tune`; its trials are in its artefact study.json.",
        )
    others = environment_difference(original.environment, captured())
    if others and not anyway:
        raise _wrong_environment(original, others)
    again, predictions = (
        _program_again(house, original, say)
        if original.command is not None
        else _pipeline_again(house, original, say, author)
    )
    apart = metric_distances(original, again)
    return Rerun(original.id, again.id, apart, predictions, others, other_steps(original, again))


def other_steps(before: Run, after: Run) -> tuple[str, ...]:
    """Return the steps of both runs that gave another value; of one that gave nothing to compare, nothing is said."""
    old = {step.name: step.output for step in before.steps if step.output}
    return tuple(step.name for step in after.steps if step.output and old.get(step.name, step.output) != step.output)


def environment_difference(then: Environment, now: Environment) -> dict[str, tuple[object, ...]]:
    """Return what of the old environment is another now; what is installed beside it does not matter."""
    machine = ("cpus", "memory (GiB)", "processor", "gpus")
    before = {name: value for name, value in environment_facts(then).items() if name not in machine}
    after = environment_facts(now)
    return differing([before, {name: after.get(name) for name in before}])


def metric_distances(before: Run, after: Run) -> dict[str, float]:
    """Return the absolute difference of every metric that both runs have."""
    old, new = estimates(before), estimates(after)
    return {name: _apart(_value(old[name]), _value(new[name])) for name in old if name in new}


def _pipeline_again(house: House, original: Run, say: Say, author: str) -> tuple[Run, float | None]:
    with house.records.reading() as books:
        way = _way(books, original)
        snapshot = books.snapshots.get(original.snapshot) if original.snapshot else None
        folder = Path(books.declarations.get(original.project).folder)
        first = books.models.get(original.model_version) if original.model_version else None
    loaded = laid_out(house, original, folder)
    begun = replace(
        _fresh(house, original, author), code=replace(original.code, digest=loaded.digest), seed=loaded.project.seed
    )
    try:
        _check_data(loaded, original, way)
        with alive(house, begun.id), Observed(house, begun) as seen:
            with house.records.writing() as books:
                books.runs.save(begun)
            if snapshot is not None:
                seen.read(snapshot)
            try:
                if snapshot is None or way.only or way.pipeline != TRAINING:
                    ended, predictions = _steps_again(house, loaded, folder, begun, way, snapshot, say), None
                else:
                    ended, predictions = _executed_again(house, loaded, folder, begun, snapshot, first, say)
            except BaseException as error:
                state = RunState.CANCELLED if isinstance(error, KeyboardInterrupt) else RunState.FAILED
                failed = replace(live(house, begun), state=state, error=f"{type(error).__name__}: {error}"[:500])
                _save(house, seen.noted(failed))
                raise
            return _save(house, seen.noted(ended)), predictions
    finally:
        shutil.rmtree(loaded.folder, ignore_errors=True)


def _way(books: Books, run: Run) -> Way:
    """Return which part of the steps a run was for; of a repetition, that of the run that it repeats."""
    while run.again and (before := books.runs.find(run.again)) is not None:
        run = before
    kinds = Kind.RUN_FINISHED, Kind.RUN_STARTED
    told = (each.facts for kind in kinds for each in books.events.find(kind, f"run:{run.id}"))
    facts = next((each for each in told if "pipeline" in each), {})
    return Way(str(facts.get("pipeline", TRAINING)), only=str(facts.get("only", "")), uses_cache=False, runner="local")


def _check_data(loaded: Loaded, original: Run, way: Way) -> None:
    order = Order("", "", settable(original.parameters), way=way)
    if not original.snapshot and needs_data(nodes_of(loaded.project, order)):
        raise StateError(
            f"The run {original.id} ended before its data were loaded: there is nothing to execute again.",
            "Begin a new one: `kaizen run`.",
        )


def _steps_again(
    house: House, loaded: Loaded, folder: Path, begun: Run, way: Way, snapshot: Snapshot | None, say: Say
) -> Run:
    """Execute a pipeline that trains no model to be released; of one step alone, with all that it needs."""
    order = Order(begun.id, begun.author, settable(begun.parameters), way=way)
    nodes = nodes_of(loaded.project, order)
    order = replace(order, way=replace(way, only=""))
    given = {}
    if snapshot is not None:
        given = given_by(loaded.project, prepared_again(loaded.project, folder, house, snapshot))
    steps: list[StepRun] = []
    with loaded.at_hand():
        executed(loaded, house, order, nodes, given, say, steps)
    return replace(begun, state=RunState.FINISHED, steps=tuple(steps))


def _executed_again(
    house: House, loaded: Loaded, folder: Path, begun: Run, snapshot: Snapshot, first: object, say: Say
) -> tuple[Run, float | None]:
    prepared = prepared_again(loaded.project, folder, house, snapshot)
    say(f"data: {snapshot.name}, the same {snapshot.rows:,} rows")
    order = Order(begun.id, begun.author, settable(begun.parameters), way=Way(uses_cache=False, runner="local"))
    steps: list[StepRun] = []
    with loaded.at_hand():
        done = executed(
            loaded, house, order, nodes_of(loaded.project, order), given_by(loaded.project, prepared), say, steps
        )
        values = {name: done.value(name) for name in _JUDGED}
        predictions = None
        if first is not None:
            golden = unpack(house.blobs.get(first.bundle)).golden  # type: ignore[attr-defined]
            _, scorer = bundled(loaded, prepared, values, begun)
            predictions = furthest(golden, scorer.answer(golden.rows))
    found = values["evaluate"]
    ended = replace(
        begun, state=RunState.FINISHED, steps=tuple(steps), metrics=found.metrics, baselines=found.baselines
    )
    return ended, predictions


def _program_again(house: House, original: Run, say: Say) -> tuple[Run, float | None]:
    command = original.command
    assert command is not None
    _check_command(original, command)
    code = Path(mkdtemp(prefix="kaizen-code-"))
    try:
        if original.code.files is not None:
            _lay_out(code, unpacked_files(house.blobs.get(original.code.files)))
        words, environment = command_again(command, code)
        say(f"executing {' '.join(words[1:])} in {command.folder}")
        environment = {key: value for key, value in environment.items() if key != "KAIZEN_SERVER"}
        environment |= {AGAIN: original.id, "KAIZEN_HOME": str(house.settings.home)}
        done = subprocess.run(
            words, cwd=command.folder, env=environment, stdout=2, check=False
        )  # beside what is told here
    finally:
        shutil.rmtree(code, ignore_errors=True)
    run = _made_by(house, original)
    if done.returncode or run is None:
        what = f"left with exit code {done.returncode}" if done.returncode else "tracked no run"
        raise StepFailedError(f"The program of {original.id} {what} this time.", "Look at what it wrote, above.")
    return run, None


def _check_command(original: Run, command: Command) -> None:
    if any(HIDDEN in word for word in command.arguments):
        raise StateError(
            f"The command of {original.id} held a secret, which was not kept.", "Call the program by hand instead."
        )
    if not command.arguments or (not command.entry and "-c" not in command.arguments):
        raise _typed(original)
    if not Path(command.folder).is_dir():
        raise StateError(f"The folder {command.folder} is gone, where it ran.", "Make it, with the data it reads.")


def _typed(original: Run) -> StateError:
    return StateError(
        f"The program of {original.id} was typed or ran elsewhere: there is nothing to execute.",
        "Put it into a file, and run that.",
    )


def _made_by(house: House, original: Run) -> Run | None:
    with house.records.reading() as books:
        found = [run for run in books.runs.newest(limit=200) if run.again == original.id and run.kind is RunKind.RERUN]
    tops = [run for run in found if run.name == original.name] or found
    return tops[0] if tops else None


def laid_out(house: House, original: Run, folder: Path) -> Loaded:
    """Load the code of a run in a folder of its own, beside which lie the other files of the project."""
    if original.code.files is None or not house.blobs.has(original.code.files):
        raise StateError(
            f"The code of {original.id} was not kept: it ran before kaizenml kept it.",
            f"Check {original.code.commit[:12] or 'its code'} out, and run it anew.",
        )
    loaded = load_code(unpacked_files(house.blobs.get(original.code.files)))
    for entry in folder.iterdir() if folder.is_dir() else ():
        if not entry.name.startswith(".") and entry.suffix != ".py" and not (loaded.folder / entry.name).exists():
            os.symlink(entry, loaded.folder / entry.name)
    return loaded


def _lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        target = (folder / path).resolve()
        if target.is_relative_to(folder.resolve()):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _fresh(house: House, original: Run, author: str) -> Run:
    return Run(
        id=f"{original.project}-again-{house.clock.now():%Y%m%d-%H%M%S}-{uuid4().hex[:4]}",
        project=original.project,
        state=RunState.RUNNING,
        started_at=house.clock.now(),
        code=original.code,
        environment=captured(),
        parameters=original.parameters,
        kind=RunKind.RERUN,
        name=original.name,
        author=author,
        again=original.id,
    )


def _save(house: House, run: Run) -> Run:
    ended = replace(run, finished_at=house.clock.now())
    with house.records.writing() as books:
        books.runs.save(ended)
    return ended


def _wrong_environment(original: Run, others: Mapping[str, tuple[object, ...]]) -> KaizenError:
    listed = bounded(f"{name} {found or 'none'} instead of {wanted}" for name, (wanted, found) in others.items())
    packages = {name: wanted for name, (wanted, _) in others.items() if name not in ("python", "platform")}
    pins = " ".join(f"'{name}=={wanted}'" for name, wanted in list(packages.items())[:8])
    return WrongEnvironmentError(
        f"The run {original.id} had another environment: here is {listed}.",
        f"Run `python -m pip install {pins}`, or add --anyway.",
        {"environment": {name: {"wanted": wanted, "found": found} for name, (wanted, found) in others.items()}},
    )


def _value(of: Estimate | float) -> float:
    return of.value if isinstance(of, Estimate) else of


def _apart(left: float, right: float) -> float:
    if left == right or (math.isnan(left) and math.isnan(right)):
        return 0.0
    return abs(left - right)
