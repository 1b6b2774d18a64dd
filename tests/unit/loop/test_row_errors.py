"""How the rows of a request that a release refuses are told."""

from __future__ import annotations

from kaizenml.loop.scoring import row_error


def test_a_cell_has_one_problem_the_first_and_the_sentence_counts_cells() -> None:
    problems = [
        {"row": 0, "column": "at", "problem": "'soon' cannot be read as time"},
        {"row": 0, "column": "size", "problem": "'big' cannot be read as number"},
        {"row": 0, "column": "at", "problem": "at has no value, and always had one"},
    ]

    error = row_error(problems)

    assert error.message == "rows[0]: column 'at': 'soon' cannot be read as time (1 more in the details)."
    assert error.details == {"rows": problems[:2]}
