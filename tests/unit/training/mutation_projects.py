"""Loading small projects for the tests of fingerprints, as the product does: under their own names, then forgotten."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

from kaizenml.training.fingerprint import FirstParty


def write(folder: Path, files: Mapping[str, str | None]) -> None:
    """Lay files out; None removes one."""
    for name, text in files.items():
        path = folder / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def load(folder: Path, module: str = "project") -> FirstParty:
    """Import the module in the folder, and return the project's code."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.py"))}
    files = {name: content for name, content in files.items() if not name.startswith("site-packages/")}
    tops = {name.split("/")[0].removesuffix(".py") for name in files}
    before = {name: each for name, each in sys.modules.items() if name.split(".")[0] in tops}
    for name in before:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        importlib.import_module(module)
        modules = {name: each for name, each in sys.modules.items() if name.split(".")[0] in tops}
    finally:
        sys.dont_write_bytecode = writes
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] in tops]:
            del sys.modules[name]
        sys.modules.update(before)
    return FirstParty(folder, files, modules)
