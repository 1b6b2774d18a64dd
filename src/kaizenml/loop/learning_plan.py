"""What a run learns from raw rows: how to clean them, and what the contract is; and what it says of what broke it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from kaizenml.core.contract import Contract, Severity
from kaizenml.core.plan import CleaningPlan
from kaizenml.data.clean import learn_plan, replay
from kaizenml.data.clipping import clipping
from kaizenml.data.contract import learn_contract, rows_allowed
from kaizenml.data.contract_yaml import to_yaml
from kaizenml.data.enforce_table import RuleFinding
from kaizenml.errors import SourceError
from kaizenml.loop import contracting, data_alerts, spelling_questions
from kaizenml.loop.label_joining import Settled
from kaizenml.loop.spelling_questions import Said
from kaizenml.loop.wiring import House, Say
from kaizenml.project import Project

FEWEST_ROWS = 30
#: So many soft rules that were broken are told of.
MOST_SAID = 5


def plan_and_contract(
    project: Project, folder: Path, house: House, raw: pl.DataFrame, people: Settled, say: Say, *, rows: int
) -> tuple[CleaningPlan, Contract]:
    """Return how to clean the rows, and the contract: what the page says, else what is learned, and written there.

    Parameters
    ----------
    raw
        All rows, or some that are spread evenly over them.
    rows
        How many rows there are in all.
    """
    page = contracting.find_page(project.name, folder, house)
    said = spelling_questions.said(house, project.name)
    learned = cleaning_plan(project, raw, said)
    spelling_questions.ask(house, project.name, learned, raw, said, say)
    if page is not None:
        return contracting.held(house, project.name, page, learned, raw), page
    cleaned, _ = people.onto(replay(learned, raw), project, learned)
    contract = learn_contract(cleaned.frame, learned, id=project.id, time=project.time, now=house.clock.now())
    fewest, most = rows_allowed(rows)
    contract = replace(contract, min_rows=fewest, max_rows=most)
    if rows > len(raw):
        contract = replace(contract, columns=tuple(replace(rule, is_monotone=False) for rule in contract.columns))
    (folder / contracting.PAGE).write_text(to_yaml(contract), "utf-8")
    return learned, contract


def tell_findings(
    house: House,
    project: str,
    findings: Sequence[RuleFinding],
    say: Say,
    *,
    is_passed: bool,
    good: int,
    bad: int,
    cause: int | None,
) -> None:
    """Say how the rows keep the contract; every broken rule of the table, and every soft one, raises an alert.

    Raises
    ------
    SourceError
        When the table as a whole breaks a hard rule, or too few rows are good; a critical alert is open then.
    """
    refused = _refused(findings, is_passed=is_passed, good=good, came=good + bad)
    data_alerts.tell(house, project, findings, refused, cause=cause)
    if refused is not None:
        raise refused
    say(f"contract: {good:,} rows good, {bad:,} to quarantine")
    for finding in [each for each in findings if each.severity is Severity.SOFT][:MOST_SAID]:
        say(f"contract, soft: {finding.reason} ({finding.count:,} rows)")


def _refused(findings: Sequence[RuleFinding], *, is_passed: bool, good: int, came: int) -> SourceError | None:
    """Return why these rows must not be learned from; None when they may."""
    if not is_passed:
        broken = [finding.reason for finding in findings if finding.severity is Severity.HARD]
        return SourceError(
            f"The data break the contract as a whole: {'; '.join(broken[:3])}.",
            "Mend the data, or edit contract.yaml if they may look like this from now on.",
        )
    if good < FEWEST_ROWS:
        return SourceError(
            f"Only {good} of {came} rows are good; {FEWEST_ROWS} are needed at the least.",
            "Look at contract.yaml and at the quarantined rows: `kaizen quarantine`.",
        )
    return None


def cleaning_plan(project: Project, raw: pl.DataFrame, said: Said) -> CleaningPlan:
    """Learn the plan from training rows only: where there is a time, from the rows before those of the test.

    ``said`` is what people say of its spellings.
    """
    rows = _training_rows(project, raw)
    return clipping(said.onto(learn_plan(rows), rows), project.cleanings, rows)


def _training_rows(project: Project, raw: pl.DataFrame) -> pl.DataFrame:
    if project.time is None or project.time not in raw.columns:
        return raw
    times = replay(learn_plan(raw.select(project.time)), raw.select(project.time)).frame[project.time]
    if not isinstance(times.dtype, pl.Datetime):
        raise SourceError(
            f"The column {project.time!r} holds no times: {raw[project.time][0]!r}, for one.",
            "Name another column as `time`, or none.",
        )
    share = 1 - project.holdout if isinstance(project.holdout, float) else 0.8
    cut = times.drop_nulls().sort()[int(share * (times.len() - times.null_count() - 1))]
    return raw.filter((times <= cut).fill_null(False))
