"""What is to be done as soon as a library has been imported, and not before: asking for it imports nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Later(MetaPathFinder):
    """Calls something with every module of some libraries, once it is imported; those that are there, at once.

    Parameters
    ----------
    wants
        Says whether a module of this name is to be told of.
    call
        Must not raise.
    """

    def __init__(self, wants: Callable[[str], bool], call: Callable[[ModuleType], None]) -> None:
        self._wants, self._call = wants, call

    def begin(self) -> None:
        """Tell of the modules that are there, and from now on of each that comes."""
        sys.meta_path.insert(0, self)
        for name, module in list(sys.modules.items()):
            if self._wants(name) and not getattr(getattr(module, "__spec__", None), "_initializing", False):
                self._call(module)

    def end(self) -> None:
        """Tell of nothing any more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module as the others do; one that is wanted tells of itself when it is loaded."""
        if not self._wants(fullname):
            return None
        for finder in (each for each in sys.meta_path if each is not self):
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Telling(spec.loader, self._call)
                return spec
        return None


class _Telling(Loader):
    """A module's own loader, which tells when it has loaded; then its own is back in its place."""

    def __init__(self, own: Loader, call: Callable[[ModuleType], None]) -> None:
        self._own, self._call = own, call

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        module.__loader__ = self._own
        self._own.exec_module(module)
        self._call(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)
