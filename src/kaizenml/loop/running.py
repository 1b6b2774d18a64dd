"""A run: from the project's data to a gated release, every step told and recorded."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from kaizenml import __version__
from kaizenml.core.declaration import Declaration
from kaizenml.core.digest import Digest, digest_of
from kaizenml.core.event import Draft, Kind
from kaizenml.core.gate import Verdict, as_facts
from kaizenml.core.job import Job, renewed
from kaizenml.core.model import ModelVersion
from kaizenml.core.monitor import as_facts as monitor_facts
from kaizenml.core.ports import Books
from kaizenml.core.release import Parts, Release, ReleaseState
from kaizenml.core.run import Code, Run, RunState, StepRun
from kaizenml.core.schema import ColumnKind
from kaizenml.core.signature import GoldenRows, Signature
from kaizenml.data.clean import replay
from kaizenml.errors import KaizenError
from kaizenml.loop.gating import Champion, Tested, tested, verdict
from kaizenml.loop.ingesting import Prepared, prepare
from kaizenml.loop.loading import Loaded
from kaizenml.loop.releasing import decide_by_policy, package, propose
from kaizenml.loop.scoring import LoadedScorer, Recipe, check_golden, load_release, scorer_of
from kaizenml.loop.steps import Trained, steps_of
from kaizenml.loop.wiring import House, Say
from kaizenml.monitoring.profile import learn_reference
from kaizenml.monitoring.usual import Usual, learn_usual
from kaizenml.monitoring.watch import learn_watch
from kaizenml.packaging.bundle import Bundle, Manifest, pack
from kaizenml.packaging.environment import captured, needed
from kaizenml.packaging.formats import save_model
from kaizenml.project import Project, defaults_of
from kaizenml.training.evaluate import Evaluation
from kaizenml.training.graph import execute, graph
from kaizenml.training.metrics import row_losses
from kaizenml.training.problem import Problem, blocks_of, time_parts

GOLDEN_ROWS = 16
#: Days from which it is learned how much days differ.
MOST_BLOCKS = 60


@dataclass(frozen=True, slots=True)
class Order:
    """What a run was asked to do, and by whom. ``job`` is the queue's, which a worker must still hold at the end."""

    id: str
    author: str
    parameters: Mapping[str, object]
    cause: int | None = None
    job: Job | None = None


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
    )


def run(loaded: Loaded, folder: Path, house: House, order: Order, say: Say) -> Run:
    """Take a project from its data to a gated release.

    Raises
    ------
    KaizenError
        When a stage cannot be done; the run is then recorded as failed, with the sentence.
    """
    started, cause = _started(loaded, folder, house, order)
    try:
        return _finished(loaded, folder, house, order, started, say, cause=cause)
    except KaizenError as error:
        _failed(house, started, error.message, error.hint, cause=cause)
        raise
    except Exception as error:
        _failed(house, started, f"{type(error).__name__}: {error}"[:500], "", cause=cause)
        raise


def _started(loaded: Loaded, folder: Path, house: House, order: Order) -> tuple[Run, int]:
    project = loaded.project
    begun = Run(
        id=order.id,
        project=project.name,
        state=RunState.RUNNING,
        started_at=house.clock.now(),
        code=_code(loaded, folder),
        environment=captured(),
        seed=project.seed,
        parameters=_parameters(project, order.parameters),
        cause=order.cause,
    )
    with house.records.writing() as books:
        books.declarations.save(declare(project, folder))
        books.runs.save(begun)
        facts = {"by": order.author, "code": begun.code.digest, "commit": begun.code.commit}
        draft = Draft(
            project.name, order.author, Kind.RUN_STARTED, f"run:{begun.id}", order.cause, house.data_at(books), facts
        )
        return begun, books.events.append(draft, house.clock.now()).id


def _finished(loaded: Loaded, folder: Path, house: House, order: Order, begun: Run, say: Say, *, cause: int) -> Run:
    project, steps = loaded.project, []
    prepared = prepare(project, folder, house, say, cause=cause)
    nodes = graph(steps_of(project, prepared), ("raw",), order.parameters)

    def around(name: str, call: Callable[[], Any]) -> Any:
        say(name)
        at, clock = house.clock.now(), time.perf_counter()
        value = call()
        steps.append(StepRun(name, at, time.perf_counter() - clock))
        return value

    values = execute(nodes, {"raw": prepared.good}, around)
    say("gate")
    judged = tested(
        values["problem"].task,
        values["evaluate"],
        values["split"].holdout,
        _champion(project, house, values["split"].holdout, values["problem"]),
    )
    found = verdict(project.requirements, judged)
    bundle, scorer = _bundle(loaded, order, prepared, values, begun)
    apart = check_golden(scorer, bundle)
    say(f"golden rows: the same answers in a batch and one by one (largest difference {apart:.1g})")
    done = replace(begun, snapshot=prepared.snapshot.name, steps=tuple(steps), metrics=values["evaluate"].metrics,
                   baselines=values["evaluate"].baselines, verdict=found)  # fmt: skip
    ended = _registered(loaded, house, order, done, prepared, values, judged, found, bundle, cause=cause)
    if ended.state is RunState.FINISHED and package(house, ended.release).wheel:
        say(f"packaged: {ended.release}")
    return ended


