"""Why a prediction is what it is: the row, its preparation, its score, who stood behind it, and what the score is of.

A model is loaded and a project's steps run: only processes of workers, and of whoever calls the command, come here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from kaizenml.core.metric import Task
from kaizenml.core.ports import Books
from kaizenml.core.release import Release
from kaizenml.core.signature import Answer, Cell, GoldenRows, Signature, furthest
from kaizenml.core.why import Attribution, Contribution, Maker, Neighbour, Step, Why
from kaizenml.errors import KaizenError, NotFoundError, StateError
from kaizenml.loop.answered_rows import found, label_of
from kaizenml.loop.preparing_told import plain, told
from kaizenml.loop.scoring import LoadedScorer, load_release
from kaizenml.loop.training_rows import TrainingRows, training_rows
from kaizenml.loop.wiring import House, open_house, read_settings
from kaizenml.packaging.bundle import unpack
from kaizenml.training.contributions import Shared, shared
from kaizenml.training.design import matrix
from kaizenml.training.nearest import DISTANCE, nearest

#: So many training rows stand for all of them where a score is shared out.
BACKGROUND = 100
#: So many near training rows are shown.
NEAREST = 5


def why(prediction: str, *, release: str = "", folder: Path | str = ".") -> Why:
    """Return what made a prediction of the project in a folder.

    Parameters
    ----------
    prediction
        The id that was answered with it; ``endpoint/id`` where several endpoints answered a row of that id.
    release
        Whose answer, where several releases scored the row; else the newest that went to a caller.

    Raises
    ------
    NotFoundError
        When nobody knows it, with the close match: it was never answered, or was erased.
    UsageError
        When it means several.
    """
    return explained(open_house(read_settings(Path(folder))), prediction, release=release)


def explained(house: House, prediction: str, *, release: str = "") -> Why:
    """Return what made a prediction; see `why`."""
    asked = _asked(house, prediction.removeprefix("prediction:"), release)
    with house.records.reading() as books:
        known = _find_release(books, asked.release)
        maker = _maker(books, asked.release, known)
    scored = _Scored()
    try:
        scored = _scored(house, asked, known)
    except KaizenError as error:  # what can be told without the model is told all the same
        scored.missing["model"] = str(error)
    label = label_of(house, asked.endpoint, asked.id)
    return Why(
        prediction=f"{asked.endpoint}/{asked.id}",
        at=asked.answer["at"],
        data_at=asked.answer["data_at"],
        role=asked.answer["role"],
        answers=asked.answers,
        raw=asked.raw,
        value=asked.value,
        probabilities=scored.named(asked.answer["probabilities"]),
        made_by=maker,
        label=msgspec.json.decode(label["value"][0]) if len(label) else None,
        label_at=label["at"][0] if len(label) else None,
        steps=scored.steps,
        features=scored.features,
        again=scored.again,
        attribution=scored.attribution,
        nearest=scored.nearest,
        distance=DISTANCE if scored.nearest else "",
        missing=scored.missing,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """One answered row."""

    endpoint: str
    id: str
    release: str
    answer: Mapping[str, Any]
    answers: int
    raw: dict[str, Cell]
    value: Cell


@dataclass(slots=True)
class _Scored:
    """What asking the model again told."""

    signature: Signature | None = None
    steps: tuple[Step, ...] = ()
    features: Mapping[str, Any] = field(default_factory=dict)
    again: float | None = None
    attribution: Attribution | None = None
    nearest: tuple[Neighbour, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)

    def named(self, probabilities: list[float] | None) -> dict[str, float]:
        """Return probabilities by class; by number where the classes are not known."""
        classes = self.signature.classes if self.signature else ()
        names = classes if len(classes) == len(probabilities or []) else map(str, range(len(probabilities or [])))
        return dict(zip(names, probabilities or [], strict=False))


def _asked(house: House, name: str, release: str) -> _Asked:
    with house.records.reading() as books:
        endpoints = [each.name for each in books.endpoints.all()]
    endpoint, rows = found(house, endpoints, name)
    mine = rows.filter(pl.col("release") == release) if release else rows
    if mine.is_empty():
        raise NotFoundError(f"answer to {name} by release", release, rows["release"].unique().sort())
    answered = mine.filter(pl.col("role") == "answer")
    answer = (answered if len(answered) else mine).tail(1).row(0, named=True)
    return _Asked(
        endpoint, answer["id"], answer["release"], answer, len(rows), msgspec.json.decode(answer["row"]),
        msgspec.json.decode(answer["value"]),
    )  # fmt: skip


def _find_release(books: Books, name: str) -> Release | None:
    try:
        return books.releases.get(name)
    except NotFoundError:
        return None


def _maker(books: Books, name: str, release: Release | None) -> Maker:
    if release is None:
        return Maker(name, "not known here", "", "")
    run = books.runs.find(release.run)
    return Maker(
        release=release.name, state=str(release.state), digest=release.digest, author=release.author,
        model=release.model_version, run=release.run, snapshot=run.snapshot if run else "",
        commit=run.code.commit if run else "", is_dirty=bool(run and run.code.is_dirty),
        code=run.code.digest if run else "", approved_by=release.approved_by, approved_at=release.approved_at,
        approvals=release.approvals, evidence=release.verdict.checks, overridden_by=release.verdict.overridden_by,
        overridden_because=release.verdict.overridden_because,
    )  # fmt: skip


def _scored(house: House, asked: _Asked, release: Release | None) -> _Scored:
    if release is None:
        raise StateError(f"The release {asked.release} is not in these records.", "Ask where it was made.")
    if not release.model_version:
        raise StateError(f"The release {release.name} holds no model version.", "There is nothing to ask again.")
    with house.records.reading() as books:
        version, run = books.models.get(release.model_version), books.runs.find(release.run)
    content = house.blobs.get(version.bundle)
    done = _Scored(unpack(content).signature)
    scorer = load_release(house.blobs, release.name, version.bundle)
    if not isinstance(scorer, LoadedScorer):
        raise StateError(f"The model of {release.name} does not tell of its steps.", "Ask for the answer alone.")
    done.steps, taken = told(scorer, asked.raw)
    done.features = {name: plain(value) for name, value in taken.row(0, named=True).items()}
    done.again = _again(asked, scorer)
    known: TrainingRows | None = None
    try:
        if run is None:
            raise StateError(f"The run {release.run} is not in these records.", "Ask where it ran.")
        known = training_rows(house, run)
        done.nearest = _nearest(known, scorer, taken)
        if not done.nearest:
            done.missing["nearest"] = "The model takes prose alone, or the row says nothing: no distance is declared."
    except KaizenError as error:
        done.missing["nearest"] = str(error)
    try:
        done.attribution = _attributed(scorer, taken, asked, known, unpack(content).golden, run.snapshot if run else "")
    except KaizenError as error:
        done.missing["attribution"] = str(error)
    return done


def _again(asked: _Asked, scorer: LoadedScorer) -> float:
    answer = Answer(asked.value, tuple(asked.answer["probabilities"] or ()))
    return furthest(GoldenRows((asked.raw,), (answer,)), scorer.answer([asked.raw]))


def _nearest(known: TrainingRows, scorer: LoadedScorer, taken: pl.DataFrame) -> tuple[Neighbour, ...]:
    columns = scorer.recipe.columns
    rows = matrix(known.rows, columns)
    names = known.problem
    return tuple(
        Neighbour(
            distance=far,
            id=plain(known.rows[names.id][at]) if names.id in known.rows.columns else None,
            target=plain(known.rows[names.target][at]),
            values={name: plain(value) for name, value in rows.row(at, named=True).items()},
        )
        for at, far in nearest(taken, rows, columns, NEAREST)
    )


def _attributed(
    scorer: LoadedScorer,
    taken: pl.DataFrame,
    asked: _Asked,
    known: TrainingRows | None,
    golden: GoldenRows,
    snapshot: str,
) -> Attribution:
    signature, seed = scorer.signature, known.seed if known else 0
    if known is not None:
        drawn = np.random.default_rng(seed).permutation(len(known.rows))[:BACKGROUND]
        rows = matrix(known.rows[np.sort(drawn).tolist()], scorer.recipe.columns)
        background = f"{len(rows)} of the {len(known.rows):,} rows of {snapshot} that it was trained on"
    else:
        _, rows = _prepared(scorer, golden)
        background = f"the {len(rows)} golden rows of its model, because its training rows cannot be had"
    of, what = _scored_class(signature, asked.value)
    found = shared(scorer.pipeline, taken, rows, signature.task, len(signature.classes), of, seed)
    return _as_attribution(found, what, background, taken)


def _prepared(scorer: LoadedScorer, golden: GoldenRows) -> tuple[pl.DataFrame, pl.DataFrame]:
    cleaned = scorer.prepared(golden.rows)
    return cleaned, matrix(scorer.features(cleaned), scorer.recipe.columns)


def _scored_class(signature: Signature, value: Cell) -> tuple[int, str]:
    """Return the class whose score is shared out: of two the second, of more the one that was answered."""
    if signature.task is Task.REGRESSION:
        return 0, signature.target
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    of = 1 if signature.task is Task.BINARY else signature.classes.index(text)
    return of, f"{signature.target} = {signature.classes[of]}"


def _as_attribution(found: Shared, what: str, background: str, taken: pl.DataFrame) -> Attribution:
    row = taken.row(0, named=True)
    parts = [
        Contribution(name, plain(row[name]), float(adds), float(error))
        for name, adds, error in zip(taken.columns, found.values, found.errors, strict=True)
    ]
    background = "the mean of its own training" if found.method == "trees" else background
    ordered = tuple(sorted(parts, key=lambda part: -abs(part.adds)))
    return Attribution(
        found.method, found.source, f"{found.scale} of {what}", found.base, found.score, background, ordered
    )
