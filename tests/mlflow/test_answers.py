"""The same requests to MLflow's own server and to ours: every difference is explained in the docs, or there is none."""

from __future__ import annotations

from pathlib import Path

from wire_cases import CASES
from wire_explained import KEYS, explained
from wire_replay import Side, differences

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "move-from-mlflow.md"


def test_our_answers_are_those_of_mlflow_field_by_field(real_server: str, our_server: str) -> None:
    """The first thing that is asked of either server in this process: files are run by their names."""
    found = differences(CASES, Side(real_server), Side(our_server))

    assert len(CASES) >= 200
    assert [each for each in found if explained(*each) is None] == []
    assert {explained(*each) for each in found} == set(KEYS), "a row of the table is not needed any more"


def test_every_difference_is_a_row_of_the_table() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]

    assert sorted(row.split("`")[1] for row in rows) == sorted(KEYS)
