"""The steps of a run, executed: which of them, with what, where, and what is written of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from kaizenml.core.pipeline import TRAINING
from kaizenml.core.process import nobody_left_behind
from kaizenml.core.run import StepRun
from kaizenml.core.step import StepState
from kaizenml.core.task import Runner
from kaizenml.errors import NotFoundError, UsageError
from kaizenml.loop.accepting import accepted
from kaizenml.loop.codebase import ProjectCode
from kaizenml.loop.loading import Loaded
from kaizenml.loop.order import Order
from kaizenml.loop.performing import Local, Performer, Pool
from kaizenml.loop.settings import checked_runner
from kaizenml.loop.step_journal import StepJournal
from kaizenml.loop.steps import GIVEN, steps_of
from kaizenml.loop.wiring import House, Say, open_pool, open_ray, open_step_cache
from kaizenml.project import Project
from kaizenml.training.engine import Asked, Engine
from kaizenml.training.graph import Node, graph, needed_for
from kaizenml.training.serialize import deserialized, serialized
from kaizenml.training.shelf import Shelf
from kaizenml.training.system import room_here


@dataclass(frozen=True, slots=True)
class Executed:
    """The values of an execution, and the story of each step."""

    value: Callable[[str], Any]
    steps: tuple[StepRun, ...]


def nodes_of(project: Project, order: Order) -> list[Node]:
    """Return the steps that an order runs, in order.

    Raises
    ------
    NotFoundError
        For a pipeline or step that the project does not have.
    ProjectError
        When the steps make no graph.
    """
    nodes = graph(steps_of(project), GIVEN, order.parameters, project.options)
    way = order.way
    if way.also and (way.only or way.pipeline != TRAINING):
        what = f"The step {way.only!r}" if way.only else f"The pipeline {way.pipeline!r}"
        raise UsageError(f"{what} evaluates no model that could be studied ({', '.join(way.also)}).",
                         "Ask for studies where the training pipeline runs as a whole.")  # fmt: skip
    if way.only:
        return needed_for(nodes, [way.only])
    if way.pipeline != TRAINING:
        if way.pipeline not in project.pipelines:
            raise NotFoundError("pipeline", way.pipeline, [TRAINING, *project.pipelines])
        return needed_for(nodes, project.pipelines[way.pipeline].goals)
    return _of_training(nodes, project)


def needs_data(nodes: list[Node]) -> bool:
    """Say whether any of the steps needs rows of the project's source."""
    return any(set(node.needs) & set(GIVEN) for node in nodes)


def goals_of(project: Project, order: Order) -> tuple[str, ...]:
    """Return the steps that an order is for."""
    if order.way.only:
        return (order.way.only,)
    found = project.pipelines.get(order.way.pipeline)
    return found.goals if found else ("evaluate",)


def executed(
    loaded: Loaded, house: House, order: Order, nodes: list[Node], given: Mapping[str, object], say: Say,
    steps: list[StepRun],
) -> Executed:  # fmt: skip
    """Execute the steps; each is put into ``steps`` and into the run's journal when it is over.

    Raises
    ------
    StepFailedError
        When a step fails.
    """
    cache, code = open_step_cache(house.settings), ProjectCode(loaded, ignore=(house.settings.home,))
    shelf = Shelf(cache, code.of_code)
    perform = Performer({node.name: node for node in nodes}, shelf, code)
    with (
        nobody_left_behind(),
        StepJournal(house.settings.home, order.id) as journal,
        closing(runner_of(loaded, house, order.way.runner, perform)) as runner,
    ):

        def told(story: StepRun) -> None:
            steps.append(story)
            journal.write(story)
            say(sentence(story))

        engine = Engine(
            _asked(loaded.project, house, order),
            nodes,
            code=code,
            cache=cache,
            shelf=shelf,
            runner=runner,
            told=told,
            clock=house.clock.now,
        )
        engine.execute(given)
    return Executed(engine.value, tuple(steps))


def runner_of(loaded: Loaded, house: House, wanted: str, perform: Performer) -> Runner:
    """Return where the steps run: as it is wanted, or else as the settings say."""
    name = checked_runner(wanted or house.settings.runner)

    is_elsewhere = name.startswith("ray")
    room = None if is_elsewhere else room_here()

    def pool() -> Pool:
        if is_elsewhere:
            address = name.removeprefix("ray").removeprefix(":").removeprefix("//")
            return open_ray(house.settings, address, loaded.code, loaded.digest, serialized, deserialized)
        return open_pool(house.settings, loaded.folder, loaded.digest, serialized, deserialized, room)

    return Local(perform, pool, prefers_pool=name != "local", room=room)


def sentence(story: StepRun) -> str:
    """Say in a line what became of a step."""
    took = f"{story.seconds:.2f} s" if story.seconds >= 0.01 else f"{story.seconds * 1000:.1f} ms"
    items = "" if story.items is None else f", {story.items:,} items, {story.items_cached:,} of them kept"
    match story.state:
        case StepState.CACHED:
            said = f"{story.name}: kept, from {story.made_by}{items}" if story.made_by else f"{story.name}: kept{items}"
        case StepState.SKIPPED:
            said = f"{story.name}: skipped, {story.why[0]}"
        case StepState.FAILED:
            said = f"{story.name}: failed after {took}"
        case _:
            said = f"{story.name}: {took}{items}"
    return f"{said} ({story.note})" if story.note and story.state is not StepState.FAILED else said


def _asked(project: Project, house: House, order: Order) -> Asked:
    with house.records.reading() as books:
        known = accepted(books, project.name)
    way = order.way
    if way.only and way.start:
        raise UsageError("--only and --from say different things.", "Give one of them.")
    return Asked(
        project.name,
        order.id,
        project.seed,
        uses_cache=way.uses_cache,
        start=way.start,
        resumes=way.resumes,
        only=way.only,
        accepted=known,
    )


def _of_training(nodes: list[Node], project: Project) -> list[Node]:
    """Return the steps without those that only other pipelines need."""
    elsewhere = [goal for each in project.pipelines.values() for goal in each.goals]
    theirs = {node.name for node in needed_for(nodes, elsewhere)}
    ours = {node.name for node in needed_for(nodes, ["evaluate"])}
    return [node for node in nodes if node.name in ours or node.name not in theirs]
