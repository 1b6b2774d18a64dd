"""One edit of a small project: what the cache must make of it, and what it does."""

from __future__ import annotations

import decimal
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from mutation_projects import load, write

from kaizenml.training.fingerprint import FirstParty, changed_while_running, fingerprint
from kaizenml.training.observed import observing, still_holds

Edit = str | None | tuple[str, str]


class Expected(StrEnum):
    RERUN = "re-run"  # the result changes, so the step must run again
    TOLD = "told"  # it cannot be known: the step runs each time, and says why
    SAME = "kept"  # the result is the same, and the step must not run again


@dataclass(frozen=True)
class Case:
    """An edit: files before, what changes in them (a new text, or a part and what replaces it), variables after."""

    name: str
    expected: Expected
    files: Mapping[str, str]
    edit: Mapping[str, Edit] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    said: str
    reasons: tuple[str, ...]
    before: str
    after: str


def rerun(name, files, edit=None, variables=None):
    return _case(name, Expected.RERUN, files, edit, variables)


def told(name, files, edit=None, variables=None):
    return _case(name, Expected.TOLD, files, edit, variables)


def same(name, files, edit=None, variables=None):
    return _case(name, Expected.SAME, files, edit, variables)


def _case(name, expected, files, edit, variables):
    files = {"project.py": files} if isinstance(files, str) else files
    edit = {"project.py": edit} if isinstance(edit, tuple) else edit or {}
    return Case(name, expected, files, edit, variables or {})


def outcome(case: Case, folder: Path, load_project: Callable[[Path], FirstParty] = load) -> Outcome:
    """Run the step, edit the project, and say whether the kept result would be taken again, and what it is anew."""
    files = {_placed(name, folder): _placed(text, folder) for name, text in case.files.items()}
    edits = {_placed(name, folder): edit for name, edit in case.edit.items()}
    with _place(folder) as known:
        write(folder, files)
        code, step = _loaded(folder, known, load_project)
        first = fingerprint(step, code)
        with observing(code, first) as seen:
            value = _run(step, code, known)
        observed = seen.observed()
        changed = changed_while_running(first, fingerprint(step, code))
        reasons = [*first.forbidden, *observed.forbidden, *([changed] if changed else [])]

        write(folder, {name: _edited(folder / name, edit) for name, edit in edits.items()})
        with _variables(case.variables):
            code, step = _loaded(folder, known, load_project)
            second = fingerprint(step, code)
            reasons += second.forbidden
            is_kept = second.digest == first.digest and still_holds(observed, code) is None
            fresh = _run(step, code, known)
    said = Expected.TOLD if reasons else (Expected.SAME if is_kept else Expected.RERUN)
    return Outcome(said, tuple(reasons), value, fresh)


def _placed(name: str, folder: Path) -> str:
    return name.replace("{beside}", f"{folder.name}-beside")


def _run(step, code, known) -> str:
    """Run the step as the product does: its modules, and its folder, are there for imports inside it."""
    sys.path.insert(0, str(code.folder))
    sys.modules.update(code.modules)
    importlib.invalidate_caches()
    try:
        return repr(step())
    finally:
        sys.path.remove(str(code.folder))
        _forget(code.folder, known, code.modules)


def _forget(folder: Path, known: Set[str], modules: Iterable[str] = ()) -> None:
    """Take the project's modules out of the interpreter again; those that lie beside it, unless a step has just run."""
    for name in {*(sys.modules.keys() - known), *modules}:
        file = str(vars(sys.modules.get(name, sys)).get("__file__") or "")
        if name in modules or file.startswith(f"{folder}/") or ("beside" in name and not modules):
            sys.modules.pop(name, None)


def _loaded(folder, known, load_project):
    _forget(folder, known)
    code = load_project(folder)
    return code, code.modules["project"].step


def _edited(path: Path, edit: Edit) -> str | None:
    if not isinstance(edit, tuple):
        return edit
    text = path.read_text("utf-8")
    assert edit[0] in text, f"{edit[0]!r} is not in {path.name}"
    return text.replace(*edit)


@contextmanager
def _place(folder: Path):
    """Work in the project's folder, with what was installed, and what lies beside it, on the path."""
    before, path, numbers = Path.cwd(), list(sys.path), decimal.getcontext().copy()
    known = set(sys.modules)
    sys.path[:0] = [str(folder / "site-packages"), str(folder.parent / f"{folder.name}-beside")]
    importlib.invalidate_caches()
    os.chdir(folder)
    try:
        yield known
    finally:
        os.chdir(before)
        decimal.setcontext(numbers)
        sys.path[:] = path
        _forget(folder, known)


@contextmanager
def _variables(variables: Mapping[str, str]):
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)
