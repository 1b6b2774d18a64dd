"""Where runs differ: parameters, code, environment, data, metrics; what is alike is left out."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kaizenml.core.metric import Estimate, gain
from kaizenml.core.run import Environment, Run
from kaizenml.core.symbols import SymbolDifference

#: So many lines of a file's difference are shown.
MOST_LINES = 200


class Word(StrEnum):
    """What can be said of a difference."""

    BETTER = "better"
    WORSE = "worse"
    NOISE = "may be noise"
    UNKNOWN = "cannot be said"
    SAME = "the same"


@dataclass(frozen=True, slots=True)
class MetricDifference:
    """A metric of one run against the same metric of the first: how much better (negative: worse), and how sure."""

    metric: str
    run: str
    before: float
    after: float
    gain: float
    word: Word
    because: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Where runs differ from the first of them; each table has a value for every run, in their order.

    Parameters
    ----------
    parameters, environment, data, code
        Values by name; None where a run has none.
    files
        For each run behind the first and each file that differs: the unified difference.
    symbols
        For each run behind the first and each Python file that differs: the functions, classes and constants that do;
        none where only comments, docstrings or formatting differ.
    """

    runs: tuple[str, ...]
    parameters: Mapping[str, tuple[object, ...]]
    code: Mapping[str, tuple[object, ...]]
    files: Mapping[str, Mapping[str, str]]
    environment: Mapping[str, tuple[object, ...]]
    data: Mapping[str, tuple[object, ...]]
    metrics: tuple[MetricDifference, ...]
    symbols: Mapping[str, Mapping[str, Sequence[SymbolDifference]]] = field(default_factory=dict)


def differing(sides: Sequence[Mapping[str, object]]) -> dict[str, tuple[object, ...]]:
    """Return what is not the same on all sides, by name: the value of each side, None where it has none."""
    names = dict.fromkeys(name for side in sides for name in side)
    values = {name: tuple(side.get(name) for side in sides) for name in names}
    return {name: found for name, found in sorted(values.items()) if any(_differs(found[0], v) for v in found[1:])}


def environment_facts(environment: Environment) -> dict[str, object]:
    """Return an environment as names and values: the interpreter, the machine, every distribution."""
    machine = {"python": environment.python, "platform": environment.platform, "cpus": environment.cpus}
    cards = {"processor": environment.processor, "gpus": ", ".join(environment.gpus)}
    machine |= {name: model for name, model in cards.items() if model}
    gigabytes = round(environment.memory_bytes / 2**30)
    return {**machine, "memory (GiB)": gigabytes, **environment.packages}


def code_facts(run: Run) -> dict[str, object]:
    """Return where a run's code is, as names and values."""
    code = run.code
    state = "uncommitted changes" if code.is_dirty else "as committed"
    facts: dict[str, object] = {"digest": code.digest[:12]}
    return facts | ({"commit": code.commit[:12], "branch": code.branch, "state": state} if code.commit else {})


def file_differences(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> dict[str, str]:
    """Return the unified difference of every file that is not the same."""
    changed = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    return {path: _unified(path, before.get(path, b""), after.get(path, b"")) for path in changed}


def estimates(run: Run) -> dict[str, Estimate | float]:
    """Return a run's metrics, with their intervals where they have some; what it used of the machine is left out."""
    own = {name: value for name, value in run.latest.items() if not name.startswith("system/")}
    return {**own, **run.metrics}


def metric_difference(
    metric: str, run: str, before: Estimate | float, after: Estimate | float
) -> MetricDifference | None:
    """Return how a metric differs; None when it does not.

    Notes
    -----
    Two 95 % intervals that do not overlap differ by more than noise. Where they overlap nothing is shown: intervals of
    the same test rows may overlap although the difference is real (Schenker & Gentleman 2001), so the word is *may*.
    """
    old, new = _value(before), _value(after)
    if not _differs(old, new):
        return None
    better_by = gain(metric, new, old)
    if not (isinstance(before, Estimate) and isinstance(after, Estimate)):
        because = "one value without an interval says nothing of noise; run it with other seeds"
        return MetricDifference(metric, run, old, new, better_by, Word.UNKNOWN, because)
    if after.low <= before.high and before.low <= after.high:
        because = "the 95 % intervals overlap"
        return MetricDifference(metric, run, old, new, better_by, Word.NOISE, because)
    word = Word.BETTER if better_by > 0 else Word.WORSE
    return MetricDifference(metric, run, old, new, better_by, word, "the 95 % intervals do not overlap")


def _value(of: Estimate | float) -> float:
    return of.value if isinstance(of, Estimate) else of


def _differs(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right):
        return False
    return left != right or (isinstance(left, bool) is not isinstance(right, bool))


def _unified(path: str, before: bytes, after: bytes) -> str:
    sides = [content.decode("utf-8", "replace").splitlines() for content in (before, after)]
    lines = list(difflib.unified_diff(sides[0], sides[1], f"a/{path}", f"b/{path}", lineterm="", n=2))
    more = [f"… {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])
