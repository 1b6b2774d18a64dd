"""The model card of a release, from what was recorded: nothing in it is written by hand."""

from __future__ import annotations

from kaizenml.core.release import Release
from kaizenml.core.run import Run


def card(release: Release, run: Run) -> str:
    """Return the model card of a release, in Markdown: what it is, what it was made from, how good it is."""
    metrics = "\n".join(
        f"| {name} | {each.value:.4g} | {each.low:.4g} to {each.high:.4g} |" for name, each in run.metrics.items()
    )
    checks = "\n".join(
        f"- {'passed' if check.has_passed else 'FAILED'} `{check.name}`: {check.evidence}"
        for check in release.verdict.checks
    )
    return (
        f"# {release.name}\n\n"
        f"Model version `{release.model_version}`, made by run `{run.id}` from snapshot `{run.snapshot}`.\n"
        f"Release digest `{release.digest}`.\n\n"
        f"## Quality on test rows\n\n| metric | value | 95 % interval |\n|---|---|---|\n{metrics}\n\n"
        f"## Gate\n\n{checks}\n"
    )
