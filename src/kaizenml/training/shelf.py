"""The values of one execution: each consumer gets one of its own, so that none sees what another did to it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import polars as pl

from kaizenml.core.task import LIVE, Outcome, Ref, StepCache
from kaizenml.errors import KaizenError
from kaizenml.training.perform import identity
from kaizenml.training.serialize import deserialized, serialized
from kaizenml.training.values import OfCode

#: Values that nobody can change, and that are therefore handed on as they are.
_UNCHANGEABLE = (type(None), bool, int, float, complex, str, bytes)
#: Larger values that are in the cache are read from there each time.
MOST_BYTES_AT_HAND = 50_000_000


class Shelf:
    """Values by their `Ref`: as bytes in the cache, or live in this process."""

    def __init__(self, cache: StepCache, of_code: OfCode) -> None:
        self._cache = cache
        self._of_code = of_code
        self._live: dict[str, Any] = {}
        self._contents: dict[str, bytes] = {}

    def given(self, value: object) -> Ref:
        """Put a value that is there from the start; its bytes stay in this process until `settled` asks."""
        content = serialized(value)
        return self._put(identity(value, content, self._of_code), value, content, "")

    def made(self, outcome: Outcome) -> Ref:
        """Put what came of a task; its bytes go into the cache."""
        if outcome.blob:
            return Ref(outcome.digest, outcome.blob)
        if outcome.content is None:
            return self._put(f"{LIVE}{uuid4().hex}", outcome.value, None, "")
        return self._put(outcome.digest, outcome.value, outcome.content, self._cache.put(outcome.content))

    def holds(self, ref: Ref) -> bool:
        """Say whether the value can be had, by looking at its bytes."""
        if ref.digest in self._live or ref.digest in self._contents:
            return True
        content = self._cache.get(ref.blob) if ref.blob else None
        if content is not None:
            self._contents[ref.digest] = content
        return content is not None

    def settled(self, ref: Ref) -> Ref:
        """Return the value's place in the cache, where other processes find it."""
        if ref.blob:
            return ref
        content = self._contents.get(ref.digest)
        return Ref(ref.digest, self._cache.put(serialized(self._live[ref.digest]) if content is None else content))

    def load(self, ref: Ref) -> Any:
        """Return the value, for this caller alone.

        Raises
        ------
        KaizenError
            When its bytes have gone.
        """
        if ref.digest in self._live:
            live = self._live[ref.digest]
            return live.clone() if isinstance(live, pl.DataFrame) else live
        if not self.holds(ref):
            raise KaizenError("A kept result of a step has gone while it was needed.", "Run again.")
        value = deserialized(self._contents[ref.digest])
        if isinstance(value, (pl.DataFrame, *_UNCHANGEABLE)):
            self._live[ref.digest] = value
            del self._contents[ref.digest]
            return value.clone() if isinstance(value, pl.DataFrame) else value
        return value

    def _put(self, digest: str, value: object, content: bytes | None, blob: str) -> Ref:
        if content is None or type(value) in _UNCHANGEABLE or type(value) is pl.DataFrame:
            self._live[digest] = value
        elif not blob or len(content) <= MOST_BYTES_AT_HAND:
            self._contents[digest] = content
        return Ref(digest, blob)
