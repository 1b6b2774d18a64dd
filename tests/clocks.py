"""Clocks that tests turn, and a home whose notifications may go to this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kaizenml.adapters.clock import SystemClock
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import House, open_house

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class Wristwatch:
    """The wall's clock, which can be put forward."""

    ahead = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


def notifying_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Open a home on the database that a test asks for (``file`` or ``postgres``), with a `Wristwatch`."""
    of = {"notify_allow": "127.0.0.1"}
    if getattr(request, "param", "file") == "postgres":
        of["database"] = request.getfixturevalue("postgres").emptied()
    opened = replace(open_house(settings(tmp_path, {}, of)), clock=Wristwatch())
    yield opened
    opened.records.close()
