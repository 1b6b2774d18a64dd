"""What commands share: where the project is, who calls, how to open its house."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from kaizenml.core.account import EVERYWHERE
from kaizenml.errors import SettingError
from kaizenml.loop.settings import Settings
from kaizenml.loop.wiring import House, open_house, read_settings

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """Add `--json` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(function)


def project_option(function: F) -> F:
    """Add `--project` to a command."""
    return click.option(
        "--project",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("."),
        help="Folder of the project; this one unless told otherwise.",
    )(function)


def person() -> str:
    """Return who calls, as events name them."""
    try:
        return f"person:{getpass.getuser()}"
    except (OSError, KeyError):
        return "person:unknown"


def house_of(folder: Path, **flags: str) -> House:
    """Open the house of the project in a folder."""
    of = read_settings(folder, flags)
    check_project(of)
    house = open_house(of)
    if (of.home / "journals").is_dir():  # of tracked runs; one whose process died is brought into the records
        from kaizenml.loop.syncing import pick_up

        pick_up(house)
    if (of.home / "alive").is_dir():  # of old runs that were executed again
        from kaizenml.loop.alive import end_lost

        end_lost(house)
    return house


def check_project(of: Settings) -> None:
    """Refuse a folder in which there is neither a project nor what one has left: nothing is made there.

    Raises
    ------
    SettingError
        Naming the folder.
    """
    if not (of.folder / "project.py").exists() and not of.home.exists():
        raise SettingError(
            f"There is no project in {of.folder}.", "Go to a project's folder, or make one: `kaizen new`."
        )


def roles_text(roles: Mapping[str, Iterable[str]]) -> str:
    """Return roles as they are written."""
    return ", ".join(
        role if project == EVERYWHERE else f"{project}:{role}" for project, each in roles.items() for role in each
    )
