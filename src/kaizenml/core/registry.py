"""What the registry of models asks of the books."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from kaizenml.core.mlflow.filter import Question
from kaizenml.core.registered import RegisteredModel, RegisteredVersion


class Registry(Protocol):
    """Models and versions; models change by compare-and-set on their generation only."""

    def find(self, name: str) -> RegisteredModel | None:
        """Return the model of a name, deleted or not, or None."""
        ...

    def save(self, model: RegisteredModel, *, seen: int) -> None:
        """Write a model (``seen`` 0: a new one); `ConflictError` unless its stored generation is the one seen."""
        ...

    def find_version(self, model: str, number: int) -> RegisteredVersion | None:
        """Return a version, deleted or not, or None."""
        ...

    def save_version(self, version: RegisteredVersion) -> None:
        """Write a version, new or changed."""
        ...

    def rename(self, name: str, to: str, at: datetime) -> None:
        """Give a model and all its versions another name, in place of a deleted one that had it."""
        ...

    def latest(self, models: Collection[str]) -> list[RegisteredVersion]:
        """Return the newest version in each stage of each of these models."""
        ...

    def models(self, question: Question, *, limit: int, after: int = 0) -> list[RegisteredModel]:
        """Return the models that a question asks for, in its order and then by name."""
        ...

    def versions(self, question: Question, *, limit: int, after: int = 0) -> list[RegisteredVersion]:
        """Return the versions that a question asks for, in its order, then by name and the newest number."""
        ...
