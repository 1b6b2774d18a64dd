"""What a gate looks at beside the metrics: the whole assessment, and the model itself, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kaizenml.core.assessment import Study
from kaizenml.core.monitor import Latency
from kaizenml.loop.behaving import Subject, Trial
from kaizenml.loop.examining import examined
from kaizenml.loop.gating import Champion, Tested
from kaizenml.loop.measuring import SECONDS, serving_cost
from kaizenml.loop.scoring import LoadedScorer
from kaizenml.loop.wiring import Say
from kaizenml.packaging.bundle import Bundle
from kaizenml.project import Project

#: How long single rows are answered where the gate asks how long they take.
ASKED_SECONDS = 1.5


def proven(
    project: Project,
    also: Sequence[Study],
    judged: Tested,
    values: Mapping[str, Any],
    bundle: Bundle,
    scorer: LoadedScorer,
    say: Say,
) -> Tested:
    """Return what a gate looks at, with the assessment, the functions of the project, and the models to try."""
    asked = replace(project.examination, also=tuple(dict.fromkeys([*project.examination.also, *also])))
    is_asked = any(isinstance(each, Latency) for each in project.requirements)
    serving = serving_cost(scorer, bundle, seconds=ASKED_SECONDS if is_asked else SECONDS)
    names = [column.name for column in scorer.signature.inputs]
    model = Subject("it", lambda rows: scorer.predict(rows.select(names)), scorer.answer)
    return replace(
        judged,
        assessment=examined(asked, values, judged.rows, serving, say),
        trial=Trial(project.behaviours, judged.rows, values["problem"], model, _champion(judged)),
        checks=project.checks,
    )


def _champion(judged: Tested) -> Subject | None:
    rival = judged.rival
    if not isinstance(rival, Champion) or rival.predict is None or rival.answer is None:
        return None
    return Subject(rival.name, rival.predict, rival.answer)
