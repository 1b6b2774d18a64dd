"""A change of a project, tried out as a whole: what it does to the data, the steps, the model and the gate.

Runs without a server, in a home of its own within the project's: nothing that it does reaches an endpoint. Kept results
of steps are shared with the project's other runs, so that only what the change touches runs again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

from kaizenml.core.assessment import ASSESSMENT, Assessment
from kaizenml.core.difference import (
    MetricDifference,
    Word,
    differing,
    environment_facts,
    estimates,
    metric_difference,
)
from kaizenml.core.event import Kind
from kaizenml.core.gate import Check
from kaizenml.core.run import Run
from kaizenml.data.snapshot_diff import Difference as DataDifference
from kaizenml.errors import KaizenError
from kaizenml.improvement.comparison import Outcome
from kaizenml.loop import versioning
from kaizenml.loop.base_checkout import Base, changed_dependencies, checked_out
from kaizenml.loop.comparing import ROW_LOSS, metric_differences
from kaizenml.loop.evaluation_report import assessment_of
from kaizenml.loop.loading import Loaded, load_folder
from kaizenml.loop.order import Order, Way
from kaizenml.loop.running import run
from kaizenml.loop.settings import Settings
from kaizenml.loop.slice_differences import SliceDifference, slice_differences
from kaizenml.loop.wiring import House, Say, open_house

#: The name of the check that the model does not do worse than that of the base.
NOT_WORSE = "not_worse_than_base"
_AGAINST_CHAMPION = ("beats_champion(", "not_worse(")


@dataclass(frozen=True, slots=True)
class Beside:
    """What the change was held against.

    Parameters
    ----------
    called
        How the reports call it: the base's commit, or the champion's release.
    run
        Its run; None when it could not be made.
    error
        Why there is none.
    """

    called: str
    run: Run | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A change, and all that was found of it.

    Parameters
    ----------
    run
        The run of the changed project. None when it failed: ``error`` and ``hint`` say why.
    checks
        What must hold for the change to pass: the gate's checks, and that the model does not do worse than the base's.
    metrics, slices
        How they differ from those of what the change was held against.
    data
        How the rows differ; None when they are the same, or there is nothing to compare with.
    environment
        Distributions of other versions than the champion was made with, and here.
    dependencies
        How the files that name them differ from the base's.
    """

    project: str
    run: Run | None
    beside: Beside | None
    checks: tuple[Check, ...] = ()
    metrics: tuple[MetricDifference, ...] = ()
    slices: tuple[SliceDifference, ...] = ()
    data: DataDifference | None = None
    environment: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    dependencies: str = ""
    assessment: Assessment | None = None
    error: str = ""
    hint: str = ""

    @property
    def has_passed(self) -> bool:
        """Whether the run came to its end and every check holds."""
        return self.run is not None and all(check.has_passed for check in self.checks)


@dataclass(frozen=True, slots=True)
class Trial:
    """A change that was tried out, and the house in which what it left lies."""

    change: Change
    house: House


def tried(
    folder: Path,
    of: Settings,
    say: Say,
    *,
    author: str,
    against: str = "",
    parameters: Mapping[str, object] | None = None,
    allows_worse: bool = False,
) -> Trial:
    """Try a project out as it lies in its folder.

    Parameters
    ----------
    of
        The project's settings. Its champion, if its home knows one, is what the gate holds the model against.
    against
        A commit, branch or tag: the project is also run as it was where the present commit left it, and compared.
    parameters
        Values for the parameters of steps, for both.
    allows_worse
        Whether a model that surely does worse than the base's passes all the same.

    Raises
    ------
    UsageError
        When the project or the base cannot be found. What fails later is told in the `Change`.
    """
    loaded = load_folder(folder)
    house, rivals = open_house(_apart(of, of.folder)), open_house(of)
    given = dict(parameters or {})
    with ExitStack() as stack:
        base = stack.enter_context(checked_out(folder, against)) if against else None
        beside = _base_run(base, of, say, author, given) if base else _champion(rivals, loaded.project.name)
        dependencies = changed_dependencies(folder, base.commit) if base else ""
        try:
            made = _made(loaded, folder, house, rivals, author, given, say)
        except KaizenError as error:
            change = Change(loaded.project.name, None, beside, error=error.message, hint=error.hint)
            return Trial(replace(change, dependencies=dependencies), house)
    change = _seen(loaded, house, rivals, made, beside, is_base=base is not None, allows_worse=allows_worse)
    return Trial(replace(change, dependencies=dependencies), house)


