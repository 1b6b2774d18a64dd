"""What is asked of a model version survives being written down; a verdict is as good as its worst check."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.gate import REQUIREMENTS, AtLeast, BeatsChampion, Check, Slices, Verdict, as_facts, from_facts
from kaizenml.errors import NotFoundError


@pytest.mark.parametrize("kind", REQUIREMENTS.values())
def test_every_requirement_is_read_back_as_it_was_written(kind):
    fields = {
        "metric": "f1",
        "limit": 0.5,
        "column": "city",
        "worst": 0.4,
        "min_rows": 10,
        "margin": 0.1,
        "limit_bytes": 5,
        "name": "n",
    }
    known = {name: value for name, value in fields.items() if name in kind.__dataclass_fields__}
    asked = kind(**known)

    assert from_facts(as_facts(asked)) == asked


def test_what_is_written_is_plain_and_named():
    assert as_facts(AtLeast(metric="f1", limit=0.5)) == {"requirement": "at_least", "metric": "f1", "limit": 0.5}
    assert as_facts(Slices(column="c", worst=0.1))["min_rows"] == 200
    assert as_facts(BeatsChampion(metric="f1"))["requirement"] == "beats_champion"


def test_a_requirement_that_nobody_knows_is_told_the_closest():
    with pytest.raises(NotFoundError, match="no gate requirement 'at_leest'") as refused:
        from_facts({"requirement": "at_leest"})

    assert "at_least" in refused.value.hint


@given(st.lists(st.booleans(), max_size=6))
def test_a_verdict_passes_when_every_check_does(passed):
    checks = tuple(Check(f"c{number}", each, None, None, "") for number, each in enumerate(passed))
    verdict = Verdict(checks)

    assert verdict.has_passed is verdict.lets_through is all(passed)
    assert len(verdict.failed) == passed.count(False)
    assert Verdict(checks, overridden_by="person:ada").lets_through is True
    assert Verdict(checks, overridden_by="person:ada").has_passed is all(passed)
