"""Who decides on a project's releases, as values: people, or a declared policy by the evidence that suffices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kaizenml.core.approval import Review
from kaizenml.core.gate import REQUIREMENTS
from kaizenml.core.monitor import every
from kaizenml.core.registered import check_alias
from kaizenml.errors import NotFoundError, ProjectError

_DAY = 86_400.0


def people(needed: int = 1, *, among: Sequence[str] = (), within: str = "30d") -> Review:
    """Let people decide on releases; none of them may have made it, committed to it last or changed its data.

    Parameters
    ----------
    needed
        How many must approve.
    among
        Who they may be, by name or address; whoever has the permission where nobody is named.
    within
        For so long an approval holds.

    Examples
    --------
    >>> import kaizenml as kz
    >>> project = kz.Project("churn", source=kz.files("data/*.csv"), target="churned")
    >>> project.serve(approval=kz.people(2, among=["ada", "bob", "eve"], within="14d"))
    """
    names = (among,) if isinstance(among, str) else tuple(among)
    if needed < 1:
        raise ProjectError(f"people({needed}) asks nobody.", "Ask one or more, or write approval=kz.policy().")
    if names and len(set(names)) < needed:
        raise ProjectError(f"{needed} of {len(set(names))} people cannot approve.", "Name more, or ask for fewer.")
    return Review(needed, names, every(within).seconds / _DAY)


def policy(*evidence: str, otherwise: Review | None = None) -> Review:
    """Let a release go out unattended when its gate lets it through and holds the evidence that suffices.

    Parameters
    ----------
    evidence
        What the gate must have checked, and found passed: requirements such as ``"beats_champion"``, or whole checks
        such as ``"slices(region)"``. Nothing: whatever the gate lets through is approved.
    otherwise
        Who decides where some of it is missing; one person unless told otherwise.

    Examples
    --------
    >>> import kaizenml as kz
    >>> project = kz.Project("churn", source=kz.files("data/*.csv"), target="churned")
    >>> project.serve(approval=kz.policy("beats_champion", "slices", otherwise=kz.people(2)))
    """
    for name in evidence:
        if name.partition("(")[0] not in REQUIREMENTS:
            raise NotFoundError("gate requirement", name, REQUIREMENTS)
    return replace(otherwise or Review(), evidence=evidence)


def review_of(approval: str | Review) -> Review:
    """Return what a word stands for: ``"person"`` or ``"policy"``."""
    if isinstance(approval, Review):
        return approval
    if approval not in ("person", "policy"):
        raise ProjectError(
            f"Nobody is called {approval!r}.", 'Approval is by "person", "policy", kz.people(…) or kz.policy(…).'
        )
    return policy() if approval == "policy" else people()


def aliases_of(said: str | Sequence[str]) -> tuple[str, ...]:
    """Return aliases as they are declared, one or several; `UsageError` for what cannot be one."""
    names = (said,) if isinstance(said, str) else tuple(said)
    for name in names:
        check_alias(name)
    return names
