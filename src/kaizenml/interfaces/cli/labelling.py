"""`kaizen label`: hand out rows, take labels, show how far annotators agree, and speak Label Studio's JSON."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kaizenml.errors import SourceError, UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.groups import Group
from kaizenml.interfaces.cli.output import print_json, print_table

if TYPE_CHECKING:
    from kaizenml.data.label_queue import Handed

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_by = click.option("--by", default=None, help="Who labels; whoever calls unless told otherwise.")
_share = click.option(
    "--control", default=0.1, type=click.FloatRange(0, 1), show_default=True, help="Share chosen by chance."
)
_wanted = click.option(
    "--wanted", default=1, type=click.IntRange(1, 100), show_default=True, help="Annotators for each task."
)
_choices = click.option("--choices", default="", help="What can be said, with commas between.")


@click.group(cls=Group)
@click.argument("name")
@click.pass_context
def label(ctx: click.Context, name: str) -> None:
    """Label rows of the project NAME.

    `fill` queues rows whose truth is not known, `next` hands out a task, `give TASK VALUE` labels it. `review` queues
    what annotators disagree about and labels that look wrong. The page is /label/NAME of the control plane.
    """
    ctx.obj = name


@label.command("fill")
@_choices
@_wanted
@_share
@project_option
@json_option
@click.pass_obj
def fill_queue(name: str, choices: str, wanted: int, control: float, folder: Path, as_json: bool) -> None:
    """Queue rows whose truth is not known, answered ones and ones without a target: the most telling first."""
    from kaizenml.loop.label_choosing import fill_open

    queued = fill_open(house_of(folder), name, wanted=wanted, share=control, choices=_parted(choices), by=person())
    _say({"queued": queued}, f"{_tasks(queued)} queued.\nNext: kaizen label {name} next", as_json=as_json)


@label.command("next")
@_by
@project_option
@json_option
@click.pass_obj
def next_one(name: str, by: str | None, folder: Path, as_json: bool) -> None:
    """Hand out a task, or show the one that is held; for ten minutes it is nobody else's."""
    from kaizenml.loop.labelling import next_task

    found = next_task(house_of(folder), name, _actor(by))
    if as_json:
        print_json({"task": None} if found is None else facts(found))
        return
    if found is None:
        click.echo("Nothing is left for you.")
        return
    rows = [(column, value) for column, value in found.task.row.items()]
    print_table(["column", "value"], rows, empty="The row has no columns.")
    if found.task.suggestion is not None:
        sure = f" ({found.task.probability:.0%})" if found.task.probability is not None else ""
        click.echo(f"{found.task.model or 'The model'} says {found.task.suggestion}{sure}.")
    click.echo(f"Next: kaizen label {name} give {found.task.id} {'|'.join(found.choices[:8]) or 'VALUE'}")


@label.command("give")
@click.argument("task")
@click.argument("value")
@_by
@project_option
@json_option
@click.pass_obj
def give_label(name: str, task: str, value: str, by: str | None, folder: Path, as_json: bool) -> None:
    """Label TASK, which was handed out, with VALUE."""
    from kaizenml.loop.labelling import give

    is_new = give(house_of(folder), name, task, value, _actor(by))
    said = {"task": task, "value": value, "by": _actor(by), "repeated": not is_new}
    _say(said, f"Task {task} is {value}.", as_json=as_json)


@label.command("skip")
@click.argument("task", required=False)
@_by
@project_option
@json_option
@click.pass_obj
def skip_task(name: str, task: str | None, by: str | None, folder: Path, as_json: bool) -> None:
    """Pass on TASK, or on the one that is held; others may label it."""
    from kaizenml.loop.labelling import current, skip

    house = house_of(folder)
    held = None if task else current(house, name, _actor(by))
    task = task or (held.task.id if held else "")
    skip(house, name, task, _actor(by))
    _say({"skipped": task}, f"Task {task} is for somebody else.", as_json=as_json)


