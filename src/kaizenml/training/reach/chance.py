"""Clocks, chance and other processes: what gives another answer each time, told by what the name is bound to."""

from __future__ import annotations

import datetime
import os
import random
import secrets
import subprocess
import sys
import time
import uuid
from types import FunctionType, ModuleType

_CLOCKS = {
    id(each): name
    for name, each in {
        "time.time": time.time, "time.time_ns": time.time_ns, "time.localtime": time.localtime,
        "time.gmtime": time.gmtime, "time.ctime": time.ctime, "time.strftime": time.strftime,
        "time.clock_gettime": time.clock_gettime,
    }.items()
}  # fmt: skip
_TIMERS = {id(time.perf_counter), id(time.monotonic), id(time.process_time), id(time.perf_counter_ns)}
_CHANCE = {
    id(each): name
    for name, each in {
        "uuid.uuid1": uuid.uuid1, "uuid.uuid4": uuid.uuid4, "os.urandom": os.urandom,
        "random.SystemRandom": random.SystemRandom, "os.getpid": os.getpid,
    }.items()
}  # fmt: skip
_PROCESSES = {id(os.system): "os.system", id(os.popen): "os.popen", id(os.fork): "os.fork"}
_DATED = ("now", "today", "utcnow")
_SEEDED_WHEN_GIVEN = {"default_rng", "RandomState", "Random", "Generator", "SeedSequence"}
_RANDOM_MODULES = ("numpy.random", "random", "torch", "scipy.stats")
_DRAWS_OF_TORCH = ("rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial")


def clock(owner: object, name: str, value: object, dotted: str) -> str | None:
    """Return what tells the time, if this is one: ``datetime.now``."""
    if id(value) in _CLOCKS:
        return _CLOCKS[id(value)]
    if name in _DATED and isinstance(owner, type) and issubclass(owner, datetime.date):
        return f"{owner.__name__}.{name}"
    if dotted in ("pandas.Timestamp.now", "pandas.Timestamp.today", "pandas.Timestamp.utcnow"):
        return dotted
    return dotted if dotted in ("datetime.datetime.now", "datetime.date.today", "time.time") else None


def chance(owner: object, name: str, value: object, dotted: str, *, is_called_empty: bool) -> str | None:
    """Return what draws at random without a seed, if this does: ``random.random``, ``default_rng()``."""
    if id(value) in _CHANCE:
        return _CHANCE[id(value)]
    if isinstance(owner, ModuleType) and owner is secrets:
        return f"secrets.{name}"
    if name in _SEEDED_WHEN_GIVEN:
        return dotted if is_called_empty and name != "Generator" else None
    if is_shared(value, dotted) and not is_seed(value, name, dotted):
        return dotted
    return None


def held(value: object) -> str | None:
    """Return what a value is, if it is a clock or draws without a seed: ``time.time`` in a default or in a table."""
    known = _CLOCKS.get(id(value)) or _CHANCE.get(id(value))
    owner = None if isinstance(value, FunctionType | type) else getattr(value, "__self__", None)
    if known or owner is None:
        return known
    name = str(getattr(value, "__name__", ""))
    return clock(owner, name, value, "") or (f"secrets.{name}" if owner is secrets else None)


def is_seed(value: object, name: str, dotted: str) -> bool:
    """Say whether this seeds a generator that the whole process shares."""
    return name in ("seed", "manual_seed", "set_state", "setstate") and is_shared(value, dotted)


def process(value: object, module: str) -> str | None:
    """Return what starts another process, if this does."""
    if id(value) in _PROCESSES:
        return _PROCESSES[id(value)]
    return module if module in (subprocess.__name__, "multiprocessing", "pty", "pexpect") else None


def is_shared(value: object, dotted: str) -> bool:
    """Say whether this draws from, or seeds, a generator that the whole process shares."""
    owner = getattr(value, "__self__", None)
    if owner is not None and isinstance(owner, random.Random) and owner is random._inst:  # noqa: SLF001
        return True
    numbers = sys.modules.get("numpy.random.mtrand")
    if owner is not None and numbers is not None and owner is vars(numbers).get("_rand"):
        return True
    if dotted.startswith("numpy.random."):
        return dotted.rpartition(".")[2][:1].islower() and dotted not in ("numpy.random.default_rng",)
    if dotted.startswith("torch."):
        return dotted.rpartition(".")[2] in (*_DRAWS_OF_TORCH, "manual_seed")
    return dotted.startswith("random.") and dotted.rpartition(".")[2][:1].islower()