def _apart(of: Settings, folder: Path) -> Settings:
    """Return settings of a home of its own, which shares the kept results of steps with the project's."""
    home = of.home / "ci"
    return replace(of, folder=folder, home=home, database=f"sqlite:///{home / 'kaizen.db'}", store=home)


def _made(
    loaded: Loaded, folder: Path, house: House, rivals: House, author: str, parameters: Mapping[str, object], say: Say
) -> Run:
    id_ = f"{loaded.project.name}-{house.clock.now():%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
    order = Order(id_, author, parameters, way=Way(proposes=False))
    return run(loaded, folder.resolve(), house, order, say, rivals=rivals)


def _base_run(base: Base, of: Settings, say: Say, author: str, parameters: Mapping[str, object]) -> Beside:
    called = f"{base.ref} ({base.commit[:12]})"
    say(f"base: {called}")
    try:
        loaded = load_folder(base.folder)
        house = open_house(_apart(of, base.folder))
        return Beside(
            called, _made(loaded, base.folder, house, house, author, parameters, lambda line: say(f"base: {line}"))
        )
    except KaizenError as error:
        say(f"base: {error.message}")
        return Beside(called, None, error.message)


def _champion(rivals: House, project: str) -> Beside | None:
    with rivals.records.reading() as books:
        endpoint = books.endpoints.find(project)
        if endpoint is None:
            return None
        return Beside(endpoint.champion, books.runs.find(books.releases.get(endpoint.champion).run))


def _seen(
    loaded: Loaded, house: House, rivals: House, made: Run, beside: Beside | None, *, is_base: bool, allows_worse: bool
) -> Change:
    other = beside.run if beside else None
    champion = _champion(rivals, loaded.project.name)
    metrics: list[MetricDifference] = []
    if other is not None:
        metrics = metric_differences(house, other, made) if is_base else _by_intervals(other, made)
    checks = _checks(house, made)
    if is_base and other is not None:
        checks.append(_not_worse(metrics, allows_worse=allows_worse))
    then = champion.run.environment if champion and champion.run else None
    return Change(
        loaded.project.name,
        made,
        beside,
        tuple(checks),
        tuple(metrics),
        tuple(slice_differences(house, other, made)) if is_base and other is not None else (),
        _data(house, loaded, other, made) if is_base and other is not None else None,
        {} if then is None else differing([environment_facts(then), environment_facts(made.environment)]),
        assessment=assessment_of(made, house.blobs) if ASSESSMENT in made.artefacts else None,
    )


def _by_intervals(other: Run, made: Run) -> list[MetricDifference]:
    before, after = estimates(other), estimates(made)
    each = [metric_difference(name, made.id, before[name], after[name]) for name in before if name in after]
    return [found for found in each if found is not None]


def _checks(house: House, made: Run) -> list[Check]:
    """Return the gate's checks; those against the champion fail here only where the model surely does worse.

    A change need not be an improvement to be merged: its release is what must beat the champion.
    """
    with house.records.reading() as books:
        tests = books.events.find(Kind.BACKTEST_FINISHED, f"model:{made.model_version}")
    is_worse = bool(tests) and tests[-1].facts["outcome"] == Outcome.WORSE
    found = []
    for check in made.verdict.checks if made.verdict else ():
        if check.name.startswith(_AGAINST_CHAMPION) and not check.has_passed and not is_worse:
            said = f"{check.evidence} Not surely worse, so the change may pass; its release would be held by the gate."
            found.append(replace(check, has_passed=True, evidence=said))
        else:
            found.append(check)
    return found


def _not_worse(metrics: list[MetricDifference], *, allows_worse: bool) -> Check:
    paired = next((each for each in metrics if each.metric == ROW_LOSS), None)
    if paired is None:
        return Check(NOT_WORSE, True, None, None, "The runs have no test rows in common to be compared by.")
    is_worse = paired.word is Word.WORSE
    evidence = f"Mean loss {paired.after:.4g} against {paired.before:.4g} of the base: {paired.word}; {paired.because}."
    if is_worse and allows_worse:
        evidence += " It was allowed to be worse."
    return Check(NOT_WORSE, allows_worse or not is_worse, paired.after, paired.before, evidence)


def _data(house: House, loaded: Loaded, other: Run, made: Run) -> DataDifference | None:
    if sorted(other.data.values()) == sorted(made.data.values()):
        return None
    with house.records.reading() as books:
        before, after = books.snapshots.get(other.snapshot), books.snapshots.get(made.snapshot)
    found = versioning.compared(house, before, after, id=loaded.project.id)
    return None if found.is_empty else found
