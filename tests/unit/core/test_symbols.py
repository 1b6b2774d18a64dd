"""Which functions, classes and constants differ between two sets of files."""

import pytest

from kaizenml.core.symbols import symbol_differences

BEFORE = '''
"""A module."""
import os
LIMIT = 3
PAIR, OTHER = 1, 2

def helper(x):
    """Say."""
    return x + 1

class Model:
    """A model."""
    depth = 2

    def fit(self, rows):
        return rows

    @property
    def name(self):
        return "m"

if os.name == "posix":
    def where():
        return 1
'''


def told(before, after, path="a.py"):
    found = symbol_differences({path: before.encode()}, {path: after.encode()})
    return [(each.name, each.kind, str(each.change)) for each in found[path]]


@pytest.mark.parametrize(
    ("old", "new", "name", "kind"),
    [
        ("LIMIT = 3", "LIMIT = 4", "LIMIT", "constant"),
        ("PAIR, OTHER = 1, 2", "PAIR, OTHER = 1, 3", "PAIR", "constant"),
        ("x + 1", "x + 2", "helper", "function"),
        ("return rows", "return rows[:1]", "Model.fit", "function"),
        ("@property", "@staticmethod", "Model.name", "function"),
        ("depth = 2", "depth = 3", "Model.depth", "constant"),
        ("class Model:", "class Model(dict):", "Model", "class"),
        ("return 1", "return 2", "where", "function"),
        ('"posix"', '"nt"', "(module)", "statement"),
        ("import os", "import os, sys", "(imports)", "statement"),
    ],
)
def test_the_symbol_that_changed_is_named_and_no_other(old, new, name, kind):
    assert old in BEFORE

    found = told(BEFORE, BEFORE.replace(old, new))

    assert found[0] == (name, kind, "changed")
    assert {each for each, _, _ in found} <= {name, "OTHER"}


def test_a_symbol_has_its_own_difference_and_not_that_of_its_file():
    [found] = symbol_differences({"a.py": BEFORE.encode()}, {"a.py": BEFORE.replace("x + 1", "x + 2").encode()})["a.py"]

    assert "-    return x + 1\n+    return x + 2" in found.diff
    assert "class Model" not in found.diff


def test_added_and_removed_symbols_are_told():
    assert told(BEFORE, BEFORE + "\ndef more(): return 1\n") == [("more", "function", "added")]
    assert told(BEFORE, BEFORE.replace("LIMIT = 3", "")) == [("LIMIT", "constant", "removed")]


def test_a_symbol_that_went_to_another_file_moved():
    helper = "def helper(x):\n    return x + 1\n"

    found = symbol_differences({"a.py": helper.encode(), "b.py": b"A = 1\n"}, {"b.py": f"A = 1\n{helper}".encode()})

    assert [(each.name, str(each.change), each.came_from) for each in found["b.py"]] == [("helper", "moved", "a.py")]
    assert found["a.py"] == []


def test_what_differs_behind_the_lines_that_are_shown_did_not_move():
    lines = "".join(f"    x += {each}\n" for each in range(300))
    old, new = f"def helper(x):\n{lines}    return 1\n", f"def helper(x):\n{lines}    return 2\n"

    found = symbol_differences({"a.py": old.encode()}, {"b.py": new.encode()})

    assert {str(each.change) for listed in found.values() for each in listed} == {"added", "removed"}
    assert "more lines" in found["b.py"][0].diff


def test_comments_docstrings_and_formatting_change_no_symbol():
    after = BEFORE.replace('"""Say."""', '"""Tell."""').replace("x + 1", "(x  +  1)  # more").replace("= 3", "=  3")

    assert told(BEFORE, after) == []


@pytest.mark.parametrize("content", [b"def broken(:\n", b"x = 1\x00", "é".encode("latin-1"), b"(" * 5000 + b")" * 5000])
def test_what_python_cannot_read_is_left_to_the_difference_of_files(content):
    assert symbol_differences({"a.py": b"x = 1\n"}, {"a.py": content}) == {}


def test_files_that_are_no_python_have_no_symbols():
    assert symbol_differences({"a.toml": b"x = 1"}, {"a.toml": b"x = 2"}) == {}


def test_comparing_executes_nothing(tmp_path):
    trace = tmp_path / "trace"
    code = f"open({str(trace)!r}, 'w')\n"

    found = symbol_differences({"a.py": b""}, {"a.py": code.encode()})

    assert [each.name for each in found["a.py"]] == ["(module)"]
    assert not trace.exists()
