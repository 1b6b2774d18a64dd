"""The `kaizen` command: each subcommand is loaded when it is called, so that `kaizen --help` answers at once."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from keyword import iskeyword
from typing import Any

import click

from kaizenml._version import __version__
from kaizenml.errors import close_match

#: Every command, the module that has it, and what it does in a line.
COMMANDS: dict[str, tuple[str, str]] = {
    "new": ("projects", "Make a project that you own, from your own data."),
    "run": ("running", "Take the project from its data to a gated release."),
    "tune": ("tuning", "Look for better parameters."),
    "ci": ("changes", "Try a change out for a pull request: steps, model, gate, report."),
    "cancel": ("running", "Cancel a run that is under way."),
    "accept": ("running", "Declare that a step's changed code gives what it gave."),
    "report": ("evaluating", "Show what the evaluation of a run found."),
    "up": ("processes", "Start the control plane, the endpoints and the workers."),
    "serve": ("processes", "Start the data plane alone."),
    "worker": ("processes", "Start a worker alone."),
    "inbox": ("inbox", "List what waits for a person."),
    "approve": ("releases", "Approve a release, so that it can be sent out."),
    "decline": ("releases", "Decline a release, with the reason."),
    "ship": ("releases", "Send a release out, step by step."),
    "rollback": ("releases", "Give an endpoint back to the release before."),
    "predict": ("releases", "Score a file with a release."),
    "package": ("releases", "Write a release as a wheel."),
    "monitor": ("watching", "Show what the monitors of an endpoint see."),
    "delivery": ("watching", "Show how fast and how safely the loop delivers."),
    "verify": ("watching", "Check that nobody changed the event log."),
    "quarantine": ("data_quality", "List, repair, release and drop the rows that broke a hard rule."),
    "contract": ("data_quality", "Show how the contract changed; accept a looser one."),
    "clean": ("data_quality", "Show what cleaning does to the data, and what to look at."),
    "explore": ("exploring", "Show what is in the data, and what to do about it."),
    "runs": ("tracking", "List runs, or find them by what they hold."),
    "show": ("showing", "Show one run: what it was, what came of it, its console and files; follow one that runs."),
    "compare": ("comparing", "Show where runs differ, and whether by more than noise."),
    "lineage": ("lineage", "Show what something came of, and what came of it."),
    "why": ("why", "Show what made a prediction."),
    "rerun": ("comparing", "Execute an old run again, and say how far its results are."),
    "sync": ("tracking", "Bring tracked runs that wait in journals to the records or the server."),
    "models": ("models", "List model versions; register, describe, name and approve them."),
    "releases": ("lists", "List releases."),
    "endpoints": ("lists", "List endpoints."),
    "alerts": ("lists", "List alerts."),
    "events": ("trail", "List events: who did what to what, and when."),
    "jobs": ("lists", "List jobs."),
    "snapshots": ("lists", "List versions of the data."),
    "data": ("data_versions", "List, compare, restore, pin, clear and erase versions of the data."),
    "label": ("labelling", "Label rows, or take and give labels as Label Studio does."),
    "setup": ("accounts", "Make the first account of a server that others can reach."),
    "token": ("accounts", "Make, list and revoke the tokens of people and programs."),
    "notify": ("notifying", "Tell people and programs what happens: subscriptions, and what was delivered."),
    "user": ("people", "List who signs in with a browser; shut people out."),
    "backup": ("backing_up", "Copy the home while it is in use."),
    "restore": ("backing_up", "Make a home from a backup, once all of it is checked."),
    "import": ("importing", "Bring runs of another tracker over: MLflow's."),
    "doctor": ("examining_home", "Look at all that is remembered, and name what is wrong."),
    "gc": ("clearing", "Delete what nothing needs any more."),
    "migrate": ("migrating", "Move all metadata to another database."),
    "demo": ("demo", "Run the whole loop on real flights data."),
}


class Commands(click.Group):
    """The commands by name; a misspelt one is told the closest."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return one command, from its module."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"kaizenml.interfaces.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was called, or say which was meant."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            match = close_match(name, COMMANDS)
            offer = f" Did you mean `kaizen {match}`?" if match else " `kaizen --help` lists them."
            raise click.UsageError(f"There is no command {name!r}.{offer}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kaizen")
def kaizen() -> None:
    """Take a machine-learning project through its whole life, again and again."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0 done, 1 refused, 2 used wrongly, 3 failed."""
    # Threads that spin while they wait for each other starve every other process of the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from kaizenml.interfaces.cli.output import told

    given: list[str] = list(sys.argv[1:] if arguments is None else arguments)
    is_process = arguments is None  # this process is there for the command alone, and may fork
    if is_process:  # libraries make hundreds of thousands of objects as they are imported, and none of them is garbage
        gc.set_threshold(100_000, 20, 20)
    sys.exit(told(lambda: _call(given, is_process=is_process), as_json="--json" in given and "demo" not in given[:1]))


def _call(given: list[str], *, is_process: bool) -> Any:
    return kaizen.main(args=given, prog_name="kaizen", standalone_mode=False, obj={"is_process": is_process})


if __name__ == "__main__":
    main()
