"""A project's code: loaded from its folder or from a release, without getting into each other's way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from loop_projects import write

from kaizenml.errors import ProjectError
from kaizenml.loop.loading import load_code, load_folder

PROJECT = b"""import kaizenml as kz
import helper
from parts import more

project = kz.Project("shop", source=kz.files("data/*.csv"), target="y")


@project.step
def features(rows):
    return rows.with_columns(a=helper.NUMBER, b=more.number())
"""


def code(number: int) -> dict[str, bytes]:
    return {
        "project.py": PROJECT,
        "helper.py": f"NUMBER = {number}\n".encode(),
        "parts/__init__.py": b"",
        "parts/more.py": f"import helper\ndef number():\n    return helper.NUMBER * {number}\n".encode(),
    }


def test_two_releases_with_modules_of_one_name_do_not_mix():
    first, second = load_code(code(1)), load_code(code(7))

    rows = pl.DataFrame({"x": [0]})
    told = [each.project.steps["features"](rows).row(0) for each in (first, second, first)]

    assert told == [(0, 1, 1), (0, 7, 49), (0, 1, 1)]
    assert first.digest != second.digest
    assert not {"project", "helper", "parts", "parts.more"} & set(sys.modules)


def test_a_module_of_the_process_is_still_there_afterwards():
    import loop_projects

    load_code({"project.py": PROJECT.replace(b"helper", b"loop_projects").replace(b"from parts import more", b""),
               "loop_projects.py": b"NUMBER = 3\n"})  # fmt: skip

    assert sys.modules["loop_projects"] is loop_projects


@pytest.mark.parametrize("path", ["../project.py", "/tmp/elsewhere.py", "parts/../../up.py"])
def test_code_outside_its_folder_is_refused_and_not_written(tmp_path, monkeypatch, path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    with pytest.raises(ProjectError, match="outside its folder"):
        load_code({path: b"raise SystemExit\n", "project.py": PROJECT})

    assert list(tmp_path.glob("*.py")) == []


def test_the_same_code_has_the_same_digest_wherever_it_lies(tmp_path):
    here, there = write(tmp_path / "a", ""), write(tmp_path / "b", "")

    assert load_folder(here).digest == load_folder(there).digest
    (there / "project.py").write_text((there / "project.py").read_text() + "\n# changed\n")
    assert load_folder(here).digest != load_folder(there).digest


def test_what_is_no_code_of_the_project_is_left_out(tmp_path):
    folder = write(tmp_path / "a", "")
    for name in ("tests/test_x.py", ".venv/lib.py", "env/pyvenv.cfg", "env/site.py", "notes.txt", "build/x.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    (folder / "link.py").symlink_to(folder / "project.py")

    assert set(load_folder(folder).code) == {"project.py"}


def test_a_helper_that_raises_is_told_by_file_and_line(tmp_path):
    folder = write(tmp_path / "a", "import helper\n")
    (folder / "helper.py").write_text("\n\nraise ValueError('no key')\n")

    with pytest.raises(ProjectError, match=r"ValueError: no key \(helper.py, line 3\)"):
        load_folder(folder)


LOADS = """
import inspect, os, sys
from pathlib import Path
from kaizenml.loop.loading import load_code

code = b'import kaizenml as kz\\nproject = kz.Project("shop", source=kz.files("d/*.csv"), target="y")\\n' \
       b'@project.step\\ndef features(rows):\\n    return rows\\n'
loaded = load_code({"project.py": code})
if os.fork() == 0:
    sys.exit()  # a copy that ends first takes nothing away
os.wait()
print(inspect.getsource(loaded.project.steps["features"]))
"""


def test_a_process_that_loaded_code_leaves_no_folder_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    done = subprocess.run([sys.executable, "-c", LOADS], env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, "return rows" in done.stdout) == (0, True), done.stderr
    assert list(tmp_path.glob("kaizen-code-*")) == []
