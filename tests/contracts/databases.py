"""Every database that metadata live in."""

from __future__ import annotations

from pathlib import Path

import pytest

DATABASES = ("file", "memory", "postgres")


def url_of(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the URL of a new database of the kind that the fixture was asked for."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres").emptied()
        return url
    return "sqlite:///:memory:" if request.param == "memory" else f"sqlite:///{folder}/kaizen.db"
