"""`kaizen ci`: a change tried out for a pull request."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kaizenml.errors import UsageError
from kaizenml.interfaces.cli.common import check_project, json_option, person, project_option
from kaizenml.interfaces.cli.groups import Group
from kaizenml.interfaces.cli.output import print_json, say_on_stderr

if TYPE_CHECKING:
    from kaizenml.loop.ci import Change


@click.group(cls=Group, invoke_without_command=True)
@project_option
@click.option("--against", default="", metavar="REF", help="Compare with the project as it was where this left REF.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the report; .kaizen/ci/report."
)
@click.option("--set", "settings", multiple=True, metavar="STEP.PARAM=VALUE", help="Give a step's parameter a value.")
@click.option("--allow-worse", is_flag=True, help="Let a model pass that surely does worse than the base's.")
@json_option
@click.pass_context
def ci(
    context: click.Context,
    folder: Path,
    against: str,
    out: Path | None,
    settings: tuple[str, ...],
    allow_worse: bool,
    as_json: bool,
) -> int:
    """Try the project out as it lies here, and write a report for the pull request.

    Only the steps that the change touches run; no release is proposed and no server is needed. Leaves with 0 when every
    check holds, 1 when one does not, 2 when something was asked for wrongly, 3 when the run failed.
    """
    if context.invoked_subcommand is not None:
        context.obj = {**(context.obj or {}), "folder": folder, "as_json": as_json}
        return 0
    from kaizenml.interfaces.cli.running import setting
    from kaizenml.loop.ci import tried
    from kaizenml.loop.ci_report import facts, summarize, write
    from kaizenml.loop.wiring import read_settings

    of = read_settings(folder)
    check_project(of)
    parameters = dict(map(setting, settings))
    trial = tried(
        folder, of, say_on_stderr, author=person(), against=against, parameters=parameters, allows_worse=allow_worse
    )
    files = write(trial, out or of.home / "ci" / "report")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        summarize(trial.change, Path(summary))
    if as_json:
        print_json({**facts(trial.change), "files": {name: str(path) for name, path in files.items()}})
    else:
        _print(trial.change, files)
    if trial.change.run is None:
        return 3
    return 0 if trial.change.has_passed else 1


def _print(change: Change, files: dict[str, Path]) -> None:
    if change.run is None:
        click.echo(f"{click.style('FAILED', fg='red')} the run: {change.error}")
        click.echo(change.hint)
    for check in change.checks:
        mark = click.style("passed", fg="green") if check.has_passed else click.style("FAILED", fg="red")
        click.echo(f"{mark} {check.name}: {check.evidence}")
    for each in change.slices:
        if each.word == "worse":
            click.echo(f"{click.style('worse', fg='yellow')} {each.name}: {each.after:.4g} after {each.before:.4g}")
    click.echo(f"The report: {next(iter(files.values()))}")


@ci.command("init")
@project_option
@click.option("--github", "kind", flag_value="github", help="Write .github/workflows/kaizen.yml.")
@click.option("--gitlab", "kind", flag_value="gitlab", help="Write .gitlab-ci.yml.")
@click.option("--branch", default="main", help="The branch that changes are merged into.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
def init(folder: Path, kind: str | None, branch: str, force: bool, as_json: bool) -> None:
    """Write the workflow that runs `kaizen ci` for every pull request."""
    from kaizenml.loop.ci_workflow import write_workflow

    if kind is None:
        raise UsageError("Which CI system?", "Say `kaizen ci init --github` or `kaizen ci init --gitlab`.")
    path = write_workflow(folder, kind, branch, force=force)
    if as_json:
        print_json({"written": str(path)})
        return
    click.echo(f"Written: {path}. Commit it; the next pull request is tried out.")
