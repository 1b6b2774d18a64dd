"""What a fingerprint says beside its digest; which edits change the digest is in the mutation corpus."""

import os
import sys

import pytest
from mutation_projects import load, write

from kaizenml.training.fingerprint import Effect, changed_while_running, fingerprint
from kaizenml.training.reach.packages import Packages

PROJECT = {
    "project.py": """
import helpers
import numpy as np
from helpers import LIMIT

def select(raw, threshold=2):
    return np.mean(helpers.k1(raw)) + LIMIT + threshold
""",
    "helpers.py": '''
LIMIT = 3
SEEN = []

def k1(raw):
    """Doc."""
    return k2(raw)  # why

def k2(raw):
    return raw

def remember(x):
    SEEN.append(x)

def unrelated():
    return 1
''',
}


@pytest.fixture
def code(tmp_path):
    write(tmp_path, PROJECT)
    return load(tmp_path)


def test_a_fingerprint_names_what_a_step_reaches(code):
    found = fingerprint(code.modules["project"].select, code)

    assert set(found.symbols) == {"project.select", "helpers.k1", "helpers.k2", "helpers.LIMIT"}
    assert found.symbols["helpers.LIMIT"].text == "3"
    assert found.symbols["helpers.k1"].text == 'def k1(raw):\n    """Doc."""\n    return k2(raw)  # why'
    assert {"python", "numpy", "polars"} <= set(found.packages)
    assert found.unknown == ()


def test_what_changed_behind_a_long_docstring_is_shown(tmp_path):
    long = "\n".join(["    A line of many that say what it does."] * 200)
    write(tmp_path, {"project.py": f'def step(raw):\n    """Do it.\n\n{long}\n    """\n    return raw * 2\n'})
    code = load(tmp_path)

    assert fingerprint(code.modules["project"].step, code).symbols["project.step"].text.endswith("return raw * 2")


def test_an_inner_function_is_shown_with_its_decorators_and_moved_to_the_left(tmp_path):
    write(
        tmp_path,
        {
            "project.py": "import functools\r\n\r\ndef step(raw):\r\n    @functools.wraps(raw)\r\n"
            "    def inner():\r\n        return raw\r\n    return inner\r\n"
        },
    )
    code = load(tmp_path)
    parsed = code.parsed(str(tmp_path / "project.py"))

    [inner] = [node for nodes in parsed.nodes.values() for node in nodes if node.name == "inner"]
    assert parsed.text(inner) == "@functools.wraps(raw)\ndef inner():\n    return raw"


def test_a_fingerprint_is_the_same_in_another_folder(code, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere, PROJECT)
    again = load(elsewhere)

    assert (
        fingerprint(code.modules["project"].select, code).digest
        == fingerprint(again.modules["project"].select, again).digest
    )


def test_what_a_step_changes_while_it_runs_is_noticed(code):
    remember = code.modules["helpers"].remember
    before = fingerprint(remember, code)

    remember(1)

    assert "`helpers.SEEN`" in changed_while_running(before, fingerprint(remember, code))


def test_a_clock_forbids_keeping_the_result(tmp_path):
    write(tmp_path, {"project.py": "import datetime\ndef step():\n    return datetime.datetime.now()\n"})
    code = load(tmp_path)

    (unknown,) = fingerprint(code.modules["project"].step, code).unknown

    assert unknown.effect is Effect.FORBIDS
    assert "datetime.now" in unknown.reason


def test_a_library_that_only_the_step_imports_changes_nothing_by_being_loaded(tmp_path, monkeypatch):
    body = (
        "def step():\n    import colorsys as c\n    from colorsys import rgb_to_hls\n    return c.ONE_SIXTH, rgb_to_hls"
    )
    write(tmp_path, {"project.py": body})
    code = load(tmp_path)
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    before = fingerprint(code.modules["project"].step, code)

    code.modules["project"].step()

    assert "colorsys" in sys.modules
    assert changed_while_running(before, fingerprint(code.modules["project"].step, code)) is None


def test_a_library_that_is_installed_meanwhile_counts_with_its_new_version(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def install(version, before=""):
        if before:
            (tmp_path / f"oddtool-{before}.dist-info").rename(tmp_path / f"oddtool-{version}.dist-info")
        facts = tmp_path / f"oddtool-{version}.dist-info"
        facts.mkdir(exist_ok=True)
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: oddtool\nVersion: {version}\n\n")

    install("1.0")
    os.utime(tmp_path, (1_000_000_000, 1_000_000_000))  # long ago: the list of the folder may be remembered
    assert Packages().versions(["oddtool"]) == {"oddtool": "1.0"}
    assert Packages().versions(["oddtool"]) == {"oddtool": "1.0"}

    install("1.1", before="1.0")

    assert Packages().versions(["oddtool"]) == {"oddtool": "1.1"}
