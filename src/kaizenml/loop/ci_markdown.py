"""A change as a page of Markdown, for a pull request: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kaizenml.core.difference import MetricDifference
from kaizenml.core.gate import Check
from kaizenml.core.metric import Estimate
from kaizenml.core.run import Run, StepRun
from kaizenml.core.step import StepState
from kaizenml.data.snapshot_diff import Difference as DataDifference
from kaizenml.loop.ci import Beside, Change
from kaizenml.loop.slice_differences import SliceDifference

#: So many lines of one difference, and rows of one table, are shown.
MOST_LINES, MOST_ROWS = 60, 20


def markdown(change: Change, plots: Mapping[str, str]) -> str:
    """Return the page.

    Parameters
    ----------
    plots
        Where the picture of each plot lies, by its name; empty where a page cannot show pictures of its own.
    """
    parts = [_head(change), _failure(change)]
    if change.run is not None:
        parts += [
            _checks(change.checks),
            _metrics(change, change.run),
            _slices(change.slices),
            _steps(change.run),
            _data(change.data),
        ]
    parts += [_environment(change), _pictures(plots), _foot(change)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(change: Change) -> str:
    failed = [_code(check.name) for check in change.checks if not check.has_passed]
    if change.run is None:
        return f"## ❌ {_text(change.project)}: the run failed"
    if failed:
        return f"## ❌ {_text(change.project)}: {', '.join(failed)} {'fails' if len(failed) == 1 else 'fail'}"
    return f"## ✅ {_text(change.project)}: passes {len(change.checks)} checks"


def _failure(change: Change) -> str:
    if change.run is not None:
        return ""
    return f"{_fenced(change.error)}\n\n{_text(change.hint)}".strip()


def _checks(checks: Sequence[Check]) -> str:
    rows = [("✅" if check.has_passed else "❌", _code(check.name), _text(check.evidence)) for check in checks]
    return _section("Gate", _table(("", "check", "evidence"), rows))


def _metrics(change: Change, run: Run) -> str:
    differences = {each.metric: each for each in change.metrics}
    other = change.beside.run if change.beside else None
    called = _text(change.beside.called) if change.beside else ""
    rows = [
        (_code(name), _estimate(other.metrics.get(name)) if other else "", _estimate(run.metrics[name]),
         *_difference(differences.get(name), is_compared=other is not None))
        for name in run.metrics
    ]  # fmt: skip
    rows += [
        (_code(name), f"{each.before:.4g}", f"{each.after:.4g}", *_difference(each, is_compared=True))
        for name, each in differences.items()
        if name not in run.metrics
    ]
    if other is None:
        note = _alone(change.beside)
        return _section("Metrics", note, _table(("metric", "this change"), [(row[0], row[2]) for row in rows]))
    header = ("metric", called, "this change", "better by", "more than noise?")
    return _section("Metrics", _table(header, rows))


def _alone(beside: Beside | None) -> str:
    if beside is None:
        return "There is no champion yet, and no base was named, so there is nothing to compare with."
    why = f": {beside.error}" if beside.error else "."
    return f"{_text(beside.called)} has no run to compare with{_text(why)}"


def _difference(found: MetricDifference | None, *, is_compared: bool) -> tuple[str, str]:
    if found is None:
        return ("", "the same") if is_compared else ("", "")
    return f"{found.gain:+.4g}", f"**{found.word}** ({_text(found.because)})"


def _slices(slices: Sequence[SliceDifference]) -> str:
    if not slices:
        return ""
    rows = [
        (_text(each.name), f"{each.rows:,}", f"{each.before:.4g}", f"{each.after:.4g}", _gain(each),
         f"{each.p_adjusted:.2g}", f"**{each.word}**")
        for each in slices[:MOST_ROWS]
    ]  # fmt: skip
    header = ("slice", "test rows", "mean loss before", "after", "better by (95 %)", "p, corrected", "")
    return _section("Slices", _table(header, rows), _more(len(slices)))


def _gain(found: SliceDifference) -> str:
    if found.low is None or found.high is None:
        return f"{found.gain:+.3g}"
    return f"{found.gain:+.3g} ({found.low:+.3g} to {found.high:+.3g})"


def _steps(run: Run) -> str:
    ran = sum(step.state is not StepState.CACHED for step in run.steps)
    said = f"{ran} of {len(run.steps)} steps ran; the results of the others were kept."
    rows = [
        (_code(step.name), str(step.state), f"{step.seconds:.2f} s" if step.state is not StepState.CACHED else "",
         _text("; ".join(step.why)))
        for step in run.steps
    ]  # fmt: skip
    diffs = [_folded(f"{step.name}: {name}", diff) for step in run.steps for name, diff in _changed(step)]
    return _section("Steps", said, _table(("step", "", "took", "because"), rows), *diffs)


def _changed(step: StepRun) -> Iterable[tuple[str, str]]:
    return step.diffs.items() if step.state is not StepState.CACHED else ()


def _data(data: DataDifference | None) -> str:
    if data is None:
        return ""
    said = f"{data.rows.added:,} rows more, {data.rows.removed:,} fewer, {data.rows.changed:,} changed."
    columns = [f"column {_code(name)} is new" for name in data.added_columns]
    columns += [f"column {_code(name)} is gone" for name in data.removed_columns]
    columns += [f"column {_code(name)} was {was}, is {now}" for name, (was, now) in data.retyped.items()]
    moved = sorted(data.columns, key=lambda each: -each.shift)[:MOST_ROWS]
    rows = [
        (_code(each.after.name), f"{each.changed_cells:,}", f"{each.shift:.3f}")
        for each in moved
        if each.changed_cells or each.shift
    ]
    table = _table(("column", "cells changed", "shift (0 to 1)"), rows) if rows else ""
    return _section("Data", said, "\n".join(f"- {line}" for line in columns), table)


def _environment(change: Change) -> str:
    rows = [(_code(name), *(_text(str(side or "")) for side in sides)) for name, sides in change.environment.items()]
    table = _table(("distribution", "champion", "here"), rows[:MOST_ROWS]) if rows else ""
    files = _folded("Files that name dependencies", change.dependencies) if change.dependencies else ""
    return _section("Environment", table, _more(len(rows)), files) if table or files else ""


def _pictures(plots: Mapping[str, str]) -> str:
    if not plots:
        return ""
    return _section("Plots", " ".join(f"![{name}]({path})" for name, path in sorted(plots.items())))


def _foot(change: Change) -> str:
    if change.run is None:
        return ""
    code, data = change.run.code, change.run.snapshot
    at = f"commit {code.commit[:12]}" if code.commit else "no commit"
    at += " with uncommitted changes" if code.is_dirty else ""
    return f"<sub>Run {change.run.id}, {at}, data {data}. No release was proposed.</sub>"


def _section(title: str, *parts: str) -> str:
    return "\n\n".join([f"### {title}", *(part for part in parts if part)])


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _more(count: int) -> str:
    return f"… and {count - MOST_ROWS} more." if count > MOST_ROWS else ""


def _folded(title: str, diff: str) -> str:
    lines = diff.splitlines()
    more = [f"… {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    body = _fenced("\n".join([*lines[:MOST_LINES], *more]), "diff")
    return f"<details><summary>{_text(title)}</summary>\n\n{body}\n\n</details>"


def _fenced(content: str, language: str = "") -> str:
    """Return a block whose fence is longer than any within it."""
    longest = max((len(line) - len(line.lstrip("`")) for line in content.splitlines()), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{content}\n{fence}"


def _estimate(found: Estimate | None) -> str:
    return "" if found is None else f"{found.value:.4g} ({found.low:.4g} to {found.high:.4g})"


def _code(text: str) -> str:
    return f"`{_one_line(text).replace('`', chr(39))}`"


def _text(text: str) -> str:
    """Return text that is nothing but text: no tag, no table's border, no one who is called by name."""
    plain = _one_line(text).replace("&", "&amp;").replace("<", "&lt;")
    return plain.replace("@", "@\u200b").replace("`", "'").replace("*", "\\*").replace("[", "\\[")


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
