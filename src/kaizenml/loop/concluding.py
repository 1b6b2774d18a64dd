"""What comes behind the steps of a training run: the model is judged, proven, registered and packaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kaizenml.core.run import Run, RunState, StepRun
from kaizenml.loop.bundling import bundled
from kaizenml.loop.examining import kept
from kaizenml.loop.gating import tested, verdict
from kaizenml.loop.loading import Loaded
from kaizenml.loop.observing import data_of, kept_losses
from kaizenml.loop.order import Order
from kaizenml.loop.proving import proven
from kaizenml.loop.registering import registered
from kaizenml.loop.releasing import package
from kaizenml.loop.rivalry import rival
from kaizenml.loop.scoring import check_golden
from kaizenml.loop.snapshotting import Prepared
from kaizenml.loop.wiring import House, Say
from kaizenml.training.problem import ROW


def concluded(
    loaded: Loaded, house: House, rivals: House, order: Order, begun: Run, prepared: Prepared,
    values: Mapping[str, Any], steps: tuple[StepRun, ...], say: Say, *, cause: int,
) -> Run:  # fmt: skip
    """Take what the steps made to a gated release, and return the run as it ended.

    Parameters
    ----------
    rivals
        Where the champion is known that the gate holds the model against.
    values
        What the steps `JUDGED` made.
    """
    project = loaded.project
    say("gate")
    rows = values["rows"][values["split"].holdout[ROW]]
    judged = tested(
        values["problem"].task, values["evaluate"], rows, rival(project.name, rivals, rows, values["problem"])
    )
    bundle, scorer = bundled(loaded, prepared, values, begun)
    apart = check_golden(scorer, bundle)
    with loaded.at_hand():
        judged = proven(project, order.way.also, judged, values, bundle, scorer, say)
        found = verdict(project.requirements, judged)
    say(f"golden rows: the same answers in a batch and one by one (largest difference {apart:.1g})")
    assert judged.assessment is not None
    done = replace(begun, snapshot=prepared.snapshot.name, steps=steps, metrics=values["evaluate"].metrics,
                   baselines=values["evaluate"].baselines, verdict=found, data=data_of(prepared.snapshot),
                   artefacts={**begun.artefacts, **kept(judged.assessment, house.blobs),
                              **kept_losses(house, values["evaluate"], values["problem"].task, rows, project,
                                            prepared.snapshot)})  # fmt: skip
    ended = registered(loaded, house, order, done, prepared, values, judged, found, bundle, cause=cause)
    if ended.state is RunState.FINISHED and ended.release and package(house, ended.release).wheel:
        say(f"packaged: {ended.release}")
    return ended
