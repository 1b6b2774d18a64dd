"""What the routes about data need from the loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


class Data(Protocol):
    """A project's data as the control plane sees them; what each returns is shown to the caller as JSON.

    Every act raises a `KaizenError` when it is refused. A snapshot is called by its name, its number, a pin's name,
    or ``newest``.
    """

    def log(self, project: str, *, limit: int) -> object:
        """Return the newest snapshots, with the runs, models and pins that name them."""
        ...

    def diff(self, project: str, before: str, after: str, *, by_value: bool) -> object:
        """Return what differs between two snapshots."""
        ...

    def restore(self, project: str, snapshot: str, *, by: str) -> object:
        """Make a snapshot's rows the newest version."""
        ...

    def pin(self, project: str, name: str, snapshot: str, *, by: str) -> object:
        """Give a snapshot a name."""
        ...

    def unpin(self, project: str, name: str) -> object:
        """Take a name from a snapshot."""
        ...

    def quarantined(self, project: str, *, state: str | None, everything: bool, limit: int) -> object:
        """Return the rows that are kept out."""
        ...

    def quarantined_row(self, project: str, row: str) -> object:
        """Return one row that is, or was, kept out."""
        ...

    def work(self, project: str, act: str, facts: Mapping[str, object], *, by: str) -> object:
        """Queue work on the data: ``explore``, ``clean`` or ``gc``."""
        ...

    def erase(self, project: str, value: str, *, column: str, because: str, gives_up: bool, by: str) -> object:
        """Queue the erasing of a person's rows."""
        ...

    def document(self, project: str, job: str) -> bytes:
        """Return, as JSON, what such work found."""
        ...

    def rows_as_parquet(self, project: str, snapshot: str) -> bytes:
        """Return a snapshot's raw rows as a Parquet file."""
        ...

    def repair(self, project: str, row: str, changes: Mapping[str, str | None], *, by: str, because: str) -> object:
        """Let a row join the next snapshot with other cells; without any, with those that are suggested."""
        ...

    def release(self, project: str, row: str, *, by: str, because: str) -> object:
        """Let a row join the next snapshot as it is."""
        ...

    def drop(self, project: str, row: str, *, by: str, because: str) -> object:
        """Leave a row out for good."""
        ...

    def contract(self, project: str) -> object:
        """Return the contract as its page says it."""
        ...

    def contract_diff(self, project: str) -> object:
        """Return what changed since the contract that the newest snapshot passed."""
        ...

    def accept(self, project: str, *, by: str, because: str) -> object:
        """Agree to a contract that lets more rows through."""
        ...

    def look(self, project: str) -> object:
        """Queue a look at the project's source."""
        ...


@runtime_checkable
class HasData(Protocol):
    """A service with data behind it."""

    @property
    def data(self) -> Data:
        """The data."""
        ...
