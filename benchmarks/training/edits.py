"""One small project, and the edits after which each tool is asked whether it runs the step again."""

from __future__ import annotations

from dataclasses import dataclass

STEPS = """
import functools
import os
from dataclasses import dataclass
from pathlib import Path

import helpers

FACTOR = 2
_HERE = Path(__file__).resolve().parent


def _doubled(x):
    return x * 2


def _scaled(x, by=2):
    return x * by


def _adder(more):
    def _added(x):
        return x + more

    return _added


_add = _adder(10)


def _plus(function):
    @functools.wraps(function)
    def wrapped(*args, **named):
        return function(*args, **named) + 100

    return wrapped


class _Scale:
    def __init__(self, by):
        self.by = by

    def of(self, x):
        return x * self.by


def _multiplied(x, by):
    return x * by


_times = functools.partial(_multiplied, by=2)


@dataclass
class _Options:
    rate: int = 2


def _never_used(x):
    return x


def begin() -> int:
    print("@ran begin", flush=True)
    return 1


def body(begin: int) -> int:
    print("@ran body", flush=True)
    return begin + 1


def helper(begin: int) -> int:
    print("@ran helper", flush=True)
    return _doubled(begin)


def deep(begin: int) -> int:
    print("@ran deep", flush=True)
    return helpers.outer(begin)


def constant(begin: int) -> int:
    print("@ran constant", flush=True)
    return begin * FACTOR


def default(begin: int) -> int:
    print("@ran default", flush=True)
    return _scaled(begin)


def closure(begin: int) -> int:
    print("@ran closure", flush=True)
    return _add(begin)


@_plus
def decorated(begin: int) -> int:
    print("@ran decorated", flush=True)
    return begin


def imported(begin: int) -> int:
    import lately

    print("@ran imported", flush=True)
    return lately.late(begin)


def method(begin: int) -> int:
    print("@ran method", flush=True)
    return _Scale(3).of(begin)


def partial(begin: int) -> int:
    print("@ran partial", flush=True)
    return _times(begin)


def by_name(begin: int) -> int:
    print("@ran by_name", flush=True)
    return getattr(helpers, "named")(begin)


def field(begin: int) -> int:
    print("@ran field", flush=True)
    return begin * _Options().rate


def file(begin: int) -> int:
    print("@ran file", flush=True)
    return begin * int((_HERE / "rate.txt").read_text())


def variable(begin: int) -> int:
    print("@ran variable", flush=True)
    return begin * int(os.environ["BENCH_RATE"])


def last(
    body: int, helper: int, deep: int, constant: int, default: int, closure: int, decorated: int, imported: int,
    method: int, partial: int, by_name: int, field: int, file: int, variable: int,
) -> int:
    print("@ran last", flush=True)
    return (
        body + helper + deep + constant + default + closure + decorated + imported + method + partial + by_name
        + field + file + variable
    )


STEPS = [
    begin, body, helper, deep, constant, default, closure, decorated, imported, method, partial, by_name, field, file,
    variable, last,
]
"""
FILES = {
    "edits.py": STEPS,
    "helpers.py": "import deeper\n\n\ndef outer(x):\n    return deeper.inner(x)\n\n\ndef named(x):\n    return x + 7\n",
    "deeper.py": "def inner(x):\n    return x + 5\n",
    "lately.py": "def late(x):\n    return x + 6\n",
    "rate.txt": "2",
}
#: The environment variable that a step reads, before and after its edit.
VARIABLE, BEFORE, AFTER = "BENCH_RATE", "2", "3"


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: in which file what becomes what; the step that gives another value for it (none: it is harmless)."""

    name: str
    step: str
    file: str
    old: str
    new: str


ALL = (
    Edit("the step itself", "body", "edits.py", "begin + 1", "begin + 2"),
    Edit("helper", "helper", "edits.py", "    return x * 2\n", "    return x * 3\n"),
    Edit("helper of a helper, other module", "deep", "deeper.py", "x + 5", "x + 6"),
    Edit("module constant", "constant", "edits.py", "FACTOR = 2", "FACTOR = 3"),
    Edit("default argument of a helper", "default", "edits.py", "by=2):", "by=3):"),
    Edit("closure", "closure", "edits.py", "_adder(10)", "_adder(20)"),
    Edit("decorator", "decorated", "edits.py", "+ 100", "+ 200"),
    Edit("import in the function", "imported", "lately.py", "x + 6", "x + 7"),
    Edit("method of a class", "method", "edits.py", "x * self.by", "x + self.by"),
    Edit("functools.partial", "partial", "edits.py", "by=2)\n\n\n@dataclass", "by=3)\n\n\n@dataclass"),
    Edit("getattr by a string", "by_name", "helpers.py", "x + 7", "x + 8"),
    Edit("field of a dataclass", "field", "edits.py", "rate: int = 2", "rate: int = 3"),
    Edit("data file", "file", "rate.txt", "2", "3"),
    Edit("environment variable", "variable", VARIABLE, BEFORE, AFTER),
    Edit("comment only", "", "edits.py", "    return begin + 1", "    # one more\n    return begin + 1"),
    Edit("formatting only", "", "edits.py", "    return begin + 1", "    return (\n        begin\n        + 1\n    )"),
    Edit("function that nothing uses", "", "edits.py", "_used(x):\n    return x", "_used(x):\n    return -x"),
)  # fmt: skip


def edited(edit: Edit) -> tuple[dict[str, str], str]:
    """Return the files of the project after an edit, and the value of the environment variable."""
    if edit.file == VARIABLE:
        return dict(FILES), edit.new
    before = FILES[edit.file]
    assert before.count(edit.old) == 1, edit
    return {**FILES, edit.file: before.replace(edit.old, edit.new)}, BEFORE
