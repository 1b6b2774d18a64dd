"""What answers a request: raw rows in, answers out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from kaizenml.core.digest import Digest
from kaizenml.core.signature import Answer, Cell, Signature


class Scorer(Protocol):
    """A loaded release: preparation, features and model behind one call. Used by one thread at a time."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        ...

    def answer(self, rows: Sequence[Mapping[str, Cell]]) -> tuple[Answer, ...]:
        """Return one answer for each raw row.

        Raises
        ------
        RowError
            When a row breaks the schema: ``details`` is ``{"rows": [{"row": int, "column": str, "problem": str}, …]}``.
        """
        ...


#: Loads a release by its name from the bundle with this digest; raises a `KaizenError` when it may not be loaded.
ScorerLoader = Callable[[str, Digest], Scorer]
