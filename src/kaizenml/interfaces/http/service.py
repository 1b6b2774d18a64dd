"""What the control plane needs from the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from kaizenml.core.inbox import Item
from kaizenml.core.ports import Records
from kaizenml.errors import StateError
from kaizenml.loop.wiring import House


class Service(Protocol):
    """The loop as the control plane sees it: books to read, and the few acts that a person may ask for.

    Every act raises a `KaizenError` when it is refused; what it returns is shown to the caller as JSON.
    """

    @property
    def records(self) -> Records:
        """The books."""
        ...

    @property
    def name(self) -> str:
        """What people call this home, such as the name of its folder."""
        ...

    @property
    def version(self) -> str:
        """The version of this package."""
        ...

    def now(self) -> datetime:
        """Return the wall's time, in UTC."""
        ...

    def approve(self, name: str, *, by: str, override: bool, because: str, digest: str) -> object:
        """Approve the release; with ``override`` against its gate's word, for a reason; with a digest just that."""
        ...

    def waiting(self, project: str | None) -> Sequence[Item]:
        """Return what waits for people, the most urgent first."""
        ...

    def decline(self, name: str, *, by: str, because: str) -> object:
        """Decline the release."""
        ...

    def ship(self, release: str, *, canary: tuple[int, ...] | None, shadow: bool, by: str) -> object:
        """Send the release out; without canary steps, in those that its project declares."""
        ...

    def rollback(self, endpoint: str, *, by: str) -> object:
        """Give the endpoint back to the release before."""
        ...

    def trigger(self, project: str, *, by: str, reason: str, facts: Mapping[str, object]) -> object:
        """Queue a run of the project; ``facts`` are its parameters and its way."""
        ...

    def tune(self, project: str, *, by: str, trials: int, seconds: float | None) -> object:
        """Queue a search for better parameters."""
        ...

    def compare(self, runs: Sequence[str], *, by: str) -> object:
        """Queue a comparison of runs."""
        ...

    def rerun(self, run: str, *, by: str, anyway: bool) -> object:
        """Queue an old run to be executed again."""
        ...

    def accept(self, project: str, step: str, *, by: str, because: str) -> object:
        """Queue the declaration that a step's changed code gives what it gave."""
        ...

    def found(self, job: str) -> bytes:
        """Return, as JSON, what such a job found."""
        ...

    def cancel(self, run: str, *, by: str) -> object:
        """Cancel a run that is queued or under way."""
        ...

    def acknowledge(self, alert: str, *, by: str) -> object:
        """Take on an alert."""
        ...

    def advance_clock(self, to: datetime, *, by: str) -> object:
        """Let the data's clock of a replay reach a time."""
        ...

    def loop_state(self) -> Mapping[str, object]:
        """Return what the controller and the workers are doing."""
        ...


def house_behind(service: Service) -> House:
    """Return what the loop works with; `StateError` for a service that keeps no files."""
    house: House | None = getattr(service, "house", None)
    if house is None:
        raise StateError("This server keeps no files.", "Ask the one that `kaizen up` starts.")
    return house
