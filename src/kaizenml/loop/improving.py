"""Kaizen: from alerts to a reason to retrain, to queued work; from evidence to the next step of a rollout."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from kaizenml.core.declaration import Declaration
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Draft, Kind
from kaizenml.core.job import Work
from kaizenml.core.ports import Books
from kaizenml.core.rollout import Rollout
from kaizenml.core.signature import Signature
from kaizenml.improvement.backtest import compare
from kaizenml.improvement.comparison import Comparison
from kaizenml.improvement.guards import measured_guards
from kaizenml.improvement.rollout import Guards, Move, MoveKind, Rules, next_move
from kaizenml.improvement.trigger import Decision, Held, Retrain, reason_to_retrain
from kaizenml.loop import collecting, delivering
from kaizenml.loop.ordering import queue_run
from kaizenml.loop.outcomes import joined, losses_of, scores_of
from kaizenml.loop.wiring import House

#: Blocks of evidence in a rollout: an hour of the data's clock.
BLOCK = timedelta(hours=1)
#: Requests of both releases before their times of answering are compared.
FEWEST_TIMED = 100
#: A challenger that left more than this share of the champion's rows without an answer has failed at them.
MOST_MISSING = 0.5


def decide(books: Books, house: House, endpoint: Endpoint, *, labelled_until: datetime | None) -> Decision:
    """Decide whether to retrain now; queue the run if so, and write the decision with its cause."""
    declared = books.declarations.get(endpoint.project)
    decision = _decision(books, house, endpoint, declared, labelled_until)
    if isinstance(decision, Retrain):
        _fire(books, house, endpoint, declared, decision)
    elif decision.because != "no_reason":
        _hold(books, house, endpoint, decision)
    return decision


def _decision(
    books: Books, house: House, endpoint: Endpoint, declared: Declaration, labelled_until: datetime | None
) -> Decision:
    if endpoint.rollout:
        return Held("no_reason", f"Rollout {endpoint.rollout} is under way.")
    if any(job.work is Work.RUN for job in books.jobs.unfinished(endpoint.project)):
        return Held("no_reason", "A run is under way.")
    now = house.data_now(books)
    fired = [event.data_at or event.at for event in books.events.find(Kind.TRIGGER_FIRED, project=endpoint.project)]
    learned = [version.tested_until for version in books.models.newest(endpoint.project) if version.tested_until]
    since = now - timedelta(days=declared.retraining.per_days)
    return reason_to_retrain(
        books.alerts.unresolved(endpoint.name),
        now=now,
        newest_training=max(learned, default=None),
        newest_labelled=labelled_until,
        last_retrain_at=max(fired, default=None),
        retrains_in_period=sum(at > since for at in fired),
        policy=declared.retraining,
    )


def _fire(books: Books, house: House, endpoint: Endpoint, declared: Declaration, decision: Retrain) -> None:
    project = endpoint.project
    facts = {"because": decision.sentence, "alert": decision.alert}
    event = books.events.append(
        Draft(project, "policy:retraining", Kind.TRIGGER_FIRED, f"project:{project}", decision.event,
              house.data_at(books), facts),
        house.clock.now(),
    )  # fmt: skip
    books.notes.put("held", endpoint.name, None)  # a later hold is news again
    queue_run(books, house, declared, by="policy:retraining", cause=event.id)


def _hold(books: Books, house: House, endpoint: Endpoint, decision: Held) -> None:
    """Write that a reason was held back: once for each alert and ground, not at every window."""
    said = [decision.alert, decision.because, decision.blocker]
    if books.notes.get("held", endpoint.name) == said:
        return
    books.notes.put("held", endpoint.name, said)
    facts = {"because": decision.sentence, "ground": decision.because, "alert": decision.alert}
    facts |= {"held_by": decision.blocker} if decision.blocker else {}
    subject, cause = f"project:{endpoint.project}", decision.blocker_event or decision.event
    draft = Draft(endpoint.project, "policy:retraining", Kind.TRIGGER_HELD, subject, cause, house.data_at(books), facts)
    books.events.append(draft, house.clock.now())


def labelled_until(books: Books, endpoint: str, newest: datetime | None) -> datetime | None:
    """Return until when the truth about an endpoint's rows is known, and remember it."""
    if newest is not None:
        books.notes.put("labelled", endpoint, newest.isoformat())
        return newest
    note = books.notes.get("labelled", endpoint)
    return datetime.fromisoformat(str(note)) if note else None


