"""A run: from the project's data to a gated release, every step told and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kaizenml.core.declaration import Declaration
from kaizenml.core.event import Draft, Kind
from kaizenml.core.gate import as_facts
from kaizenml.core.job import renewed
from kaizenml.core.monitor import as_facts as monitor_facts
from kaizenml.core.pipeline import TRAINING
from kaizenml.core.preparation import PREPARED
from kaizenml.core.run import Run, RunState, StepRun
from kaizenml.errors import KaizenError
from kaizenml.loop.cancelling import end_run
from kaizenml.loop.executing import executed, goals_of, needs_data, nodes_of
from kaizenml.loop.ingesting import prepare
from kaizenml.loop.loading import Loaded
from kaizenml.loop.observing import Observed, code_of
from kaizenml.loop.order import Order, Way, named
from kaizenml.loop.steps import JUDGED, given_by
from kaizenml.loop.wiring import House, Say
from kaizenml.packaging.environment import captured
from kaizenml.project import Project, defaults_of
from kaizenml.training.problem import time_parts

__all__ = ["Order", "Way", "declare", "run"]


def declare(project: Project, folder: Path) -> Declaration:
    """Return what a project declares, as plain values."""
    return Declaration(
        project=project.name,
        folder=str(folder),
        target=project.target,
        id=project.id,
        time=project.time,
        gate=tuple(as_facts(each) for each in project.requirements),
        delivery=project.delivery,
        monitors=tuple(monitor_facts(each) for each in project.monitors),
        retraining=project.retraining,
        polling=project.polling,
        group=project.group,
    )


def run(
    loaded: Loaded,
    folder: Path,
    house: House,
    order: Order,
    say: Say,
    *,
    rivals: House | None = None,
    values: dict[str, Any] | None = None,
) -> Run:
    """Take a project from its data to a gated release.

    Parameters
    ----------
    rivals
        Where the champion is known that the gate holds the model against; the same house unless told otherwise.
    values
        Filled with what the last steps of the pipeline gave.

    Raises
    ------
    KaizenError
        When a stage cannot be done; the run is then recorded as failed, with the sentence.
    """
    started, cause = _started(loaded, folder, house, order)
    steps: list[StepRun] = []
    with Observed(house, started) as seen:
        try:
            return _finished(
                loaded, folder, house, rivals or house, order, started, steps, say, seen, values, cause=cause
            )
        except KaizenError as error:
            _failed(house, seen.noted(replace(started, steps=tuple(steps))), error.message, error.hint, cause=cause)
            raise
        except KeyboardInterrupt:
            _cancelled(house, seen.noted(replace(started, steps=tuple(steps))), order)
            raise
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"[:500]
            _failed(house, seen.noted(replace(started, steps=tuple(steps))), said, "", cause=cause)
            raise


def _started(loaded: Loaded, folder: Path, house: House, order: Order) -> tuple[Run, int]:
    project = loaded.project
    begun = Run(
        id=order.id,
        project=project.name,
        state=RunState.RUNNING,
        started_at=house.clock.now(),
        code=code_of(loaded, folder, house),
        environment=captured(),
        seed=project.seed,
        parameters=_parameters(project, order.parameters),
        cause=order.cause,
        author=order.author,
    )
    with house.records.writing() as books:
        books.declarations.save(declare(project, folder))
        books.runs.save(begun)
        facts = {"by": order.author, "code": begun.code.digest, "commit": begun.code.commit, **named(order.way)}
        draft = Draft(
            project.name, order.author, Kind.RUN_STARTED, f"run:{begun.id}", order.cause, house.data_at(books), facts
        )
        return begun, books.events.append(draft, house.clock.now()).id


def _finished(
    loaded: Loaded, folder: Path, house: House, rivals: House, order: Order, begun: Run, steps: list[StepRun], say: Say,
    seen: Observed, goals: dict[str, Any] | None, *, cause: int,
) -> Run:  # fmt: skip
    project = loaded.project
    nodes = nodes_of(project, order)
    prepared = prepare(project, folder, house, say, cause=cause) if needs_data(nodes) else None
    given = {} if prepared is None else given_by(project, prepared)
    if prepared is not None:
        seen.read(prepared.snapshot)
    with loaded.at_hand():
        value = executed(loaded, house, order, nodes, given, say, steps).value
        begun = seen.ended(begun)
        if goals is not None:
            goals.update({name: value(name) for name in goals_of(project, order)})
        if prepared is None or order.way.only or order.way.pipeline != TRAINING:
            return _ended_without_release(project, house, order, begun, seen, steps, cause=cause)
        with house.records.writing() as books:
            seen.keep(books)
        values = {name: value(name) for name in JUDGED}
    from kaizenml.loop.concluding import concluded  # what judges a model takes longer to import than steps to run

    return concluded(loaded, house, rivals, order, begun, prepared, values, tuple(steps), say, cause=cause)


def _ended_without_release(
    project: Project, house: House, order: Order, begun: Run, seen: Observed, steps: list[StepRun], *, cause: int
) -> Run:
    with house.records.writing() as books:
        seen.keep(books)
        now = house.clock.now()
        if order.job is not None:
            books.jobs.save(renewed(order.job, order.job.fence, now), fence=order.job.fence)
        ended = replace(begun, state=RunState.FINISHED, finished_at=now, steps=tuple(steps))
        books.runs.save(ended)
        facts = {"state": ended.state, **named(order.way)}
        draft = Draft(
            project.name, "system:loop", Kind.RUN_FINISHED, f"run:{begun.id}", cause, house.data_at(books), facts
        )
        books.events.append(draft, now)
    return ended


def _cancelled(house: House, begun: Run, order: Order) -> None:
    with house.records.writing() as books:
        job = books.jobs.get(order.job.id) if order.job else None
        by = job.error.removeprefix("Cancelled by ").rstrip(".") if job and job.error else order.author
        books.runs.save(begun)
        end_run(books, house, begun.id, by)


def _failed(house: House, begun: Run, error: str, hint: str, *, cause: int) -> None:
    with house.records.writing() as books:
        if books.runs.get(begun.id).is_over:
            return  # what failed came after its end
        ended = replace(begun, state=RunState.FAILED, finished_at=house.clock.now(), error=error, hint=hint)
        books.runs.save(ended)
        facts = {"error": error, "hint": hint}
        draft = Draft(
            begun.project, "system:loop", Kind.RUN_FAILED, f"run:{begun.id}", cause, house.data_at(books), facts
        )
        books.events.append(draft, house.clock.now())


def _parameters(project: Project, given: Mapping[str, object]) -> dict[str, object]:
    """Return every parameter of the project's steps, with what was given in place of defaults."""
    steps = {"features": time_parts} | project.steps
    found = {f"{name}.{each}": value for name, step in steps.items() for each, value in defaults_of(step).items()}
    prepared = {f"{PREPARED}{each.column}": each.text for each in project.preparations}
    return {name: value for name, value in {**found, **given, **prepared}.items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))
