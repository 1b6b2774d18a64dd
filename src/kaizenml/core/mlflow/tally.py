"""What an import brought over, what was there already, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from kaizenml.core.mlflow.origin import Trouble

#: What is counted, in the order in which it is told.
KINDS = (
    "experiments", "runs", "parameters", "tags", "points", "data sets", "artefacts", "logged models",
    "registered models", "model versions",
)  # fmt: skip
#: So many names are shown of what was left out for one reason.
MOST_NAMES = 5


@dataclass(slots=True)
class Reason:
    """Things of a kind that were left out for the same reason: how many, and the names of the first."""

    what: str
    why: str
    count: int = 0
    names: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """Counts by kind.

    Parameters
    ----------
    seen
        What the source has, as far as it could be read.
    brought, grown
        What is new here; of runs and the like also those that were here and have got more.
    refused
        How much of what was seen is left out, for one of the reasons.
    here
        How much of what was seen is here in the end; empty until it has been counted.
    bytes_brought
        How many bytes of artefacts were copied.
    """

    seen: Counter[str] = field(default_factory=Counter)
    brought: Counter[str] = field(default_factory=Counter)
    grown: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    here: Counter[str] = field(default_factory=Counter)
    bytes_brought: int = 0
    reasons: dict[tuple[str, str], Reason] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add what was brought by a part of the import, once it is written."""
        self.brought.update(other.brought)
        self.grown.update(other.grown)
        self.refused.update(other.refused)

    def leave_out(self, troubles: Iterable[Trouble]) -> None:
        """Count what could not be brought over."""
        for each in troubles:
            reason = self.reasons.setdefault((each.what, each.why), Reason(each.what, each.why))
            reason.count += 1
            if len(reason.names) < MOST_NAMES:
                reason.names.append(each.name)

    @property
    def left_out(self) -> list[Reason]:
        """What was left out, most first."""
        return sorted(self.reasons.values(), key=lambda each: (-each.count, each.what, each.why))

    @property
    def missing(self) -> dict[str, int]:
        """How much of what was seen, and not refused, is not here, by kind; nothing when all of it is."""
        lack = {kind: self.seen[kind] - self.refused[kind] - self.here[kind] for kind in KINDS}
        return {kind: count for kind, count in lack.items() if count > 0} if self.here else {}

    @property
    def is_new(self) -> bool:
        """Whether anything was brought over."""
        return bool(+self.brought or +self.grown)

    @property
    def facts(self) -> dict[str, object]:
        """The tally as plain JSON."""
        return {
            "counts": {
                kind: {
                    "source": self.seen[kind], "brought": self.brought[kind], "grown": self.grown[kind],
                    "here": self.here[kind],
                }
                for kind in KINDS
            },
            "bytes_brought": self.bytes_brought,
            "left_out": [
                {"what": each.what, "why": each.why, "count": each.count, "names": each.names}
                for each in self.left_out
            ],
            "missing": self.missing,
            "notes": self.notes,
        }  # fmt: skip