@label.command("status")
@project_option
@json_option
@click.pass_obj
def show_status(name: str, folder: Path, as_json: bool) -> None:
    """Show how far labelling is, and who gave how many labels."""
    from kaizenml.loop.labelling import status

    found = status(house_of(folder), name)
    if as_json:
        print_json(found)
        return
    print_table(["annotator", "labels"], found.annotators.items(), empty="Nobody has labelled anything yet.")
    click.echo(f"{found.finished:,} of {found.tasks:,} queued tasks are finished; {found.labels:,} labels in all.")


@label.command("agreement")
@project_option
@json_option
@click.pass_obj
def show_agreement(name: str, folder: Path, as_json: bool) -> None:
    """Show how far annotators agree beyond chance, and how good each is by the consensus."""
    from kaizenml.loop.labels import agreed

    found, quality = agreed(house_of(folder), name)
    if as_json:
        print_json({"agreement": found, "quality": quality})
        return
    print_table(
        ["one", "other", "tasks", "agreed", "Cohen's kappa"],
        [(one.one, one.other, one.tasks, f"{one.agreed:.0%}", _kappa(one.kappa)) for one in found.pairs],
        empty="No task has labels of two annotators; fill with --wanted 2.",
    )
    print_table(["annotator", "quality"], [(who, f"{share:.0%}") for who, share in quality.items()], empty="")
    if found.raters:
        click.echo(f"Fleiss' kappa of {found.tasks:,} tasks with {found.raters} labels: {_kappa(found.fleiss)}")
    if found.disputed:
        click.echo(f"{len(found.disputed):,} tasks are disputed.\nNext: kaizen label {name} review")


@label.command("review")
@project_option
@json_option
@click.pass_obj
def queue_review(name: str, folder: Path, as_json: bool) -> None:
    """Queue, before everything else, disputed tasks and labels that the model contradicts, for somebody else."""
    from kaizenml.loop.label_choosing import fill_review

    queued = fill_review(house_of(folder), name, by=person())
    _say({"queued": queued}, f"{_tasks(queued)} queued for review.", as_json=as_json)


@label.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--id", "id_column", default=None, help="Column of the data that is the key.")
@_choices
@_wanted
@_share
@project_option
@json_option
@click.pass_obj
def import_labels(
    name: str, file: Path, id_column: str | None, choices: str, wanted: int, control: float, folder: Path, as_json: bool
) -> None:
    """Take tasks and labels from Label Studio's JSON FILE."""
    from kaizenml.loop.label_files import import_file

    try:
        content = file.read_bytes()
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}.", "Name an export of Label Studio.") from error
    queued, labels, cancelled = import_file(
        house_of(folder), name, content, id_column=id_column, wanted=wanted, choices=_parted(choices), share=control,
        by=person(),
    )  # fmt: skip
    said = f"{_tasks(queued)} queued, {labels:,} labels taken, {cancelled:,} cancelled annotations left out."
    _say({"queued": queued, "labels": labels, "cancelled": cancelled}, said, as_json=as_json)


@label.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@project_option
@json_option
@click.pass_obj
def export_labels(name: str, file: Path, folder: Path, as_json: bool) -> None:
    """Write tasks and labels to FILE as Label Studio's JSON."""
    from kaizenml.loop.label_files import export_file

    content = export_file(house_of(folder), name)
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.", "Name a file in a folder of yours.") from error
    _say({"file": str(file), "bytes": len(content)}, f"{file}: {len(content):,} bytes.", as_json=as_json)


def facts(found: Handed) -> dict[str, object]:
    """Return a task that was handed out as plain values."""
    return {"task": found.task, "until": found.until, "choices": found.choices}


def _kappa(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _parted(choices: str) -> list[str]:
    return [choice.strip() for choice in choices.split(",") if choice.strip()]


def _actor(by: str | None) -> str:
    if by is None:
        return person()
    if not _NAME.fullmatch(by):
        raise UsageError(f"--by {by[:80]!r} is no name.", "Letters, digits and . _ @ - will do.")
    return f"person:{by}"


def _say(said: dict[str, object], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        click.echo(sentence)


def _tasks(number: int) -> str:
    return "1 task is" if number == 1 else f"{number:,} tasks are"
