"""`kaizen compare` and `kaizen rerun`: runs beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec

from kaizenml.core.difference import Difference, MetricDifference, Word
from kaizenml.core.digest import is_digest
from kaizenml.core.symbols import Change, SymbolDifference
from kaizenml.core.terminal import harmless
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.output import print_json, print_table, say_on_stderr

_COLOURS = {Word.BETTER: "green", Word.WORSE: "red", Word.NOISE: "yellow"}
_CHANGES = {Change.ADDED: "green", Change.REMOVED: "red", Change.CHANGED: "yellow", Change.MOVED: "cyan"}


@click.command()
@click.argument("runs", nargs=-1, required=True)
@project_option
@json_option
def compare(runs: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Show where RUNS differ from the first of them: parameters, code, environment, data, metrics.

    A run is named by its id, its name, its release (flights/3) or its model version (flights:3). Of a metric's
    difference it is said whether it is more than noise: on the same test rows by their losses, block by block, and
    else by whether the 95 % intervals overlap.
    """
    from kaizenml.loop.comparing import compare as compared

    found = compared(house_of(folder), runs)
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        show(found)


@click.command()
@click.argument("run")
@project_option
@click.option("--anyway", is_flag=True, help="Although libraries or the interpreter are others than then.")
@click.option("--within", type=float, default=None, help="Leave with 1 when a difference is larger than this.")
@json_option
def rerun(run: str, folder: Path, anyway: bool, within: float | None, as_json: bool) -> int:
    """Execute RUN again from its record, and say how far its results are from the first ones.

    Its code, its version of the data, its parameters and its seed are those of then; nothing is kept from the cache,
    and no release is made. Of a tracked program, its command is executed again in the folder where it ran.
    """
    from kaizenml.loop.rerunning import rerun as executed_again

    done = executed_again(house_of(folder), run, say_on_stderr, author=person(), anyway=anyway)
    if as_json:
        print_json({**msgspec.to_builtins(done), "largest": done.largest})
    else:
        for name, apart in done.metrics.items():
            click.echo(f"{harmless(name)}: {'the same' if not apart else f'{apart:.3g} apart'}")
        if done.predictions is not None:
            click.echo(f"golden rows: {'the same' if not done.predictions else f'{done.predictions:.3g} apart'}")
        if done.steps:
            click.echo(f"other values than then: {', '.join(done.steps)}")
        click.echo(f"{done.run} is {done.original} again; the largest difference is {done.largest:.3g}.")
    return 1 if within is not None and not done.largest <= within else 0


def show(found: Difference) -> None:
    """Print where runs differ, what differs first; what is alike in a word at the end."""
    parts: list[tuple[str, Mapping[str, Sequence[object]]]] = [
        ("parameters", found.parameters),
        ("code", found.code),
        ("environment", found.environment),
        ("data", found.data),
    ]
    for name, table in parts:
        if table:
            rows = [(key, *(_shown(value) for value in values)) for key, values in table.items()]
            print_table([name, *found.runs], rows, empty="")
    for run, files in found.files.items():
        show_code(files, found.symbols.get(run, {}))
        click.echo(f"({len(files)} files of {run} differ from {found.runs[0]})\n")
    show_metrics(found.metrics)
    alike = [name for name, table in parts if not table] + ([] if found.metrics else ["metrics"])
    if alike:
        click.echo(f"The same: {', '.join(alike)}.")


def show_code(files: Mapping[str, str], symbols: Mapping[str, Sequence[SymbolDifference]]) -> None:
    """Print the functions, classes and constants that differ; of a file that is no Python, the file."""
    for path, text in files.items():
        if path not in symbols:
            click.echo(harmless(text))
        elif not symbols[path]:
            click.echo(f"{harmless(path)}: only comments, docstrings or formatting differ")
        for each in symbols.get(path, ()):
            whence = f" from {each.came_from}" if each.came_from else ""
            colour = _CHANGES.get(each.change)
            what = f"{each.kind} {each.name}" if each.kind != "statement" else each.name
            click.echo(f"{click.style(each.change, fg=colour)} {harmless(f'{what} in {path}{whence}')}")
            click.echo("".join(f"    {line}\n" for line in harmless(each.diff).splitlines()[2:]), nl=False)


def show_metrics(metrics: Sequence[MetricDifference]) -> None:
    """Print how metrics differ, and whether that is more than noise."""
    for each in metrics:
        word = click.style(str(each.word), fg=_COLOURS.get(each.word))
        change = f"{each.metric}: {each.before:.5g} → {each.after:.5g} in {each.run}"
        click.echo(f"{harmless(change)}: {word} ({harmless(each.because)})")


def _shown(value: object) -> str:
    text = "–" if value is None else str(value)
    if is_digest(text):
        return text[:12]
    return text if len(text) <= 60 else f"{text[:57]}…"
