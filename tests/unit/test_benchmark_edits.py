"""The edits that the caches of all tools are tried on: each changes the step that it names, and no other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "training"))
try:
    import edits
finally:
    sys.path.pop(0)

VALUES = """
import inspect, json, edits
given = {}
for step in edits.STEPS:
    given[step.__name__] = step(**{name: given[name] for name in inspect.signature(step).parameters})
del given["last"]
print(json.dumps(given))
"""


def values(folder, files, variable):
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    done = subprocess.run([sys.executable, "-c", VALUES], cwd=folder, env=os.environ | {edits.VARIABLE: variable},
                          check=True, capture_output=True, text=True)  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return values(tmp_path_factory.mktemp("before") / "p", edits.FILES, edits.BEFORE)


@pytest.mark.parametrize("edit", edits.ALL, ids=[edit.name for edit in edits.ALL])
def test_an_edit_changes_the_step_that_it_names_and_no_other(edit, before, tmp_path):
    after = values(tmp_path / "p", *edits.edited(edit))

    assert [name for name in after if after[name] != before[name]] == ([edit.step] if edit.step else [])
