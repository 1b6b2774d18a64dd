"""One home with five projects in it, all served by one `kaizen up`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loop_processes import Up, called, soon, up
from loop_tables import TABLES


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def made(home: Path) -> dict[str, dict[str, object]]:
    """What `kaizen new` and `kaizen run` said of each table."""
    said = {}
    for name, (write, target) in TABLES.items():
        folder = home / "projects" / name
        write(home / f"{name}.csv")
        new = called("new", folder, "--from", home / f"{name}.csv", "--target", target)
        run = called("run", "--project", folder, home=home / "kaizen")
        said[name] = {"new": new, "run": run, "folder": folder, "file": home / f"{name}.csv", "target": target}
    return said


@pytest.fixture(scope="session")
def served(home: Path, made: dict[str, dict[str, object]]) -> Iterator[Up]:
    with up(home / "projects" / "messy", home / "kaizen") as running:
        for name in made:
            soon(lambda name=name: running.is_serving(name), within=60)
        yield running
