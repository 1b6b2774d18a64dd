"""The mutation corpus: small projects, one edit each; a result that is taken again is never another than the new one.

Each case is run before and after its edit, so that what the cache says is held against what the step really returns.
"""

import mutation_code
import mutation_harmless
import mutation_held_out
import mutation_held_out_fourth
import mutation_held_out_later
import mutation_held_out_third
import mutation_instances
import mutation_reads
import mutation_values
import pytest
from mutation_case import Case, Expected, outcome

MODULES = (
    mutation_code, mutation_values, mutation_instances, mutation_reads, mutation_harmless, mutation_held_out,
    mutation_held_out_later, mutation_held_out_third, mutation_held_out_fourth,
)  # fmt: skip
CASES = [
    case
    for module in MODULES
    for name, cases in vars(module).items()
    if name.isupper() and isinstance(cases, list)
    for case in cases
]


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore:.*hm",
    "ignore::polars.exceptions.PolarsInefficientMapWarning",
    "ignore:Overriding",
)
@pytest.mark.parametrize("case", CASES, ids=[f"{case.expected.name.lower()}: {case.name}" for case in CASES])
def test_no_edit_makes_a_stale_result(case: Case, tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()

    found = outcome(case, folder)

    assert found.said == case.expected, found.reasons
    assert found.said != Expected.SAME or found.before == found.after, "stale"
    assert case.expected is not Expected.RERUN or found.before != found.after, "the edit changes no result"


def test_the_corpus_is_large_enough_and_no_case_is_there_twice():
    assert sum(case.expected is not Expected.SAME for case in CASES) >= 850
    assert sum(case.expected is Expected.SAME for case in CASES) >= 160
    written = [(case.files, case.edit, case.variables) for case in CASES]
    assert [each for at, each in enumerate(written) if each in written[:at]] == []
