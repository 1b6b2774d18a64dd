"""What is known of the code of a project's steps: what they reach, and what they were seen to read."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3

from kaizenml._version import __version__
from kaizenml.core.digest import digest_of
from kaizenml.core.step import StepOptions, Symbol
from kaizenml.loop.loading import Loaded
from kaizenml.training.fingerprint import Fingerprint, FirstParty, changed_while_running, fingerprint
from kaizenml.training.graph import Node
from kaizenml.training.observed import Observed, observing, still_holds
from kaizenml.training.perform import Watch, unwatched
from kaizenml.training.piece import CodeOfStep
from kaizenml.training.values import code_by_name, value_digest

#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(Observed),)


class ProjectCode:
    """The code of one loaded project, as the engine asks for it.

    Parameters
    ----------
    ignore
        Folders that are no input of any step: what this package keeps.
    """

    def __init__(self, loaded: Loaded, *, ignore: tuple[Path, ...] = ()) -> None:
        self._first = FirstParty(loaded.folder, loaded.code, loaded.modules)
        self._folder, self._ignore = loaded.folder, ignore
        self._codes: dict[int, tuple[object, str]] = {}
        self._current: dict[str, Fingerprint] = {}

    def of(self, node: Node) -> CodeOfStep:
        """Return what a step reaches now, and what it declares to read."""
        files, environment = declared_reads(node.options, self._folder)
        if node.is_built_in:
            return CodeOfStep(own_code(), packages={"kaizenml": __version__}, files=files, environment=environment)
        found = self._current[node.name] = self._fingerprint(node)
        return CodeOfStep(
            digest_of([found.digest, own_code() if node.code else ""]),
            lambda: {name: Symbol(each.digest, each.text) for name, each in found.symbols.items()},
            found.packages,
            {path: file_digest(self._folder / path) for path in found.files} | files,
            {name: digest_of(os.environ.get(name)) for name in found.environment} | environment,
            found.forbidden,
        )

    def of_value(self, value: object) -> str:
        """Return the identity of a value, or raise `UnhashableError`."""
        return value_digest(value, self.of_code)

    def of_code(self, code: object) -> str:
        """Return what tells a function or class: its name, and what it reaches where it is the project's own."""
        if not self._is_own(code):
            return code_by_name(code)
        known = self._codes.get(id(code))
        if known is None:
            known = (code, f"{code_by_name(code)} {fingerprint(code, self._first).digest}")
            self._codes[id(code)] = known
        return known[1]

    def differs(self, observed: Mapping[str, object]) -> str:
        """Return what is no longer as a step was seen to read it; empty where all still holds."""
        return (still_holds(msgspec.convert(observed, Observed), self._first) or "") if observed else ""

    def watch(self, node: Node) -> Watch:
        """Return what watches a step: what it reads, and whether it changes what it reaches.

        Afterwards it must reach what it reached when its key was made, so that whatever changed that in between, as an
        earlier item of a fan-out may, is found too.
        """
        if node.is_built_in:
            return unwatched
        before = self._current.get(node.name) or self._current.setdefault(node.name, self._fingerprint(node))

        def watch(call: Callable[[], Any]) -> tuple[Any, Mapping[str, object], tuple[str, ...]]:
            with observing(self._first, before, ignore=self._ignore) as seen:
                value = call()
            observed = seen.observed()
            changed = changed_while_running(before, self._fingerprint(node))
            facts = msgspec.to_builtins(observed)
            return value, {k: v for k, v in facts.items() if v}, (*observed.forbidden, *((changed,) if changed else ()))

        return watch

    def _fingerprint(self, node: Node) -> Fingerprint:
        return fingerprint(node.code or node.function, self._first, arguments=node.parameters)

    def _is_own(self, code: object) -> bool:
        name = getattr(code, "__module__", None)
        return isinstance(name, str) and self._first.is_own_module(name)


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
        inside = sorted(each for each in path.rglob("*") if each.is_file())
        return digest_of({str(each.relative_to(path)): file_digest(each) for each in inside})
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
