"""What about a name says that a step's result cannot be known from code and values alone."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import ModuleType

from kaizenml.training.reach import chance
from kaizenml.training.reach.found import Effect, Unknown
from kaizenml.training.reach.names import Bound
from kaizenml.training.reach.references import Reference
from kaizenml.training.reach.state import States

_PLAIN = (bool, int, float, complex, str, bytes)
#: Facts about the machine that are asked for by calls without arguments.
_MACHINE: dict[str, Callable[[], object]] = {
    "os.cpu_count": os.cpu_count,
    "os.getcwd": os.getcwd,
    "platform.machine": platform.machine,
    "platform.node": platform.node,
    "platform.platform": platform.platform,
    "platform.python_version": platform.python_version,
    "platform.release": platform.release,
    "platform.system": platform.system,
    "socket.gethostname": platform.node,
}
_IMPORTS = ("importlib.import_module", "__import__", "pkgutil.resolve_name")


def judged(found: Bound, reference: Reference, name: str) -> Iterator[Unknown]:
    """Return what a function called ``name`` does with something that gives another answer each time."""
    if told := chance.clock(found.owner, found.last, found.value, found.dotted):
        yield Unknown(f"`{name}` reads the clock ({told}), so each run may give another result", Effect.FORBIDS)
    drawn = chance.chance(found.owner, found.last, found.value, found.dotted, is_called_empty=reference.is_called_empty)
    if drawn and not shared_draw(found):
        yield Unknown(f"`{name}` draws at random without a seed ({drawn})", Effect.FORBIDS)
    module = found.value.__name__ if isinstance(found.value, ModuleType) else getattr(found.owner, "__name__", "")
    if started := chance.process(found.value, module):
        yield Unknown(f"`{name}` starts other processes ({started}), and what they read is not seen", Effect.FORBIDS)
    is_text = isinstance(reference.constant, str)
    if found.dotted in ("eval", "exec") and not is_text:
        yield Unknown(f"`{name}` runs text that is made while it runs ({found.dotted})", Effect.FORBIDS)
    if found.dotted in _IMPORTS and not is_text:
        yield Unknown(f"`{name}` imports a module whose name is made while it runs", Effect.WIDENS)
    if found.dotted == "hash" and found.owner is None and not name.endswith("__hash__"):
        yield Unknown(f"`{name}` uses hash(), which differs between processes for text", Effect.NOTE)
    if found.dotted.startswith(("importlib.metadata.", "pkg_resources")):
        yield Unknown(f"`{name}` looks for plug-ins or versions ({found.dotted})", Effect.WIDENS)


def uncertain(states: States, named: Iterable[str], told: Sequence[Unknown], *, is_seeded: bool) -> Iterator[Unknown]:
    """Return what is drawn at random, by name or out of a value, and which clocks values hold that nothing names."""
    drawn = list(named)
    drawn += [each for each in states.drawing if not any(one.endswith(f".{each}") for one in drawn)]
    if drawn and not is_seeded:
        yield Unknown(f"it draws at random without a seed ({', '.join(drawn)})", Effect.FORBIDS)
    for each in states.uncertain:
        if not any(f"({each})" in one.reason for one in told):
            yield Unknown(f"it holds `{each}`, so each run may give another result", Effect.FORBIDS)


def fact(found: Bound) -> str:
    """Return the value of a library's variable, or of a fact about the machine, where it has a plain one."""
    if found.is_imported_inside and found.dotted not in _MACHINE:
        return ""  # its module may be loaded or not
    value = _MACHINE[found.dotted]() if found.dotted in _MACHINE else found.value
    if isinstance(value, list | tuple) and all(isinstance(each, _PLAIN) for each in value):
        return repr(value) if found.dotted != "sys.path" else ""
    return f"{type(value).__name__}:{value!r}" if isinstance(value, _PLAIN) else ""


def shared_draw(found: Bound) -> str | None:
    """Return what is drawn from a generator that the process shares, which a seed set elsewhere makes certain."""
    return found.dotted if chance.is_shared(found.value, found.dotted) and not seeds(found) else None


def seeds(found: Bound) -> bool:
    """Say whether this sets the seed of a generator that the process shares."""
    return chance.is_seed(found.value, found.last, found.dotted)
