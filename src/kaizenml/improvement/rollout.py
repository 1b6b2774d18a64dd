"""What a rollout does next: guards at once, evidence of harm as soon as there is some, patience otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kaizenml.core.rollout import Rollout
from kaizenml.errors import StateError
from kaizenml.improvement.comparison import Comparison


class MoveKind(StrEnum):
    """What to do with a rollout."""

    HOLD = "hold"
    ADVANCE = "advance"
    ABORT = "abort"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Move:
    """What to do with a rollout, and why."""

    kind: MoveKind
    reason: str


@dataclass(frozen=True, slots=True)
class Guards:
    """What can be measured at once, without labels, of the requests since the rollout began.

    Parameters
    ----------
    requests
        How many the challenger scored, in shadow or for an answer.
    error_share, champion_error_share
        Share of requests that failed, 0 to 1.
    latency_ratio
        Challenger's 99th percentile ÷ champion's; None: not known.
    nan_share
        Share of the challenger's scores that are not finite, 0 to 1.
    agreement
        Correlation of both models' scores on the same requests, −1 to 1; None: not known.
    spread_ratio
        Standard deviation of the challenger's scores ÷ that of the champion's; None: not known.
    """

    requests: int = 0
    error_share: float = 0.0
    champion_error_share: float = 0.0
    latency_ratio: float | None = None
    nan_share: float = 0.0
    agreement: float | None = None
    spread_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """When a rollout moves.

    Parameters
    ----------
    requests
        Answered by the challenger in a step, before it may be left.
    blocks
        Labelled blocks seen in a step, before it may be left.
    evidence_blocks
        Labelled blocks over the whole rollout, before the first step may be left.
    errors_above
        How many standard errors the challenger must lie above the margin of harm before it may advance.
    patience_blocks
        Labelled blocks after which a challenger that still may not advance is given up.
    excess_errors, latency_ratio, nan_share
        Most that is tolerated: share of failures beyond the champion's, times the champion's p99, share of scores.
    agreement, spread_ratio
        Least that is plausible for two models of the same thing.
    guard_requests
        Requests below which guards that are statistics (shares, ratios, correlations) do not speak.
    latency_requests, fewest_errors
        Requests below which the 99th percentile, and failures below which their share, is chance.
    """

    requests: int = 100
    blocks: int = 1
    evidence_blocks: int = 8
    errors_above: float = 1.0
    patience_blocks: int = 400
    excess_errors: float = 0.02
    latency_ratio: float = 3.0
    nan_share: float = 0.0
    agreement: float = 0.2
    spread_ratio: float = 0.2
    guard_requests: int = 50
    latency_requests: int = 300
    fewest_errors: int = 3


def next_move(
    rollout: Rollout,
    *,
    comparison: Comparison | None,
    guards: Guards,
    answered: int,
    blocks_seen: int,
    rules: Rules = Rules(),
) -> Move:
    """Return what a running rollout does next.

    Parameters
    ----------
    comparison
        Both models on all labelled rows that both scored since the rollout began; None while there are none.
    guards
        What is known without labels.
    answered
        Requests that the challenger answered in this step.
    blocks_seen
        Labelled blocks that fell into this step.
    rules
        When to move.

    Raises
    ------
    StateError
        If the rollout is over.

    Notes
    -----
    Aborted on the first guard that speaks, or as soon as the evidence that the challenger's loss exceeds the champion's
    by more than the comparison's margin reaches 1/(2 alpha). A step is left only after its requests and blocks, and
    only upwards of doubt: the mean difference at least one standard error above the margin of harm.
    """
    if rollout.is_over:
        raise StateError(f"Rollout {rollout.id} is {rollout.state}; it makes no further move.")
    alarm = _alarm(guards, rules) or _harm(comparison, rules)
    if alarm:
        return Move(MoveKind.ABORT, alarm)
    doubt = _too_early(answered, blocks_seen, rollout, rules) or _doubt(comparison, rules)
    if doubt:
        return Move(MoveKind.HOLD, doubt)
    assert comparison is not None
    kind = MoveKind.FINISH if rollout.is_at_last_step else MoveKind.ADVANCE
    return Move(kind, f"{answered:,} requests answered without harm. {comparison.sentence}")


def _alarm(guards: Guards, rules: Rules) -> str:
    """Return which guard speaks; empty if none does."""
    if guards.requests and guards.nan_share > rules.nan_share:
        return f"{guards.nan_share:.1%} of the challenger's scores are not numbers."
    if guards.requests < rules.guard_requests:
        return ""
    return _failing(guards, rules) or _implausible(guards, rules)


def _failing(guards: Guards, rules: Rules) -> str:
    excess, errors = guards.error_share - guards.champion_error_share, guards.error_share * guards.requests
    if excess > rules.excess_errors and round(errors) >= rules.fewest_errors:
        return f"{guards.error_share:.1%} of requests fail, {guards.champion_error_share:.1%} with the champion."
    ratio = guards.latency_ratio
    if ratio is not None and ratio > rules.latency_ratio and guards.requests >= rules.latency_requests:
        return f"The 99th percentile of latency is {ratio:.1f} times the champion's."
    return ""


def _implausible(guards: Guards, rules: Rules) -> str:
    if guards.spread_ratio is not None and guards.spread_ratio < rules.spread_ratio:
        return f"The challenger hardly tells rows apart: its scores spread {guards.spread_ratio:.0%} of the champion's."
    if guards.agreement is not None and guards.agreement < rules.agreement:
        return f"The challenger contradicts the champion: their scores correlate {guards.agreement:.2f}."
    return ""


def _harm(comparison: Comparison | None, rules: Rules) -> str:
    if comparison is None:
        return ""
    if comparison.is_harmful:
        return f"The challenger does harm. {comparison.sentence}"
    if comparison.blocks * comparison.joined >= rules.patience_blocks and _doubt(comparison, rules):
        return f"Not shown to be harmless in {comparison.blocks} blocks. {comparison.sentence}"
    return ""


def _too_early(answered: int, blocks_seen: int, rollout: Rollout, rules: Rules) -> str:
    if rollout.share() and answered < rules.requests:
        return f"{answered:,} of {rules.requests:,} requests answered at {rollout.share():.0%}."
    if blocks_seen < rules.blocks:
        return f"{blocks_seen} of {rules.blocks} labelled blocks seen at {rollout.share():.0%}."
    return ""


def _doubt(comparison: Comparison | None, rules: Rules) -> str:
    if comparison is None:
        return "No labelled row yet that both models scored."
    if comparison.blocks * comparison.joined < rules.evidence_blocks:
        return f"{comparison.blocks} of {rules.evidence_blocks} labelled blocks of evidence."
    if comparison.errors_above_margin < rules.errors_above:
        return f"The challenger may yet be harmful. {comparison.sentence}"
    return ""
