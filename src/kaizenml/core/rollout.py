"""The staged move of an endpoint's traffic to a new release.

::

    shadow ──→ canary 5 % ──→ canary 25 % ──→ full
       │            │              │
       └────────────┴──────────────┴──→ aborted     the champion keeps, or gets back, all traffic

A step of 100 % is not a canary: reaching it finishes the rollout.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from kaizenml.errors import ProjectError, StateError


class Phase(StrEnum):
    """Where a rollout is."""

    SHADOW = "shadow"
    CANARY = "canary"
    FULL = "full"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Rollout:
    """One move of an endpoint from its champion to a challenger.

    Parameters
    ----------
    champion
        The release that serves; None for the first release of an endpoint.
    steps
        Percentages of traffic for the challenger, rising, 1 to 100.
    position
        Which step it is at, counted from 0; meaningless in shadow.
    step_started_at
        Since when the share is what it is.
    reason
        Why it was started; after an abort, why it was aborted.
    cause
        Number of the event that caused it.
    max_share
        The largest share of traffic that the challenger ever had, 0 to 1.
    """

    id: str
    endpoint: str
    champion: str | None
    challenger: str
    steps: tuple[int, ...]
    position: int
    state: Phase
    started_at: datetime
    step_started_at: datetime
    reason: str = ""
    cause: int | None = None
    max_share: float = 0.0

    def __post_init__(self) -> None:
        is_rising = all(a < b for a, b in zip(self.steps, self.steps[1:], strict=False))
        if not self.steps or not is_rising or self.steps[0] < 1 or self.steps[-1] > 100:
            raise ProjectError(
                f"Canary steps {self.steps} cannot be.", "Give rising percentages, such as (5, 25, 100)."
            )

    def share(self) -> float:
        """Return the fraction of traffic that the challenger answers, 0 to 1."""
        if self.state is Phase.CANARY:
            return self.steps[self.position] / 100
        return 1.0 if self.state is Phase.FULL else 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.state in (Phase.FULL, Phase.ABORTED)

    @property
    def is_at_last_step(self) -> bool:
        """Whether the next step up is all traffic."""
        return self.state is Phase.CANARY and all(step >= 100 for step in self.steps[self.position + 1 :])

    def advanced(self, at: datetime) -> Rollout:
        """Return the rollout one step further: shadow → first step → next step → full.

        Raises
        ------
        StateError
            If it is over.
        """
        self._require_running("advance")
        if self.is_at_last_step:
            return self.finished(at)
        position = 0 if self.state is Phase.SHADOW else self.position + 1
        return _reaching(replace(self, state=Phase.CANARY, position=position, step_started_at=at))

    def finished(self, at: datetime) -> Rollout:
        """Return the rollout with all traffic on the challenger.

        Raises
        ------
        StateError
            If it is over, or has steps left to take.
        """
        self._require_running("finish")
        if not self.is_at_last_step:
            raise StateError(f"Rollout {self.id} is at {self.share():.0%} and has steps left; advance it instead.")
        return _reaching(replace(self, state=Phase.FULL, step_started_at=at))

    def aborted(self, reason: str, at: datetime) -> Rollout:
        """Return the rollout with all traffic back on the champion, and why.

        Raises
        ------
        StateError
            If it is over; a finished one is undone by a rollback.
        """
        self._require_running("abort")
        return replace(self, state=Phase.ABORTED, reason=reason, step_started_at=at)

    def _require_running(self, verb: str) -> None:
        if self.is_over:
            hint = "Roll the endpoint back instead." if self.state is Phase.FULL else "Start a new rollout."
            raise StateError(f"Cannot {verb} rollout {self.id}: it is {self.state}.", hint)


def started(
    id: str,  # noqa: A002  it is the field's name
    endpoint: str,
    *,
    champion: str | None,
    challenger: str,
    steps: tuple[int, ...],
    at: datetime,
    reason: str = "",
    cause: int | None = None,
) -> Rollout:
    """Return a rollout at its first canary step."""
    rollout = Rollout(id, endpoint, champion, challenger, steps, 0, Phase.CANARY, at, at, reason, cause)
    return _reaching(rollout)


def started_in_shadow(rollout: Rollout) -> Rollout:
    """Return the freshly started rollout with no traffic yet: the challenger answers beside the champion, unheard.

    Raises
    ------
    StateError
        If it is not at its first step.
    """
    if rollout.state is not Phase.CANARY or rollout.position:
        raise StateError(
            f"Rollout {rollout.id} is {rollout.state} at step {rollout.position + 1}, too late for shadow."
        )
    return replace(rollout, state=Phase.SHADOW, max_share=0.0)


def _reaching(rollout: Rollout) -> Rollout:
    return replace(rollout, max_share=max(rollout.max_share, rollout.share()))
