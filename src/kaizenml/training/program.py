"""Which program runs here: its files and how it was called, so that it can be executed again."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from kaizenml.core.ports import Blobs
from kaizenml.core.run import Code, Command
from kaizenml.core.secrets import HIDDEN, without_secrets
from kaizenml.core.source import is_secret
from kaizenml.training.provenance import code_in, recorded

#: What tells that a folder is that of a project.
_SIGNS = ("project.py", "kaizen.toml", ".kaizen")


def home_folder(start: Path) -> Path:
    """Return the folder of the project that a folder lies in; where there is none, the folder itself."""
    for folder in (start, *start.parents):
        if any((folder / sign).exists() for sign in _SIGNS):
            return folder
    return start


def described(blobs: Blobs) -> tuple[Code, Command | None]:
    """Return the code of this program, and how it was called; a notebook was not called at all."""
    cells = _cells()
    if cells is not None:
        folder = Path.cwd()
        return recorded(folder, {"notebook.py": cells.encode()}, blobs), None
    main = sys.modules.get("__main__")
    file, spec = getattr(main, "__file__", None), getattr(main, "__spec__", None)
    here = Path.cwd()
    if file is None:
        return recorded(here, {}, blobs), Command(_shown(sys.orig_argv[1:]), str(here))
    path = Path(file).resolve()
    root = path.parents[spec.name.count(".") + path.name.startswith("__main__")] if spec else path.parent
    files = code_in(root)
    entry = path.relative_to(root).as_posix()
    if entry not in files and path.is_file():
        files[entry] = path.read_bytes()
    name = spec.name if spec else entry if path.is_file() else ""  # what came by standard input is no file
    return recorded(root, files, blobs), Command(_shown(sys.orig_argv[1:]), str(here), name)


def again(command: Command, code: Path) -> tuple[list[str], dict[str, str]]:
    """Return how to execute a program again from files that were laid out in a folder: its command and environment.

    It is executed where it was, so that it finds the data that it reads; its own code comes from the folder.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(code), os.environ.get("PYTHONPATH", "")])}
    words = list(command.arguments)
    if command.entry:
        for place, word in enumerate(words):
            if word == "-m":
                return [sys.executable, "-P", *words], environment
            if Path(command.entry).name == Path(word).name:
                words[place] = str(code / command.entry)
                break
    return [sys.executable, *words], environment


def _shown(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command with recognisable secrets blotted out."""
    found: list[str] = []
    for word in words:
        follows = (
            bool(found) and found[-1].startswith("-") and "=" not in found[-1] and is_secret(found[-1].lstrip("-"))
        )
        found.append(HIDDEN if follows and not word.startswith("-") else without_secrets(word))
    return tuple(found)


def _cells() -> str | None:
    """Return the cells that were executed so far; None where this is no notebook."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    if shell is None:
        return None
    inputs = shell.user_ns.get("In", [])
    return "\n\n".join(f"# %% [{number}]\n{cell}" for number, cell in enumerate(inputs) if cell)