def _champion(project: Project, house: House, holdout: pl.DataFrame, problem: Problem) -> Champion | None:
    """Return the release that serves and what it says of the challenger's test rows, prepared by its own plan."""
    with house.records.reading() as books:
        endpoint = books.endpoints.find(project.name)
        if endpoint is None:
            return None
        version = books.models.get(books.releases.get(endpoint.champion).model_version)
    scorer = load_release(house.blobs, endpoint.champion, version.bundle)
    if not isinstance(scorer, LoadedScorer) or scorer.signature.classes != problem.classes:
        return None
    known = [column.name for column in scorer.signature.inputs]
    if any(name not in holdout.columns for name in known):
        return None
    prepared_by_it = replay(scorer.plan, holdout.select(known)).frame
    return Champion(endpoint.champion, scorer.predict(prepared_by_it))


def _bundle(
    loaded: Loaded, order: Order, prepared: Prepared, values: Mapping[str, Any], begun: Run
) -> tuple[Bundle, LoadedScorer]:
    """Return everything that serving needs in one value, and the scorer that it makes."""
    project, problem = loaded.project, values["problem"]
    trained: Trained = values["train"]
    names = [column.name for column in problem.inputs]
    signature = _signature(problem, values["rows"][problem.target])
    parameters = _parameters(project, order.parameters)
    features = {
        name.removeprefix("features."): value for name, value in parameters.items() if name.startswith("features.")
    }
    form, model = save_model(trained.fitted.pipeline)
    parts = {
        "plan.json": msgspec.json.encode(prepared.plan.only(names)),
        "contract.json": msgspec.json.encode(prepared.contract.only(names)),
        "recipe.json": msgspec.json.encode(Recipe(trained.fitted.columns, features)),
        **_usual_rows(values["rows"], problem),
        "watch.json": msgspec.json.encode(_watch(values["evaluate"], problem)),
    }
    manifest = Manifest(
        kaizenml=__version__,
        python=begun.environment.python,
        model_format=form,
        needs=needed(model, loaded.code, begun.environment),
        run=begun.id,
        snapshot=prepared.snapshot.name,
    )
    bare = Bundle(manifest, model, signature, GoldenRows((), ()), parts, dict(loaded.code))
    scorer = scorer_of(bare, trained.fitted.pipeline)
    return replace(bare, golden=_golden(scorer, values["rows"], names)), scorer


def _golden(scorer: LoadedScorer, rows: pl.DataFrame, names: list[str]) -> GoldenRows:
    """Return raw rows, spread over the whole table, and what the model says of them."""
    chosen = rows.select(names)[np.unique(np.linspace(0, len(rows) - 1, GOLDEN_ROWS).astype(int)).tolist()]
    raw = tuple({name: _cell(value) for name, value in row.items()} for row in chosen.iter_rows(named=True))
    return GoldenRows(raw, tuple(scorer.answer(raw)))


def _cell(value: object) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _signature(problem: Problem, target: pl.Series) -> Signature:
    kind = "text"
    if target.dtype == pl.Boolean:
        kind = "boolean"
    elif target.dtype.is_integer():
        kind = "integer"
    elif target.dtype.is_numeric():
        kind = "number"
    return Signature(
        problem.task, problem.target, problem.inputs, problem.classes, kind, id=problem.id, time=problem.time
    )


def _usual_rows(rows: pl.DataFrame, problem: Problem) -> dict[str, bytes]:
    """Return what later rows are held against: the training rows in cells, and how much days usually differ."""
    columns = {c.name: c.kind for c in problem.inputs if c.kind is not ColumnKind.TIME}
    reference = learn_reference(rows, columns)
    blocks = blocks_of(problem, rows)
    usual = Usual() if blocks is None else learn_usual(reference, *_some_blocks(rows, blocks))
    return {"reference.json": msgspec.json.encode(reference), "usual.json": msgspec.json.encode(usual)}


