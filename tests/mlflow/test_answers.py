"""The same requests to MLflow's own server and to ours: every difference is explained in the docs, or there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from wire_cases import GROUPS
from wire_explained import KEYS, explained
from wire_replay import Side, differences

pytestmark = pytest.mark.timeout(1200)  # the other server is slow where others work, too
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "move-from-mlflow.md"


@pytest.fixture(scope="module")
def sides(real_server: str, our_server: str) -> tuple[Side, Side]:
    """Both servers; what one group of requests has made, the next asks about."""
    return Side(real_server), Side(our_server)


@pytest.fixture(scope="module")
def reasons() -> dict[str, set[str]]:
    """Which rows of the table were needed, by group."""
    return {}


@pytest.mark.parametrize("group", GROUPS)
def test_our_answers_are_those_of_mlflow_field_by_field(
    sides: tuple[Side, Side], reasons: dict[str, set[str]], group: str
) -> None:
    """The first thing that is asked of either server in this process: files are run by their names."""
    found = differences(GROUPS[group], *sides)

    assert [each for each in found if explained(*each) is None] == []
    reasons[group] = {str(explained(*each)) for each in found}


def test_no_row_of_the_table_is_needless(reasons: dict[str, set[str]]) -> None:
    if set(reasons) != set(GROUPS):
        pytest.skip("needs the answers to every group of requests")

    assert sum(map(len, GROUPS.values())) >= 600
    assert set().union(*reasons.values()) == set(KEYS)


def test_every_difference_is_a_row_of_the_table() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]

    assert sorted(row.split("`")[1] for row in rows) == sorted(KEYS)
