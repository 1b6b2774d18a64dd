"""Installed distributions: which one a module belongs to, its version, and what it needs in turn."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

_SEPARATORS = re.compile(r"[-_.]+")
#: A folder that was changed this short a time ago may change again without a trace in its times.
_SETTLED_NANOSECONDS = 2_000_000_000
_listed: dict[str, tuple[int, list[tuple[str, str]]]] = {}
_REQUIREMENT = re.compile(r"Requires-Dist:\s*([A-Za-z0-9._-]+)([^\n]*)")


def normal(name: str) -> str:
    """Return a distribution's name as the index spells it."""
    return _SEPARATORS.sub("-", name).lower()


class Packages:
    """The distributions that are installed now."""

    def __init__(self) -> None:
        self._folders = _folders()
        self._known: dict[str, tuple[str, str, tuple[str, ...]]] = {}
        self._versions: dict[frozenset[str], Mapping[str, str]] = {}
        self._unlisted: set[str] = set()

    def versions(self, modules: Iterable[str]) -> Mapping[str, str]:
        """Return name and version of the distributions that hold these top-level modules, and of what those need.

        A module that no distribution has counts by the version it names, or by the content of its file.
        """
        asked = frozenset(modules)
        known = self._versions.get(asked)
        if known is not None and not self._unlisted & asked:
            return known
        found: dict[str, str] = {}
        waiting = []
        for module in sorted(asked):
            if module in sys.stdlib_module_names or module == "kaizenml":
                continue
            names = self.distributions_of(module)
            waiting += names
            if not names:
                self._unlisted.add(module)
                found[module] = _unlisted(module)
        while waiting:
            folder = self._folders.get(normal(waiting.pop()))
            if folder is None:
                continue
            name, version, needs = self._read(folder)
            if name not in found:
                found[name] = version
                waiting += needs
        return self._versions.setdefault(asked, dict(sorted(found.items())))

    def distributions_of(self, module: str) -> list[str]:
        """Return the distributions that have a top-level module of this name."""
        by_file = _by_module(tuple(sorted(self._folders.values()))) if normal(module) not in self._folders else {}
        return list(by_file.get(module, [module] if normal(module) in self._folders else []))

    def _read(self, folder: str) -> tuple[str, str, tuple[str, ...]]:
        if folder not in self._known:
            facts = Path(folder) / "METADATA"
            text = facts.read_text("utf-8", "replace").partition("\n\n")[0] if facts.exists() else ""
            fields = dict(line.partition(": ")[::2] for line in text.splitlines()[:12])
            needs = [name for name, rest in _REQUIREMENT.findall(text) if "extra ==" not in rest.replace("=='", "== '")]
            self._known[folder] = (normal(fields.get("Name", folder)), fields.get("Version", "?"), tuple(needs))
        return self._known[folder]


def _folders() -> dict[str, str]:
    """Return the folder with the facts of every installed distribution; the first on the path counts."""
    found: dict[str, str] = {}
    for place in sys.path:
        for name, path in _folders_in(place or "."):
            found.setdefault(name, path)
    return found


def _folders_in(place: str) -> list[tuple[str, str]]:
    """Return the folders with facts in one place; read again only when something came or went there."""
    try:
        changed = os.stat(place).st_mtime_ns
        known = _listed.get(place)
        if known is not None and known[0] == changed:
            return known[1]
        with os.scandir(place) as listed:
            found = [
                (normal(each.name.split("-")[0]), each.path) for each in listed if each.name.endswith(".dist-info")
            ]
    except OSError:
        return []
    if time.time_ns() - changed > _SETTLED_NANOSECONDS and os.path.isabs(place):
        _listed[place] = changed, found
    return found


@cache
def _by_module(folders: tuple[str, ...]) -> dict[str, list[str]]:
    """Return which distributions bring a top-level module, from the lists of their files."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        name = Path(folder).name.split("-")[0]
        try:
            lines = (Path(folder) / "RECORD").read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        tops = {line.split("/", 1)[0] if "/" in line else line.split(",", 1)[0] for line in lines}
        for top in tops:
            module = top.split(".", 1)[0]
            if module and not top.endswith((".dist-info", ".data")) and module.isidentifier():
                found.setdefault(module, []).append(name)
    return found


def _unlisted(module: str) -> str:
    loaded = sys.modules.get(module)
    version = getattr(loaded, "__version__", None)
    file = getattr(loaded, "__file__", None)
    if file and os.path.isfile(file):
        content = hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16]
        return f"{version or 'unknown'}+{content}"
    return str(version or "unknown")
