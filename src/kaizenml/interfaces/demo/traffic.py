"""The world outside: callers who ask, flights that land, a calendar that turns. Everything goes over HTTP."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import polars as pl

from kaizenml.errors import KaizenError
from kaizenml.interfaces.demo.flights import KNOWN, Day

#: How many flights a request asks about: some callers ask about one, some about a whole bank of departures.
SIZES = (1, 10, 40, 60, 80)
#: How many callers ask at the same time.
CALLERS = 4
_IDLE_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class _Request:
    rows: list[dict[str, Any]]
    at: str


@dataclass(slots=True)
class World:
    """A client of both planes, and what it counted."""

    control: httpx.Client
    data: httpx.Client
    requests: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    landing: pl.DataFrame = field(default_factory=lambda: pl.DataFrame())

    def ask(self, day: Day) -> None:
        """Ask the endpoint about every flight of a day, in the order of the schedule."""
        with self._timed("asking"), ThreadPoolExecutor(CALLERS) as callers:
            self._count(callers.map(self._ask, _requests(day)))

    def tell(self, day: Day) -> None:
        """Report every landing that is known by midnight; the others wait for the next day."""
        midnight = datetime(day.date.year, day.date.month, day.date.day, 23, 59, 59, tzinfo=UTC)
        landed = day.rows.filter(pl.col("late").is_not_null()).select("flight_id", "late", "landed")
        known = pl.concat([self.landing, landed]) if len(self.landing) else landed
        self.landing = known.filter(pl.col("landed") > midnight)
        labels = [
            {"id": id_, "value": late, "at": at.isoformat()}
            for id_, late, at in known.filter(pl.col("landed") <= midnight).iter_rows()
        ]
        with self._timed("telling"):
            for start in range(0, len(labels), 2_000):
                self._count(
                    [self._post("/endpoints/flights/feedback", {"labels": labels[start : start + 2_000]}, None)]
                )

    def turn_the_page(self, to: datetime) -> None:
        """Let the data's clock reach a time, and wait until the loop has done all that is due by then."""
        if not self._has_reached(to):
            said = self.control.post("/api/v1/clock", json={"to": to.isoformat()})
            if said.status_code >= 400:
                raise KaizenError(f"The clock could not be advanced: {said.text[:300]}")
        with self._timed("waiting for the loop"):
            self.wait_until_idle()

    def _has_reached(self, to: datetime) -> bool:
        """Say whether the clock is there already, as it can be when an interrupted demo goes on."""
        return datetime.fromisoformat(self.control.get("/api/v1/loop").json()["data_now"]) >= to

    def wait_until_idle(self) -> dict[str, Any]:
        """Wait until nothing is queued, everything due has been watched, and the routes are followed."""
        limit, pause = time.monotonic() + _IDLE_SECONDS, 0.04
        while time.monotonic() < limit:
            state: dict[str, Any] = self.control.get("/api/v1/loop").json()
            if state.get("is_idle"):
                return state
            time.sleep(pause)
            pause = min(pause * 1.2, 0.25)
        raise KaizenError("The loop did not come to rest.", "Look at the logs in the demo's .kaizen/logs.")

    def wait_until_ready(self, seconds: float = 90.0) -> None:
        """Wait until the endpoint answers."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            try:
                if self.data.get("/health/ready").status_code == 200:
                    return
            except httpx.HTTPError:
                pass  # not listening yet
            time.sleep(0.1)
        raise KaizenError("The endpoint did not become ready.", "Look at the logs in the demo's .kaizen/logs.")

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds[what] += time.monotonic() - begun

    def _ask(self, request: _Request) -> str:
        body = {"rows": request.rows, "at": request.at}
        return self._post("/endpoints/flights/predict", body, len(request.rows))

    def _count(self, problems: Iterable[str]) -> None:
        for problem in problems:
            self.requests += 1
            if problem:
                self.failed += 1
                self.failures.append(problem)

    def _post(self, path: str, body: dict[str, Any], rows: int | None) -> str:
        """Send a request and return what was wrong with its answer; empty when nothing was."""
        try:
            said = self.data.post(path, json=body)
            is_good = said.status_code == 200 and (rows is None or len(said.json()["predictions"]) == rows)
            return "" if is_good else f"{said.status_code}: {said.text[:300]}"
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"


def _requests(day: Day) -> Iterator[_Request]:
    """Cut a day into requests of changing size; each is asked at the time of its first flight."""
    rng = np.random.default_rng(day.date.toordinal())
    start, known = 0, day.rows.select(KNOWN)
    while start < len(known):
        part = known[start : start + int(rng.choice(SIZES))]
        at = part["scheduled"][0].isoformat()
        rows = part.with_columns(pl.col("scheduled").dt.strftime("%Y-%m-%d %H:%M")).to_dicts()
        yield _Request(rows, at)
        start += len(part)
