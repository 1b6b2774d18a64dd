"""`kaizen why`: what made a prediction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from kaizenml.core.terminal import harmless
from kaizenml.core.why import Attribution, Maker, Neighbour, Step, Why
from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, print_table, say_on_stderr

#: Of so many columns it is shown what they add to the score.
_MOST_SHOWN = 15


@click.command()
@click.argument("prediction")
@click.option("--release", default="", help="Whose answer, where several releases scored the row.")
@project_option
@json_option
def why(prediction: str, release: str, folder: Path, as_json: bool) -> None:
    """Show what made PREDICTION: its row, each step of its preparation, its score, and who let the release go out.

    PREDICTION is the id that was answered with it, or ENDPOINT/ID. The model is asked again: what each column adds to
    the score, and the training rows that are nearest to this one, are shown.
    """
    from kaizenml.loop.explaining import explained

    found = explained(house_of(folder), prediction, release=release)
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        show(found)


def show(found: Why) -> None:
    """Print what made a prediction."""
    _say(f"{found.prediction}: {_shown(found.value)}{_chances(found.probabilities)}")
    whom = "went to the caller" if found.role == "answer" else "was scored in the shadow"
    _say(f"{found.made_by.release} answered at {found.at.isoformat(sep=' ', timespec='seconds')}; it {whom}.")
    if found.answers > 1:
        _say(f"A row of this id was scored {found.answers} times; this is the newest answer, --release names another.")
    if found.label_at is not None:
        _say(f"The truth came back: {_shown(found.label)}, at {found.label_at.isoformat(sep=' ', timespec='seconds')}.")
    if found.again is not None:
        _say("Asked again, the model says the same." if not found.again else f"Asked again: {found.again:.3g} apart.")
    _maker(found.made_by)
    print_table(["asked", "as"], [(name, _shown(cell)) for name, cell in found.raw.items()], empty="")
    if found.steps:
        _steps(found.steps)
    if found.attribution is not None:
        _attribution(found.attribution)
    if found.nearest:
        _nearest(found.nearest, found.distance)
    for what, reason in found.missing.items():
        say_on_stderr(harmless(f"{what}: {reason}"))


def _maker(maker: Maker) -> None:
    rows = [
        ("release", f"{maker.release}, {maker.state}, {maker.digest[:12]}"),
        ("made by", maker.author),
        ("model", maker.model),
        ("run", maker.run),
        ("snapshot", maker.snapshot),
        ("commit", f"{maker.commit[:12]}{' and changes that were not committed' if maker.is_dirty else ''}"),
        ("approved by", maker.approved_by),
    ]
    rows += [("evidence", f"{'passed' if each.has_passed else 'FAILED'}: {each.evidence}") for each in maker.evidence]
    if maker.overridden_by:
        rows.append(("let through by", f"{maker.overridden_by}, because {maker.overridden_because}"))
    print_table(["what stood behind it", ""], [row for row in rows if row[1]], empty="")


def _steps(steps: tuple[Step, ...]) -> None:
    rows = [
        (step.name, change.column, _shown(change.before), _shown(change.after), change.how)
        for step in steps
        for change in step.changes
    ]
    print_table(["step", "column", "before", "after", "how"], rows, empty="No step of the preparation changed a value.")


def _attribution(found: Attribution) -> None:
    _say(f"{found.of}: {found.score:.6g}, where {found.base:.6g} is usual ({found.background}).")
    _say(f"What each column adds to that: {found.source}.")
    shown, left = found.contributions[:_MOST_SHOWN], found.contributions[_MOST_SHOWN:]
    rows: list[tuple[object, ...]] = [
        (each.column, _shown(each.value), f"{each.adds:+.4g}", f"± {each.error:.2g}" if each.error else "")
        for each in shown
    ]
    if left:
        rows.append((f"{len(left)} more", "", f"{sum(each.adds for each in left):+.4g}", ""))
    print_table(["column", "value", "adds", "standard error"], rows, empty="")


def _nearest(rows: tuple[Neighbour, ...], distance: str) -> None:
    columns = ["distance", "row", "truth", *rows[0].values]
    cells = [
        (f"{each.distance:.4f}", each.id, _shown(each.target), *map(_shown, each.values.values())) for each in rows
    ]
    print_table([harmless(name, keep="") for name in columns], cells, empty="")
    _say(f"Distance: {distance}.")


def _chances(probabilities: Mapping[str, float]) -> str:
    return f" ({', '.join(f'{name} {chance:.4f}' for name, chance in probabilities.items())})" if probabilities else ""


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:80]


def _say(line: str) -> None:
    click.echo(harmless(line, keep=""))
