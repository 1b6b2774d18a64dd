"""Some of the mutation corpus, through whole runs: what a run takes again is what a run without the cache makes."""

import os
import sys
from pathlib import Path

import pytest
from step_projects import ran

sys.path.append(str(Path(__file__).parents[1] / "unit" / "training"))

import mutation_code
import mutation_harmless
import mutation_held_out_later
import mutation_reads
import mutation_values
from mutation_case import _edited, _place, _placed, _variables
from mutation_projects import write

#: One of so many cases, from every list; the whole corpus takes seven minutes this way.
ONE_OF = 35
CASES = [
    case
    for module in (mutation_code, mutation_values, mutation_reads, mutation_harmless, mutation_held_out_later)
    for name, cases in vars(module).items()
    if name.isupper() and isinstance(cases, list)
    for case in cases[::ONE_OF]
]
TAIL = """
import kaizenml as _kz
if not isinstance(globals().get("project"), _kz.Project):
    project = _kz.Project("lab", source=_kz.files("none.csv"), target="y")
project.steps.setdefault("step", step)
project.pipeline("all", "step")
"""


def step_of(folder, id_, **way):
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith((f"{folder}{os.sep}", f"{folder}-beside")):
            del sys.modules[name]
    return next(each for each in ran(folder, id_, **way).steps if each.name == "step")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES, ids=[f"{case.expected.name.lower()}: {case.name}" for case in CASES])
def test_a_run_takes_again_what_a_run_without_the_cache_makes(case, tmp_path):
    folder = tmp_path / "lab"
    files = {_placed(name, folder): _placed(text, folder) for name, text in case.files.items()}
    files["project.py"] += TAIL
    edits = {_placed(name, folder): edit for name, edit in case.edit.items()}
    folder.mkdir()

    with _place(folder):
        write(folder, files)
        first = step_of(folder, "run-1")
        write(folder, {name: _edited(folder / name, edit) for name, edit in edits.items()})
        with _variables(case.variables):
            second = step_of(folder, "run-2")
            fresh = step_of(folder, "run-3", uses_cache=False)

    assert second.state != "cached" or second.output == fresh.output, "stale"
    assert (second.state == "cached") == (case.expected == "kept")
    assert bool(first.note) == (case.expected == "told")
