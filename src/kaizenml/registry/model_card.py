"""The model card of a registered version, from what is recorded of it at this moment: nothing is written by hand.

It is made anew whenever somebody asks, so it is never older than its evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kaizenml.core.alert import Alert
from kaizenml.core.assessment import Assessment, Slice
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.metric import Estimate
from kaizenml.core.model import ModelVersion
from kaizenml.core.registered import RegisteredVersion
from kaizenml.core.release import Release
from kaizenml.core.run import Run

_MOST = 50
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Watched:
    """What a window of live predictions said: when it ended, how many rows it had, and its metrics."""

    end: str
    rows: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Known:
    """All that is recorded of a version at a moment.

    Parameters
    ----------
    trained
        What a project's pipeline noted of it; None for what was registered otherwise.
    releases
        Those that were made of it, newest first.
    served
        The endpoints whose champion is one of them.
    windows
        The newest of those in which one of them answered, newest first.
    alerts
        The open ones of those endpoints.
    """

    version: RegisteredVersion
    at: datetime
    about: str = ""
    aliases: tuple[str, ...] = ()
    trained: ModelVersion | None = None
    run: Run | None = None
    found: Assessment | None = None
    releases: tuple[Release, ...] = ()
    served: tuple[Endpoint, ...] = ()
    windows: tuple[Watched, ...] = ()
    alerts: tuple[Alert, ...] = field(default=())


def model_card(of: Known) -> str:
    """Return the model card of a version, in Markdown; a part of which nothing is known is left out."""
    parts = [
        f"# {_text(of.version.name)}",
        *([_text(of.version.description or of.about)] if of.version.description or of.about else []),
        _facts(of),
        _made_from(of),
        _signature(of),
        _quality(of),
        _slices(of),
        _released(of),
        _live(of),
        f"As recorded at {_when(of.at)}.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(of: Known) -> str:
    rows = [
        ("registered", f"{_when(of.version.created_at)} by {of.version.author}"),
        ("aliases", ", ".join(of.aliases)),
        ("stage", "" if of.version.stage == "None" else of.version.stage),
        ("tags", ", ".join(f"{key}={value}" for key, value in sorted(of.version.tags.items()))),
    ]
    return _list(rows)


def _made_from(of: Known) -> str:
    trained, run = of.trained, of.run
    code = run.code if run else None
    rows = [
        ("run", of.version.run or (trained.run if trained else "")),
        ("made by", run.author if run else ""),
        ("snapshot", trained.snapshot if trained else ""),
        ("rows", f"{trained.rows:,}" if trained else ""),
        ("trained on data until", _when(trained.trained_until) if trained and trained.trained_until else ""),
        ("tested on data until", _when(trained.tested_until) if trained and trained.tested_until else ""),
        ("commit", f"{code.commit}{' and changes that were not committed' if code.is_dirty else ''}" if code else ""),
        ("parameters", ", ".join(f"{key}={value}" for key, value in sorted(run.parameters.items())) if run else ""),
        ("bundle", trained.bundle if trained else ""),
        ("source", of.version.source),
    ]
    return _section("Made from", _list(rows))


def _signature(of: Known) -> str:
    if of.trained is None:
        return ""
    said = of.trained.signature
    what = f"It says `{_text(said.target)}` ({said.task}"
    what += f": {', '.join(map(_text, said.classes))})." if said.classes else ")."
    rows = [(each.name, each.kind, "may be missing" if each.is_nullable else "needed") for each in said.inputs]
    return _section("Signature", what, _table(("column", "kind", ""), rows))


def _quality(of: Known) -> str:
    metrics = of.trained.metrics if of.trained else of.run.metrics if of.run else {}
    baselines = of.run.baselines if of.run else {}
    rows = [("the model", name, *_estimate(each)) for name, each in metrics.items()]
    rows += [
        (f"baseline {who}", name, *_estimate(each)) for who, found in baselines.items() for name, each in found.items()
    ]
    said = of.found.calibration if of.found else None
    calibrated = (
        f"Calibration ({said.of}): off by {said.error:.3g} on average, where chance alone makes {said.by_chance:.3g}."
        if said
        else ""
    )
    return _section("Quality on test rows", _table(("", "metric", "value", "95 % interval"), rows), calibrated)


def _slices(of: Known) -> str:
    found = of.found.slices if of.found else None
    if found is None:
        return ""
    rows = [*(_slice("declared", each) for each in found.declared), *(_slice("found", each) for each in found.found)]
    says = f"`{_text(found.metric)}` is {found.overall:.4g} over all; {found.searched} slices were searched."
    return _section("Slices", says, _table(("", "rows that", "rows", found.metric, "loss above the others'"), rows))


def _released(of: Known) -> str:
    return _section("Gate and decisions", *(_release(each) for each in of.releases))


def _release(of: Release) -> str:
    lines = [f"### {of.name}: {of.state}", ""]
    lines += [
        f"- {'passed' if check.has_passed else 'FAILED'} {_text(check.name)}: {_text(check.evidence)}"
        for check in of.verdict.checks
    ]
    if of.verdict.overridden_by:
        lines.append(f"- let through by {_text(of.verdict.overridden_by)}: {_text(of.verdict.overridden_because)}")
    lines += [
        f"- approved by {_text(each.by)} at {_when(each.at)}{f': {_text(each.because)}' if each.because else ''}"
        for each in of.approvals
    ]
    if of.declined_because:
        lines.append(f"- declined: {_text(of.declined_because)}")
    return "\n".join(lines)


def _live(of: Known) -> str:
    serves = [
        f"It serves at endpoint {_text(each.name)}"
        f"{f' since {_when(each.champion_since)}' if each.champion_since else ''}."
        for each in of.served
    ]
    rows = [
        (each.end, f"{each.rows:,}", ", ".join(f"{name} {value:.4g}" for name, value in each.metrics.items()))
        for each in of.windows
    ]
    alerts = [f"- {each.state}, {each.severity}: {_text(each.finding.sentence)}" for each in of.alerts]
    table = _table(("window until", "rows", "metrics"), rows)
    return _section("In service", *serves, table, "\n".join(alerts))


def _slice(how: str, of: Slice) -> tuple[object, ...]:
    return (how, of.name, f"{of.rows:,}", f"{of.value:.4g}", " to ".join(_interval(of.worse_by)))


def _estimate(of: Estimate) -> tuple[str, str]:
    return f"{of.value:.4g}", " to ".join(_interval(of))


def _interval(of: Estimate) -> tuple[str, str]:
    return f"{of.low:.4g}", f"{of.high:.4g}"


def _section(title: str, *parts: str) -> str:
    said = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *said]) if said else ""


def _list(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- {name}: {_text(value)}" for name, value in rows if value)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    lines = [[_text(cell) for cell in row] for row in (head, *rows[:_MOST])]
    if len(rows) > _MOST:
        lines.append([f"{len(rows) - _MOST} more", *[""] * (len(head) - 1)])
    made = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([made[0], f"|{'---|' * len(head)}", *made[1:]])


def _text(value: object) -> str:
    """Return text from outside as one line that Markdown takes as text."""
    line = " ".join(str(value).split())[:_LONGEST]
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in line)


def _when(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="seconds")