def consider(house: House, endpoint: Endpoint, signature: Signature, now: datetime) -> Move | None:
    """Look at the evidence of the rollout under way, if there is one, and take its next step."""
    if not endpoint.rollout:
        return None
    with house.records.reading() as books:
        rollout = books.endpoints.rollout(endpoint.rollout)
        rules = Rules(requests=books.declarations.get(endpoint.project).delivery.requests)
    if rollout.is_over:
        return None
    rows = collecting.answered(house.tables, endpoint.name, rollout.started_at, now)
    labels = collecting.labels_between(house.tables, endpoint.name, rollout.started_at, now + timedelta(days=3650))
    both = _both(rows, labels, rollout, signature)
    answered = rows.filter(
        (pl.col("role") == "answer")
        & (pl.col("release") == rollout.challenger)
        & (pl.col("data_at") >= rollout.step_started_at)
    )["request"].n_unique()
    comparison = _comparison(both, signature)
    in_step = both.filter((pl.col("data_at") >= rollout.step_started_at) & pl.col("y").is_not_nan())
    move = next_move(
        rollout,
        comparison=comparison,
        guards=_guards(rows, both, rollout, signature),
        answered=answered,
        blocks_seen=_blocks(in_step).max(initial=-1) - _blocks(in_step).min(initial=0) + 1 if len(in_step) else 0,
        rules=rules,
    )
    _make(house, rollout, move)
    return move


def _make(house: House, rollout: Rollout, move: Move) -> None:
    if move.kind is MoveKind.HOLD:
        return
    with house.records.writing() as books:
        now = books.endpoints.rollout(rollout.id)
        if now != rollout:
            return  # somebody moved it since; look again at the next window
        if move.kind is MoveKind.ABORT:
            delivering.abort(books, house, now, move.reason)
        else:
            delivering.advance(books, house, now, move.reason)


def _both(rows: pl.DataFrame, labels: pl.DataFrame, rollout: Rollout, signature: Signature) -> pl.DataFrame:
    """Return the rows that both releases scored, with the label where it is known."""
    old = joined(rows.filter(pl.col("release") == rollout.champion), labels, signature)
    new = rows.filter(pl.col("release") == rollout.challenger).unique("id", keep="last")
    return old.join(
        new.select("id", pl.col("probabilities").alias("p2"), pl.col("value").alias("value2")), on="id", how="inner"
    )


def _comparison(both: pl.DataFrame, signature: Signature) -> Comparison | None:
    known = both.filter(pl.col("y").is_not_nan())
    if known.is_empty():
        return None
    y = known["y"].to_numpy()
    old = losses_of(y, scores_of(known["value"], known["probabilities"], signature), signature.task)
    new = losses_of(y, scores_of(known["value2"], known["p2"], signature), signature.task)
    return compare(old, new, _blocks(known))


def _blocks(rows: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return rows["data_at"].dt.epoch("s").to_numpy() // int(BLOCK.total_seconds())


def _guards(rows: pl.DataFrame, both: pl.DataFrame, rollout: Rollout, signature: Signature) -> Guards:
    # Only rows for which the challenger stood ready: those answered while it was still being loaded say nothing of it.
    asked = rows.filter((pl.col("release") == rollout.champion) & (pl.col("beside") == rollout.challenger))
    asked = asked.unique("id")
    unanswered = len(asked.join(both, on="id", how="anti"))
    # A few shadows are dropped when there is much to do; most of them missing means that the challenger cannot answer.
    errors = unanswered if unanswered > MOST_MISSING * len(asked) else 0
    if both.is_empty():
        return Guards(requests=errors, error_share=1.0 if errors else 0.0)
    answers = rows.filter(pl.col("role") == "answer").unique("request")
    took = {
        name: answers.filter(pl.col("release") == name)["seconds"].to_numpy()
        for name in (rollout.champion, rollout.challenger)
    }
    is_timed = all(len(each) >= FEWEST_TIMED for each in took.values())
    return measured_guards(
        scores_of(both["value"], both["probabilities"], signature),
        scores_of(both["value2"], both["p2"], signature),
        errors=errors,
        seconds=took[rollout.challenger] if is_timed else (),
        champion_seconds=took[rollout.champion] if is_timed else (),
    )
