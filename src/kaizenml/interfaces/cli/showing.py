"""`kaizen show`: one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kaizenml.core.run import Run, RunState, StepRun
from kaizenml.core.terminal import harmless, plain_lines
from kaizenml.errors import UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, project_option
from kaizenml.interfaces.cli.output import print_json, say_on_stderr

if TYPE_CHECKING:
    from kaizenml.loop.wiring import House

#: What the end of a run means for who waited for it; as the exit codes of every command.
_CODES = {RunState.FINISHED: 0, RunState.REFUSED: 1, RunState.FAILED: 3, RunState.CANCELLED: 130}


@click.command()
@click.argument("run")
@project_option
@click.option("--console", "wants_console", is_flag=True, help="Print what it wrote to standard output and error.")
@click.option("--follow", "follows", is_flag=True, help="Print its console and steps as they come, until it ends.")
@click.option("--diff", "wants_diff", is_flag=True, help="Print what git had not committed when it began.")
@click.option("--artefact", default="", metavar="PATH", help="Write one of the files that it kept, to --out.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where --artefact is written.")
@json_option
def show(
    run: str, folder: Path, wants_console: bool, follows: bool, wants_diff: bool, artefact: str, out: Path | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Show RUN: state, cause, code, data, environment, parameters, metrics, series, steps and why they ran, files.

    RUN is a run's id or how that begins, its name, its release (flights/3) or its model version (flights:3). With
    --follow it leaves as the run does: 0 finished, 1 refused by its gate, 3 failed, 130 cancelled.
    """
    _check(wants_console, follows, wants_diff, bool(artefact), has_out=out is not None)
    house = house_of(folder)
    if follows:
        return _follow(house, run, as_json=as_json)
    if wants_console:
        return _console(house, run, as_json=as_json)
    if wants_diff:
        return _diff(house, run, as_json=as_json)
    if artefact and out is not None:
        return _save(house, run, artefact, out, as_json=as_json)
    _show(house, run, as_json=as_json)
    return 0


def _check(*wishes: bool, has_out: bool) -> None:
    if sum(wishes) > 1:
        raise UsageError("Only one of --console, --follow, --diff and --artefact can be shown.", "Name one of them.")
    if has_out is not wishes[-1]:
        raise UsageError("--artefact and --out belong together.", "Write --artefact PATH --out FILE.")


def _show(house: House, word: str, *, as_json: bool) -> None:
    from kaizenml.interfaces.cli.run_page import facts, print_page
    from kaizenml.loop.showing import shown

    found = shown(house, word, draws=not as_json)
    if as_json:
        print_json(facts(found))
    else:
        print_page(found)


def _follow(house: House, word: str, *, as_json: bool) -> int:
    from kaizenml.loop.following import follow

    ended = follow(house, word, (lambda _: None) if as_json else _write, _say_step, say_on_stderr)
    if as_json:
        _show(house, ended.id, as_json=True)
    else:
        because = f": {ended.error}" if ended.error else ""
        say_on_stderr(f"{ended.id}: {ended.state}{because}")
    return _CODES[ended.state]


def _write(text: str) -> None:
    click.echo(plain_lines(text), nl=False)


def _say_step(step: StepRun) -> None:
    why = f" because {'; '.join(step.why)}" if step.why else ""
    say_on_stderr(f"step {step.name}: {step.state} in {step.seconds:.3g} s{why}")


def _run(house: House, word: str) -> Run:
    from kaizenml.loop.run_names import found_run

    with house.records.reading() as books:
        return found_run(books, word)


def _console(house: House, word: str, *, as_json: bool) -> int:
    from kaizenml.loop.live import console_so_far

    run = _run(house, word)
    text = console_so_far(house, run)
    said = text.content.decode("utf-8", "replace")
    if as_json:
        print_json({"run": run.id, "console": said, "written": text.written, "left_out": text.left_out})
    elif said:
        click.echo(plain_lines(said), nl=not said.endswith("\n"))
    else:
        say_on_stderr(f"{run.id} wrote nothing that is kept here")
    return 0


def _diff(house: House, word: str, *, as_json: bool) -> int:
    from kaizenml.loop.showing import diff_of

    run = _run(house, word)
    said = diff_of(house, run)
    if as_json:
        print_json({"run": run.id, "commit": run.code.commit, "diff": said, "left_out": run.code.diff_left_out})
        return 0
    click.echo(harmless(said), nl=bool(said) and not said.endswith("\n"))
    if run.code.diff_left_out:
        say_on_stderr(f"{run.code.diff_left_out:,} bytes more were not kept")
    if not said:
        say_on_stderr(f"{run.id} ran as committed in {run.code.commit[:12]}")
    return 0


def _save(house: House, word: str, path: str, out: Path, *, as_json: bool) -> int:
    from kaizenml.loop.showing import save_artefact

    run = _run(house, word)
    size = save_artefact(house, run, path, out)
    told: dict[str, Any] = {"run": run.id, "artefact": path, "digest": run.artefacts[path], "bytes": size}
    if as_json:
        print_json({**told, "out": str(out)})
    else:
        click.echo(harmless(f"{path} of {run.id}: {size:,} bytes in {out}", keep=""))
    return 0
