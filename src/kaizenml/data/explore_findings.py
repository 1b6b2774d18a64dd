"""What to do about what was found: for each finding a command, or a line and where it goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from kaizenml.core.metric import Task
from kaizenml.data.clean import Flaw, FlawKind
from kaizenml.data.explore import Advice, Drift, Missing, TargetView, TargetViews, Where
from kaizenml.data.explore_target import MISSING
from kaizenml.data.leakage import Suspect
from kaizenml.errors import bounded

#: A class of a smaller share than this makes accuracy a poor judge.
RARE = 0.1
#: Columns that lack values in the same rows to this degree are missing for one reason.
SAME_ROWS = 0.95
#: The least difference, in standard deviations of the target, that is told: "small" (Cohen, 1988).
SMALL_EFFECT = 0.2
_SURE = 5.0
_FEWEST = 30


def leakage_advice(suspects: Iterable[Suspect], ignore: Sequence[str]) -> list[Advice]:
    """Return what to do about columns that may give the answer away."""
    return [
        Advice(
            "leakage", each.column, each.evidence,
            f"Is {each.column} known when a prediction is asked for? If not, the model must not see it.",
            ignore_line(ignore, each.column), Where.PROJECT,
        )
        for each in suspects
    ]  # fmt: skip


def flaw_advice(flaws: Iterable[Flaw], ignore: Sequence[str], columns: Sequence[str]) -> list[Advice]:
    """Return what to do about flaws; ``columns`` are those that tell rows apart besides target and id."""
    told = [flaw for flaw in flaws if flaw.column not in ignore or not flaw.column]
    return [_of_flaw(flaw, ignore, columns) for flaw in told]


def _of_flaw(flaw: Flaw, ignore: Sequence[str], columns: Sequence[str]) -> Advice:
    do, where = ignore_line(ignore, flaw.column), Where.PROJECT
    match flaw.kind:
        case FlawKind.DUPLICATE:
            do = "return raw.unique(maintain_order=True)  # in the step `select`"
        case FlawKind.CONTRADICTION:
            do = f'return raw.unique({list(columns)!r}, keep="none")  # in `select`: leaves out every such row'
        case FlawKind.OUTLIER:
            do, where = "hard: [range]  # with low and high, at this column; then `kaizen run`", Where.CONTRACT
    return Advice(str(flaw.kind), flaw.column, flaw.sentence, flaw.advice, do, where)


def missing_advice(missing: Missing, ignore: Sequence[str]) -> list[Advice]:
    """Return what to do about columns that lack values in the same rows, and that a model is to see."""
    pairs = [each for each in missing.together if each.overlap >= SAME_ROWS and not {*each.columns} & {*ignore}]
    return [
        Advice(
            "missing together", first, f"{first} and {', '.join(others)} are missing in the same {rows:,} rows",
            "One reason lies behind it: leave those rows out if they are no cases to predict, or name the reason "
            "as a feature.",
            f"rows.with_columns(has_{_word(first)}=pl.col({first!r}).is_not_null())  # in the step `features`",
            Where.PROJECT,
        )
        for first, others, rows in _groups([(each.columns, each.rows) for each in pairs])
    ]  # fmt: skip


def _groups(pairs: Sequence[tuple[tuple[str, str], int]]) -> list[tuple[str, list[str], int]]:
    """Return the columns that hang together: the first, the others, and the fewest rows that two of them lack."""
    groups: list[tuple[set[str], int]] = []
    for pair, rows in pairs:
        touching = [group for group in groups if group[0] & set(pair)]
        groups = [group for group in groups if group not in touching]
        groups.append((set(pair).union(*(group[0] for group in touching)), min([rows, *(g[1] for g in touching)])))
    return [(sorted(names)[0], sorted(names)[1:], rows) for names, rows in groups]


def target_advice(views: TargetViews, ignore: Sequence[str]) -> list[Advice]:
    """Return what to do about a target that cannot be learned, a rare class, and values whose absence tells."""
    if views.problem:
        where = Where.PROJECT
        return [Advice("target", views.target, views.problem, "", f'target="…",  # instead of {views.target!r}', where)]
    return [*_rare(views), *_telling(views, ignore)]


def _rare(views: TargetViews) -> list[Advice]:
    if views.task is not Task.BINARY or not views.overall:
        return []
    share = min(views.overall[0], 1 - views.overall[0])
    if share >= RARE:
        return []
    return [
        Advice(
            "imbalance", views.target, f"only {share:.1%} of the rows are of the rarer class of {views.target}",
            "Accuracy says little here: always guessing the other class has it right. Gate on a metric of ranks.",
            'project.gate(kz.beats_baselines("roc_auc"))', Where.PROJECT,
        )
    ]  # fmt: skip


def _telling(views: TargetViews, ignore: Sequence[str]) -> list[Advice]:
    """Return the columns where the target is another if they are missing, surely and by more than a trifle, as one."""
    absences = [_absence(view, views.deviations[0]) for view in views.columns if view.column not in ignore]
    found = sorted((each for each in absences if each is not None), key=lambda each: -abs(each.effect))
    if not found:
        return []
    first, *others = found
    column, shown = first.column, "{:.1%}".format if views.task is not Task.REGRESSION else "{:.4g}".format
    likewise = f"; likewise {bounded(each.column for each in others)}" if others else ""
    return [
        Advice(
            "telling absence", column,
            f"{views.outcomes[0]}: {shown(first.gone)} in the {first.rows:,} rows where {column} is missing, "
            f"{shown(first.known)} elsewhere{likewise}",
            "Is it missing for a reason that is known in advance? Then tell the model; else it gives the answer away.",
            f"rows.with_columns(has_{_word(column)}=pl.col({column!r}).is_not_null())  # in the step `features`",
            Where.PROJECT,
        )
    ]  # fmt: skip


def _absence(view: TargetView, deviation: float) -> _Absence | None:
    """Return how the first outcome differs where the column is missing; None for a trifle and for what is not sure."""
    bins = [each for each in view.bins if each.label == MISSING]
    if not bins:
        return None
    rows, lacking, gone = sum(each.rows for each in view.bins), bins[-1].rows, bins[-1].means[0]
    if min(lacking, rows - lacking) < _FEWEST or not deviation:
        return None
    known = sum(each.means[0] * each.rows for each in view.bins if each is not bins[-1]) / (rows - lacking)
    effect = (gone - known) / deviation
    is_sure = abs(effect) * sqrt(lacking * (rows - lacking) / rows) >= _SURE
    return _Absence(view.column, lacking, gone, known, effect) if is_sure and abs(effect) >= SMALL_EFFECT else None


@dataclass(frozen=True, slots=True)
class _Absence:
    """The mean where a column is missing and where it is known, and the difference in standard deviations."""

    column: str
    rows: int
    gone: float
    known: float
    effect: float


def drift_advice(drift: Drift) -> list[Advice]:
    """Return what to do about columns that came, went or moved."""
    gone, new = "kaizen contract diff", "kaizen clean --plan"
    told = [
        Advice("drift", name, f"{name} was in {drift.against} and is gone", "A model that learned from it cannot be "
               "asked any more: bring it back, or train without it.", gone, Where.SHELL)
        for name in drift.removed
    ]  # fmt: skip
    told += [
        Advice("drift", name, f"{name} was not in {drift.against}", "Look at what it holds; the next run learns from "
               "it unless it is ignored.", new, Where.SHELL)
        for name in drift.added
    ]  # fmt: skip
    return told + [
        Advice(
            "drift", each.column, each.sentence,
            "If the world has changed, train on the new rows; if the source has, mend it. Watch it from now on.",
            f"project.monitor(kz.drift(columns=({each.column!r},)))" if each.size == "moderate" else "kaizen run",
            Where.PROJECT if each.size == "moderate" else Where.SHELL,
        )
        for each in drift.columns
        if each.size in ("moderate", "large")
    ]  # fmt: skip


def ignore_line(ignore: Sequence[str], *more: str) -> str:
    """Return the line of `project.py` that leaves out these columns besides those that are left out already."""
    names = [f'"{_quoted(name)}"' for name in dict.fromkeys([*ignore, *more])]
    return f"ignore=({', '.join(names)}{',' if len(names) == 1 else ''}),"


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _word(name: str) -> str:
    return "".join(each if each.isalnum() else "_" for each in name) or "it"
