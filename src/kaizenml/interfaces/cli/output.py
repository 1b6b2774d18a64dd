"""What a command prints: for people with `rich`, for programs one JSON document and nothing else."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click
import msgspec

from kaizenml.core.terminal import harmless
from kaizenml.errors import KaizenError


def told(call: Callable[[], Any], *, as_json: bool) -> int:
    """Call a command, tell of what went wrong in a sentence with a hint, and return the exit code."""
    try:
        code = call()
    except KaizenError as error:
        tell_error(error.code, error.message, error.hint, as_json=as_json, details=error.details)
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        return _told_help(error, as_json=as_json)
    except click.ClickException as error:
        hint = f"Try `{error.ctx.command_path} --help`." if isinstance(error, click.UsageError) and error.ctx else ""
        tell_error("usage", error.format_message(), hint, as_json=as_json)
        return 2
    except (click.Abort, KeyboardInterrupt):
        tell_error("interrupted", "Interrupted.", "Call it again to go on.", as_json=as_json)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        traceback.print_exc()
        hint = "This is a fault of kaizenml, not yours; please report it with the lines on standard error."
        tell_error("internal", f"Something went wrong: {type(error).__name__}: {error}"[:500], hint, as_json=as_json)
        return 3
    return code if isinstance(code, int) else 0


def _told_help(error: click.exceptions.NoArgsIsHelpError, *, as_json: bool) -> int:
    """Show the help of a command that was called without anything, as what was to be done is not known."""
    if as_json:
        path = error.ctx.command_path if error.ctx else "kaizen"
        tell_error("usage", f"`{path}` needs a command.", f"Try `{path} --help`.", as_json=True)
    else:
        click.echo(error.format_message(), err=True)
    return 2


def tell_error(
    code: str, message: str, hint: str, *, as_json: bool, details: Mapping[str, object] | None = None
) -> None:
    """Print what went wrong: on standard error, or as the one JSON document."""
    if as_json:
        print_json({"error": {"code": code, "message": message, "hint": hint, "details": details or {}}})
        return
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {harmless(message)}", err=True)
    if hint:
        click.echo(f"{click.style('Hint:', fg='yellow')} {harmless(hint)}", err=True)


def print_json(value: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table; where there is nothing, say what makes something."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    listed = list(rows)
    if not listed:
        click.echo(empty)
        return
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in listed:
        table.add_row(*(Text("" if cell is None else harmless(str(cell))) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(table)


def say_on_stderr(line: str) -> None:
    """Tell of progress beside the output proper."""
    click.echo(f"  {click.style('·', fg='cyan')} {harmless(line)}", err=True)
