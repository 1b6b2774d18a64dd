"""What was explored as one page: no script, no address, nothing of the data unescaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from kaizenml.core.metric import Task
from kaizenml.core.schema import ColumnKind, Role
from kaizenml.data.explore import Advice, ColumnView, Drift, Exploration, Missing, TargetView, TargetViews
from kaizenml.data.explore_charts import bar, bars, label_of, number, share, thousandths
from kaizenml.data.explore_style import STYLE

_OPEN = 4
_ASK_FOR_TABLE = "More on every column, and how columns hang together: <code>pip install 'kaizenml[explore]'</code>."
#: Nothing may be loaded; scripts only inside of the frame of the table report, which is a document of its own.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(found: Exploration, table_report: str = "") -> str:
    """Return the whole page.

    Parameters
    ----------
    table_report
        A page of its own that is shown in a frame at the end, see `explore_table`; without it a line says how to
        get it.
    """
    policy = f"{_POLICY}; script-src 'unsafe-inline'; font-src data:" if table_report else _POLICY
    parts = [
        _head(found),
        _findings(found.findings),
        _drift(found.drift) if found.drift else "",
        _target(found.target_views, {each.name for each in found.columns if each.role is Role.IGNORED}),
        _columns(found.columns),
        _missing(found.missing),
        _table(table_report),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(found.project)}: {escape(found.data)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _head(found: Exploration) -> str:
    facts = [
        ("rows", number(found.rows)),
        ("columns", number(len(found.columns))),
        ("cells missing", share(found.missing.share)),
        ("rows that repeat another", number(found.exact_duplicates)),
        ("things to look at", number(len(found.findings))),
    ]
    shown = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    links = [("findings", "What to do"), ("target", "Target"), ("columns", "Columns"), ("missing", "Missing values")]
    links[1:1] = [("drift", "Drift")] if found.drift else []
    nav = "".join(f'<a href="#{id_}">{text}</a>' for id_, text in links)
    note = f'<p class="quiet">{escape(found.note)}.</p>' if found.note else ""
    what = "the source" if found.data == "source" else found.data
    return (
        f'<header><h1>{escape(found.project)} <span class="quiet">{escape(what)}, to learn '
        f"<b>{escape(found.target)}</b></span></h1><nav>{nav}</nav>{note}<dl class=facts>{shown}</dl></header>"
    )


def _section(id_: str, title: str, says: str, body: str) -> str:
    return f'<section id="{id_}"><h2>{title}</h2><p class="quiet">{says}</p>{body}</section>'


def _findings(findings: Iterable[Advice]) -> str:
    listed = "".join(
        f'<li><p><span class="chip {escape(each.kind.split()[0])}">{escape(each.kind)}</span> '
        f"<b>{escape(_sentence(each.sentence))}</b></p><p>{escape(each.what_to_do)}</p>"
        f'<p class="do"><span class="quiet">{escape(str(each.where))}</span><code>{escape(each.do)}</code></p></li>'
        for each in findings
    )
    body = f'<ul class="findings">{listed}</ul>' if listed else "<p>Nothing stands out.</p>"
    return _section("findings", "What to do", "Suspects, not proofs: each with the command or the line for it.", body)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _drift(drift: Drift) -> str:
    head = "<tr><th>column<th>drift<th class=n>PSI<th class=n>beyond chance<th>what changed</tr>"
    rows = "".join(
        f'<tr><td class="name">{escape(each.column)}<td><span class="chip {each.size}">{each.size}</span>'
        f"<td class=n>{thousandths(each.psi)}<td class=n>{thousandths(each.effect)}<td>{escape(each.sentence)}</tr>"
        for each in drift.columns
    )
    gone = f"<p>Gone: {escape(', '.join(drift.removed))}.</p>" if drift.removed else ""
    new = f"<p>New: {escape(', '.join(drift.added))}.</p>" if drift.added else ""
    says = (
        f"Against {escape(drift.against)}, {number(drift.rows_before)} rows. PSI beyond chance: "
        "below .02 a trifle, from .1 moderate, from .25 large; of missing values, where these changed more."
    )
    table = f"<div class=scroll><table class=drift>{head}{rows}</table></div>"
    return _section("drift", "Drift", says, f"{gone}{new}{table}")


def _target(views: TargetViews, ignored: set[str]) -> str:
    if views.problem:
        return _section("target", "Target", "There is nothing to hold the columns against.", f"<p>{escape(views.problem)}</p>")  # fmt: skip # noqa: E501
    means = ", ".join(
        f"{escape(name)}: {_mean(value, views)}" for name, value in zip(views.outcomes, views.overall, strict=True)
    )
    ordered = sorted(views.columns, key=lambda view: view.column in ignored)
    shown = "".join(_beside(each, views, ignored, is_open=at < _OPEN) for at, each in enumerate(ordered))
    says = (
        f"In all rows {means}; the line marks it. Strength is the share of the target's variance that the bins explain."
    )
    return _section("target", f"Target: {escape(views.target)}", says, f'<div class="views">{shown}</div>')


def _mean(value: float, views: TargetViews) -> str:
    return number(value) if views.task is Task.REGRESSION else share(value)


def _beside(view: TargetView, views: TargetViews, ignored: set[str], *, is_open: bool) -> str:
    heads = "".join(f"<th>{escape(name)}" for name in views.outcomes)
    spans = [_span([each.means[at] for each in view.bins]) for at in range(len(views.outcomes))]
    rows = "".join(
        f"<tr><td>{escape(each.label)}<td class=n>{number(each.rows)}"
        + "".join(
            f'<td class="mean">{bar(mean, *span, mark)}{_mean(mean, views)}'
            for mean, span, mark in zip(each.means, spans, views.overall, strict=True)
        )
        + "</tr>"
        for each in view.bins
    )
    chip = ' <span class="chip">ignored</span>' if view.column in ignored else ""
    return (
        f'<details{" open" if is_open else ""}><summary><b class="name">{escape(view.column)}</b> '
        f'<span class="quiet">strength {thousandths(view.strength)}</span>{chip}</summary>'
        f"<div class=scroll><table><tr><th>value<th class=n>rows{heads}</tr>{rows}</table></div></details>"
    )


def _span(means: list[float]) -> tuple[float, float]:
    return min(0.0, *means), max(0.0, *means)


def _columns(columns: Iterable[ColumnView]) -> str:
    cards = "".join(map(_column, columns))
    return _section("columns", "Columns", "What each holds.", f'<div class="cards">{cards}</div>')


def _column(view: ColumnView) -> str:
    role = "" if view.role is Role.FEATURE else f'<span class="chip">{view.role}</span>'
    facts = [("missing", f"{number(view.missing)} ({share(view.missing_share)})"), ("distinct", number(view.distinct))]
    is_number = view.kind in (ColumnKind.NUMBER, ColumnKind.INTEGER)
    if view.mean is not None and is_number:
        facts += [("mean", number(view.mean)), ("deviation", number(view.deviation))]
    if view.quartiles and is_number:
        facts += [("quartiles", " · ".join(map(number, view.quartiles)))]
    if view.low is not None:
        facts += [("range", f"{label_of(view.low)} to {label_of(view.high)}")]
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return (
        f'<article><h3 class="name">{escape(view.name)}</h3><p><span class="chip">{view.kind}</span> {role}</p>'
        f"{_picture(view)}<dl>{listed}</dl></article>"
    )


def _picture(view: ColumnView) -> str:
    if view.is_personal:
        return '<p class="quiet">May be personal data: values are not shown.</p>'
    if view.histogram:
        return bars(view.histogram, is_time=view.kind is ColumnKind.TIME)
    most = max((count for _, count in view.top), default=1)
    rows = "".join(
        f"<tr><td>{escape(value) or '<i>(empty)</i>'}<td>{bar(count, 0, most)}<td class=n>{number(count)}</tr>"
        for value, count in view.top
    )
    return f'<table class="top">{rows}</table>' if rows else '<p class="quiet">No value is shown.</p>'


def _missing(missing: Missing) -> str:
    if not missing.cells:
        return _section("missing", "Missing values", "No cell is missing.", "")
    rows = "".join(
        f"<tr><td class=n>{number(each.rows)}<td class=n>{share(each.share)}<td>{_chips(each.columns)}</tr>"
        for each in missing.patterns
    )
    pairs = "".join(
        f"<tr><td>{escape(each.columns[0])}<td>{escape(each.columns[1])}<td class=n>{number(each.rows)}"
        f"<td class=n>{share(each.overlap)}</tr>"
        for each in missing.together
    )
    together = (
        f"<h3>Missing together</h3><div class=scroll><table><tr><th>column<th>column<th class=n>rows"
        f"<th class=n>overlap</tr>{pairs}</table></div>"
        if pairs
        else ""
    )
    says = (
        f"{number(missing.cells)} cells; {number(missing.complete_rows)} rows are complete. "
        f"Which columns are missing at once, the most frequent of {number(missing.pattern_count)} patterns."
    )
    table = f"<div class=scroll><table><tr><th class=n>rows<th class=n>share<th>missing</tr>{rows}</table></div>"
    return _section("missing", "Missing values", says, table + together)


def _chips(names: Iterable[str]) -> str:
    return " ".join(f"<span class=chip>{escape(name)}</span>" for name in names) or "nothing: complete rows"


def _table(report: str) -> str:
    if not report:
        return f'<section id="table"><h2>Table report</h2><p class="quiet">{_ASK_FOR_TABLE}</p></section>'
    frame = f'<iframe sandbox="allow-scripts" title="Table report" srcdoc="{escape(report)}"></iframe>'
    return _section("table", "Table report", "By skrub, of at most 20,000 evenly spaced rows.", frame)