def _some_blocks(rows: pl.DataFrame, blocks: NDArray[np.int64]) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Return the rows of at most sixty blocks, spread over all of them: what is usual needs no more."""
    every = np.unique(blocks)
    some = every[np.unique(np.linspace(0, len(every) - 1, MOST_BLOCKS).astype(int))]
    is_chosen = np.isin(blocks, some)
    return rows.filter(is_chosen), blocks[is_chosen]


def _watch(evaluation: Evaluation, problem: Problem) -> object:
    """Return the level of loss that live quality is held against; None where there are too few days."""
    if evaluation.blocks is None:
        return None
    return learn_watch(row_losses(problem.task, evaluation.y, evaluation.predicted), evaluation.blocks)


def _registered(
    loaded: Loaded,
    house: House,
    order: Order,
    done: Run,
    prepared: Prepared,
    values: Mapping[str, Any],
    judged: Tested,
    found: Verdict,
    bundle: Bundle,
    *,
    cause: int,
) -> Run:
    """Write model version, release and the run's end in one transaction."""
    project, now = loaded.project, house.clock.now()
    content = house.blobs.put(pack(bundle))
    with house.records.writing() as books:
        if order.job is not None:
            books.jobs.save(renewed(order.job, order.job.fence, now), fence=order.job.fence)
        version = _version(books, project, house, done, prepared, values, bundle, content)
        books.models.add(version)
        data_at = house.data_at(books)
        facts: dict[str, object] = {"bundle": content, "rows": version.rows, "snapshot": prepared.snapshot.name}
        registered = books.events.append(
            Draft(project.name, "system:loop", Kind.VERSION_REGISTERED, f"model:{version.name}", cause, data_at, facts),
            now,
        )
        last = registered.id
        if judged.comparison is not None and judged.champion is not None:
            facts = {
                "champion": judged.champion.name,
                "outcome": judged.comparison.outcome,
                "evidence": judged.comparison.sentence,
                "mean": judged.comparison.mean,
                "blocks": judged.comparison.blocks,
            }
            subject = f"model:{version.name}"
            last = books.events.append(
                Draft(project.name, "system:backtest", Kind.BACKTEST_FINISHED, subject, last, data_at, facts), now
            ).id
        release = _release(books, loaded, order, done, prepared, found, version)
        proposed = propose(books, house, release, cause=last)
        declared = books.declarations.get(project.name)
        release = decide_by_policy(books, house, release, declared, cause=proposed.id)
        state = RunState.FINISHED if found.has_passed else RunState.REFUSED
        ended = replace(done, state=state, finished_at=now, model_version=version.name, release=release.name)
        books.runs.save(ended)
        facts = {"state": state, "release": release.name}
        books.events.append(
            Draft(project.name, "system:loop", Kind.RUN_FINISHED, f"run:{done.id}", cause, data_at, facts), now
        )
    return ended


def _version(
    books: Books,
    project: Project,
    house: House,
    done: Run,
    prepared: Prepared,
    values: Mapping[str, Any],
    bundle: Bundle,
    content: Digest,
) -> ModelVersion:
    last = books.models.newest(project.name, limit=1)
    train, holdout = values["split"].train, values["split"].holdout
    return ModelVersion(
        model=project.name,
        number=last[0].number + 1 if last else 1,
        project=project.name,
        run=done.id,
        snapshot=prepared.snapshot.name,
        bundle=content,
        signature=bundle.signature,
        metrics=done.metrics,
        created_at=house.clock.now(),
        rows=len(train),
        trained_until=_newest(train, project.time),
        tested_until=_newest(holdout, project.time),
    )


def _newest(rows: pl.DataFrame, time_column: str | None) -> datetime | None:
    if time_column is None or time_column not in rows.columns:
        return None
    return rows[time_column].max()  # type: ignore[return-value]


def _release(
    books: Books, loaded: Loaded, order: Order, done: Run, prepared: Prepared, found: Verdict, version: ModelVersion
) -> Release:
    last = books.releases.newest(loaded.project.name, limit=1)
    declared = msgspec.to_builtins(books.declarations.get(loaded.project.name))
    declared.pop("folder")
    parts = Parts(
        code=done.code.digest,
        data=prepared.snapshot.digest,
        model=version.bundle,
        environment=digest_of({"python": done.environment.python, "packages": dict(done.environment.packages)}),
        configuration=digest_of({"declared": declared, "parameters": dict(done.parameters), "seed": done.seed}),
    )
    return Release(
        project=loaded.project.name,
        number=last[0].number + 1 if last else 1,
        parts=parts,
        digest=parts.digest,
        model_version=version.name,
        run=done.id,
        author=order.author,
        state=ReleaseState.GATED if found.lets_through else ReleaseState.PROPOSED,
        verdict=found,
        created_at=done.started_at,
        cause=order.cause,
    )


def _failed(house: House, begun: Run, error: str, hint: str, *, cause: int) -> None:
    with house.records.writing() as books:
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
    return {name: value for name, value in {**found, **given}.items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def _code(loaded: Loaded, folder: Path) -> Code:
    ask = partial(_git, folder)
    commit = ask("rev-parse", "HEAD")
    if not commit:
        return Code(loaded.digest)
    return Code(
        loaded.digest, commit, ask("rev-parse", "--abbrev-ref", "HEAD"), bool(ask("status", "--porcelain", "."))
    )


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
