"""The report of an evaluation as one page that needs nothing else: no script, no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from kaizenml.core.assessment import Assessment, Calibration, Fairness, Importances, Slice, Slices
from kaizenml.core.chart import Bars, Chart, Grid, svg
from kaizenml.core.gate import Verdict
from kaizenml.core.metric import Estimate, Task
from kaizenml.training.report_style import STYLE

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True, slots=True)
class Cell:
    """What is in a cell of a table: text, or a number that is set to the right."""

    text: str
    is_number: bool = False
    kind: str = ""


def page(title: str, facts: Mapping[str, str], found: Assessment, verdict: Verdict | None) -> str:
    """Return the whole page.

    Parameters
    ----------
    title
        What was evaluated.
    facts
        What else is known of it, shown at the top.
    """
    parts = [
        _head(title, facts, found),
        _gate(verdict) if verdict is not None else "",
        _metrics(found),
        _charts(found),
        _calibration(found.calibration, found.task) if found.calibration else "",
        _slices(found.slices) if found.slices else "",
        "".join(_fairness(each) for each in found.fairness),
        _importance(found.importance) if found.importance else "",
        _studies(found),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _head(title: str, facts: Mapping[str, str], found: Assessment) -> str:
    shown = {
        **facts,
        "predicts": f"{found.target} ({found.task})",
        "test rows": f"{found.rows:,}" + (f" of {found.blocks:,} days" if found.blocks else ""),
    }
    if found.serving is not None:
        shown["a single row takes"] = f"{1000 * found.serving.p50_seconds:.3g} ms"
        shown["bundle"] = f"{found.serving.bundle_bytes / 1e6:.3g} MB"
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in shown.items())
    return f"<header><h1>{escape(title)}</h1><dl>{listed}</dl></header>"


def _gate(verdict: Verdict) -> str:
    rows = [
        [
            Cell("passed" if check.has_passed else "failed", kind="mark good" if check.has_passed else "mark bad"),
            Cell(check.name),
            Cell(check.evidence),
        ]
        for check in verdict.checks
    ]
    failed = len(verdict.failed)
    says = "Every check passed." if not failed else f"{failed} of {len(verdict.checks)} checks did not pass."
    if verdict.overridden_by:
        says += f" {verdict.overridden_by} let it through: {verdict.overridden_because}"
    return _section("Gate", says, f'<div class="gate">{_table(["", "check", "evidence"], rows)}</div>')


def _metrics(found: Assessment) -> str:
    names = list(found.baselines)
    rows = [
        [
            Cell(metric),
            _number(each.value),
            Cell(_interval(each), is_number=True),
            *(_number(_value_of(found.baselines[name].get(metric))) for name in names),
        ]
        for metric, each in found.metrics.items()
    ]  # fmt: skip
    says = "On rows that the model has not seen, beside the baselines; intervals hold 95 times of 100"
    says += ", and know that rows of one day go together." if found.blocks else "."
    return _section("Metrics", says, _table(["metric", "value", "interval", *names], rows, numbers_from=1))


def _charts(found: Assessment) -> str:
    charts: list[Chart | Bars | Grid] = [*found.charts.values(), *found.grids.values(), *found.bars.values()]
    drawn = "".join(f"<div>{svg(each)}</div>" for each in charts)
    return _section("Charts", "", f'<div class="charts">{drawn}</div>') if drawn else ""


def _calibration(found: Calibration, task: Task) -> str:
    unit = "in the target's unit" if task is Task.REGRESSION else "as a probability"
    says = (
        f"Calibration error of {found.of}: {_short(found.error)} ({unit}), of which {_short(found.by_chance)} would be"
        f" chance. {found.test}: statistic {_short(found.statistic)}, p {found.p:.2g}"
        f" ({'no' if found.p >= 0.05 else 'a'} sign that predictions do not mean what they say)."
    )
    rows = [
        [
            _number(each.predicted),
            _number(each.happened.value),
            Cell(_interval(each.happened), is_number=True),
            _count(each.rows),
        ]
        for each in found.bins
    ]
    return _section("Calibration", says, _table(["predicted", "happened", "interval", "rows"], rows, numbers_from=0))


def _slices(found: Slices) -> str:
    parts = ""
    if found.declared:
        parts += f"<h3>Declared</h3>{_slice_table(found.declared, found.metric)}"
    says = f"{found.metric} is {_short(found.overall)} on all test rows; each slice's loss is held against all others."
    if found.found:
        parts += f"<h3>Worst of {found.searched:,} that were searched</h3>"
        parts += (
            '<p class="quiet">Each is surely worse: in a model without a bad slice, one of twenty such lists would '
        )
        parts += f"hold any.</p>{_slice_table(found.found, found.metric)}"
    else:
        parts += f"<p>None of {found.searched:,} slices that were searched is surely worse than the rest.</p>"
    return _section("Slices", says, parts)


def _slice_table(slices: Iterable[Slice], metric: str) -> str:
    rows = [
        [
            Cell(each.name),
            _count(each.rows),
            _number(each.value),
            Cell(f"{each.worse_by.value:+.3g}", is_number=True),
            Cell(_interval(each.worse_by), is_number=True),
            Cell(f"{each.p_adjusted:.2g}", is_number=True),
            _number(each.predicted),
            _number(each.happened),
        ]
        for each in slices
    ]
    heads = ["slice", "rows", metric, "loss against others", "interval", "p, corrected", "predicted", "happened"]
    return _table(heads, rows, numbers_from=1)


def _fairness(found: Fairness) -> str:
    names = list(dict.fromkeys(name for group in found.groups for name in group.rates))
    rows = [
        [Cell(group.group), _count(group.rows), *(_number(group.rates.get(name)) for name in names)]
        for group in found.groups
    ]
    differences = [
        [Cell(_words(name)), _number(each.value), Cell(_interval(each), is_number=True)]
        for name, each in found.differences.items()
    ]
    body = _table(["group", "rows", *map(_words, names)], rows, numbers_from=1)
    if differences:
        body += "<h3>Differences</h3>" + _table(
            ["the largest less the smallest", "value", "interval"], differences, numbers_from=1
        )
    return _section(f"Fairness: {found.column}, {found.of}", "Whether groups are treated alike.", body)


def _importance(found: Importances) -> str:
    rows = [
        [
            Cell(each.column, kind="" if each.earned else "faint"),
            Cell(f"{each.earned:.3g}" if each.earned else "nothing", is_number=True),
            _number(each.importance.value),
            Cell(_interval(each.importance), is_number=True),
            _number(each.shadow),
        ]
        for each in found.columns
    ]
    says = (
        f"By how much the loss rises when a column is shuffled, {found.repeats} times over {found.tested:,} test rows,"
        f" in a model that learned from {found.rows:,} rows and a shuffled shadow of every column. What does not surely"
        " beat its shadow earns nothing."
    )
    return _section("Importance", says, _table(["column", "earns", "rise", "interval", "shadow"], rows, numbers_from=1))


def _studies(found: Assessment) -> str:
    said = [each.sentence for each in (found.learning_curve, found.staleness) if each is not None]
    listed = "".join(f"<li>{escape(each)}</li>" for each in (*said, *found.notes))
    return _section("More rows, older models", "", f"<ul>{listed}</ul>") if listed else ""


def _section(title: str, says: str, body: str) -> str:
    said = f'<p class="quiet">{escape(says)}</p>' if says else ""
    return f"<section><h2>{escape(title)}</h2>{said}{body}</section>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[Cell]], numbers_from: int | None = None) -> str:
    first = len(heads) if numbers_from is None else numbers_from
    head = "".join(f"<th{' class=n' if at >= first else ''}>{escape(name)}" for at, name in enumerate(heads))
    body = "".join(
        f"<tr{' class=faint' if row[0].kind == 'faint' else ''}>{''.join(map(_td, row))}</tr>" for row in rows
    )
    return f"<div class=scroll><table><tr>{head}</tr>{body}</table></div>"


def _faint(row: Sequence[Cell]) -> str:
    return " class=faint" if row[0].kind == "faint" else ""


def _td(cell: Cell) -> str:
    kind = " ".join(filter(None, ["n" if cell.is_number else "", cell.kind if cell.kind != "faint" else ""]))
    return f'<td class="{kind}">{escape(cell.text)}' if kind else f"<td>{escape(cell.text)}"


def _value_of(each: Estimate | None) -> float | None:
    return None if each is None else each.value


def _number(value: float | None) -> Cell:
    return Cell("–" if value is None else _short(value), is_number=True)


def _count(value: int) -> Cell:
    return Cell(f"{value:,}", is_number=True)


def _interval(each: Estimate) -> str:
    return f"{_short(each.low)} to {_short(each.high)}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.4g}"


def _words(name: str) -> str:
    return name.replace("_", " ")
