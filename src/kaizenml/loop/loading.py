"""Loading a project's code: from its folder, or from the bundle of a release.

Several releases of one project can live in one process, so a project's modules are imported under their own names and
then taken out of the interpreter's list of modules again: the functions keep what they need.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType

from kaizenml.core.digest import Digest, digest_of, digest_of_bytes
from kaizenml.core.extras import install_hint
from kaizenml.errors import KaizenError, ProjectError
from kaizenml.project import Project

_LEFT_OUT = {"tests", "test", "build", "dist", "__pycache__", "node_modules"}
_MOST_BYTES = 20_000_000
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project and the files that it is made of, by path seen from its folder; and its modules, as they are loaded."""

    project: Project
    code: Mapping[str, bytes]
    folder: Path = field(default_factory=Path)
    modules: Mapping[str, ModuleType] = field(default_factory=dict)

    @property
    def digest(self) -> Digest:
        """The identity of the code."""
        return digest_of({path: digest_of_bytes(content) for path, content in self.code.items()})

    @contextmanager
    def at_hand(self) -> Iterator[None]:
        """Let the project's modules be imported, and paths be seen from its folder, while its steps run."""
        here = os.getcwd()
        with _lock:
            before = {name: sys.modules.get(name) for name in self.modules}
            sys.modules.update(self.modules)
            sys.path.insert(0, str(self.folder))
        os.chdir(self.folder)
        try:
            yield
        finally:
            os.chdir(here)
            with _lock:
                sys.path.remove(str(self.folder))
                for name in _named_like(self.code):
                    sys.modules.pop(name, None)
                sys.modules.update({name: module for name, module in before.items() if module is not None})


def load_folder(folder: Path) -> Loaded:
    """Load the project that `project.py` in this folder declares.

    Raises
    ------
    ProjectError
        When there is none, when it raises, or when it declares no `project`.
    """
    if not (folder / "project.py").is_file():
        raise ProjectError(
            f"There is no project in {folder}: no project.py.",
            "Go to a project's folder, or make one: `kaizen new DIR --from FILE --target COLUMN`.",
        )
    code = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(_python_files(folder))}
    if sum(map(len, code.values())) > _MOST_BYTES:
        raise ProjectError("The project's own code is larger than 20 MB.", "Move what is no code out of its folder.")
    return _loaded(folder, code)


def load_code(code: Mapping[str, bytes]) -> Loaded:
    """Load a project from the code of a release; the files are in a temporary folder for as long as this process is.

    They are read again when functions are shown, hashed or sent to other processes.
    """
    folder = Path(mkdtemp(prefix="kaizen-code-"))
    atexit.register(_cleared, folder, os.getpid())
    for path, content in code.items():
        target = (folder / path).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise ProjectError(f"A release has code at {path!r}, outside its folder.", "Do not use this release.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return _loaded(folder, code)


def _cleared(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a copy of this process may end first
        shutil.rmtree(folder, ignore_errors=True)


def _python_files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in _LEFT_OUT or path.is_symlink():
            continue
        if path.is_dir() and not (path / "pyvenv.cfg").exists():
            yield from _python_files(path)
        elif path.suffix == ".py":
            yield path


def _loaded(folder: Path, code: Mapping[str, bytes]) -> Loaded:
    modules: dict[str, ModuleType] = {}
    project = _project_in(folder, code, modules)
    return Loaded(project, code, folder.resolve(), modules)


def _project_in(folder: Path, code: Mapping[str, bytes], modules: dict[str, ModuleType]) -> Project:
    with _lock, _only_here(folder, code, modules), _hardly_collecting():
        try:
            found = getattr(importlib.import_module("project"), "project", None)
        except KaizenError:
            raise
        except SyntaxError as error:
            raise ProjectError(f"project.py cannot be read: {error.msg}, line {error.lineno}.", "Mend it.") from error
        except (Exception, SystemExit) as error:
            raise _raised(folder, error) from error
    if not isinstance(found, Project):
        raise ProjectError(
            "project.py declares no `project`.", 'Write `project = kz.Project("name", source=…, target=…)`.'
        )
    return found


@contextmanager
def _hardly_collecting() -> Iterator[None]:
    """Look for garbage less often: libraries make a million objects as they are imported, none of them garbage."""
    before = gc.get_threshold()
    gc.set_threshold(max(100_000, before[0]), 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _named_like(code: Mapping[str, bytes]) -> list[str]:
    """Return the names of loaded modules that are called as the project's are."""
    names = {Path(path).parts[0].removesuffix(".py") for path in code}
    return [name for name in sys.modules if name.split(".")[0] in names]


@contextmanager
def _only_here(folder: Path, code: Mapping[str, bytes], modules: dict[str, ModuleType]) -> Iterator[None]:
    """Let the project's modules be found first, and take them out of the interpreter's list afterwards."""
    before = {name: sys.modules[name] for name in _named_like(code)}
    for name in before:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        sys.path.remove(str(folder))
        modules.update({name: sys.modules.pop(name) for name in _named_like(code)})
        sys.modules.update(before)


def _raised(folder: Path, error: BaseException) -> ProjectError:
    where, trace = "", error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(folder):
            where = f" ({path.relative_to(folder)}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return ProjectError(
        f"project.py raised {type(error).__name__}: {str(error)[:300]}{where}.",
        install_hint(error) or "Run `python project.py` to see it whole.",
    )
