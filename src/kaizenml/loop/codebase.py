"""What is known of the code of a project's steps: what they reach, and what they were seen to read."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from blake3 import blake3

from kaizenml import __version__
from kaizenml.core.digest import digest_of
from kaizenml.core.step import StepOptions, Symbol
from kaizenml.loop.loading import Loaded
from kaizenml.training.engine import CodeOfStep
from kaizenml.training.graph import Node
from kaizenml.training.perform import Watch, unwatched
from kaizenml.training.values import code_by_name, value_digest


class ProjectCode:
    """The code of one loaded project, as the engine asks for it."""

    def __init__(self, loaded: Loaded, folder: Path) -> None:
        self._loaded, self._folder = loaded, folder

    def of(self, node: Node) -> CodeOfStep:
        """Return what a step reaches, and what it declares to read."""
        files, environment = declared_reads(node.options, self._folder)
        if node.is_built_in:
            return CodeOfStep(own_code(), packages={"kaizenml": __version__}, files=files, environment=environment)
        digest = self._loaded.digest
        symbols = {"project": Symbol(digest)}
        return CodeOfStep(digest_of([digest, own_code()]), symbols, {}, files, environment)

    def of_value(self, value: object) -> str:
        """Return the identity of a value, or raise `UnhashableError`."""
        return value_digest(value, self.of_code)

    def of_code(self, code: object) -> str:
        """Return what tells a function or class."""
        return code_by_name(code)

    def differs(self, observed: Mapping[str, object]) -> str:  # noqa: ARG002
        """Return what is no longer as a step was seen to read it; empty where all still holds."""
        return ""

    def watch(self, node: Node) -> Watch:  # noqa: ARG002
        """Return what watches a step."""
        return unwatched


def declared_reads(options: StepOptions, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the digests of the files and variables that a step declares; of a pattern, of every file it matches."""
    files: dict[str, str] = {}
    for pattern in options.files:
        found = sorted(glob.glob(pattern, root_dir=folder, recursive=True)) or [pattern]
        files |= {path: file_digest(folder / path) for path in found}
    environment: dict[str, str] = {name: digest_of(os.environ.get(name)) for name in options.environment}
    return files, environment


def file_digest(path: Path) -> str:
    """Return the BLAKE3 digest of a file, of all files below a folder; empty where there is none."""
    if path.is_dir():
        return digest_of({str(each.relative_to(path)): file_digest(each) for each in sorted(path.rglob("*"))
                          if each.is_file()})  # fmt: skip
    hashed = blake3()
    try:
        hashed.update_mmap(path)
    except FileNotFoundError:
        return ""
    return str(hashed.hexdigest())


@cache
def own_code() -> str:
    """Return the digest of this package's own code: what its built-in steps are made of."""
    root = Path(__file__).parents[1]
    hashed = blake3(__version__.encode())
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        hashed.update(f"{path.relative_to(root)}:{len(content)};".encode())
        hashed.update(content)
    return str(hashed.hexdigest())
