"""A step of a pipeline: what is asked of its execution, what made its result, and why it ran or did not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import unified_diff
from enum import StrEnum
from typing import TypeVar

from kaizenml.core.digest import Digest, digest_of
from kaizenml.errors import ProjectError

Number = TypeVar("Number", int, float)

#: Grows when results are written in another way: what was kept before is then not used.
FORMAT = 1
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Each:
    """An input that is one item of what another step returned: the step runs once for every item."""

    of: str


@dataclass(frozen=True, slots=True)
class StepOptions:
    """What is asked of a step's execution.

    Parameters
    ----------
    retries
        How often it is tried again after it raised.
    backoff_seconds
        How long to wait before the first of these; twice as long before each next.
    timeout_seconds
        How long one try may take; None: as long as it likes.
    cpus, gpus, memory_bytes
        What it needs; a runner that cannot give it refuses, but for processors, of which it gives all that it has.
    files
        Files or patterns that it reads, seen from the project's folder: a change of one makes it run again.
    environment
        Names of environment variables that it reads, likewise.
    is_cached
        Whether its result may be used again.
    when
        Name of a step or parameter: where its value is false the step is skipped and its value is None.
    """

    retries: int = 0
    backoff_seconds: float = 1.0
    timeout_seconds: float | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int | None = None
    files: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    is_cached: bool = True
    when: str = ""


class StepState(StrEnum):
    """What became of a step in a run."""

    DONE = "done"
    CACHED = "cached"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something that a step reaches: the digest of its meaning, and a text to show when it changes."""

    digest: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Ingredients:
    """All that decides a step's result.

    Parameters
    ----------
    code
        Digest of everything the step reaches, as its fingerprint tells it.
    symbols
        What it reaches, by name.
    inputs, parameters
        The digest of each value that it is handed.
    files, environment
        The digest of each declared file and variable; empty where it is not there.
    packages
        Version of each third-party distribution that it reaches.
    seed
        What its randomness starts from, where it asks for it.
    note
        Why the result could not be kept; no part of the key.
    """

    step: str
    code: str
    symbols: Mapping[str, Symbol] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    note: str = ""

    @property
    def key(self) -> Digest:
        """The identity of the work: equal ingredients make equal results."""
        return digest_of(
            [
                FORMAT,
                self.step,
                self.code,
                dict(self.inputs),
                dict(self.parameters),
                dict(self.files),
                dict(self.environment),
                dict(self.packages),
                self.seed,
            ]
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between what a step is made of now and what it was made of before."""

    what: str
    name: str
    diff: str = ""

    @property
    def sentence(self) -> str:
        """The difference in words."""
        if not self.name:
            return self.what
        return f"{self.what} `{self.name}`" + ("" if self.what.endswith(":") else " changed")


@dataclass(frozen=True, slots=True)
class Kept:
    """A result that is kept: where, whose it is, and what its step was seen to read besides its ingredients.

    Parameters
    ----------
    digest
        The identity of the value.
    blob
        Under which name its bytes are kept.
    observed
        Opaque here: written and judged by whoever watched the step.
    """

    digest: str
    blob: str
    run: str
    made_at: datetime
    seconds: float
    size_bytes: int
    observed: Mapping[str, object] = field(default_factory=dict)


def changes(before: Ingredients, now: Ingredients, *, most_lines: int = 60) -> tuple[Change, ...]:
    """Return what differs, the likeliest cause first; code with its diff."""
    found = [
        Change("code of" if name in before.symbols and name in now.symbols else _came(name, before.symbols), name,
               _diff(before.symbols.get(name), now.symbols.get(name), most_lines))
        for name in _differing({n: s.digest for n, s in before.symbols.items()},
                               {n: s.digest for n, s in now.symbols.items()})
    ]  # fmt: skip
    if not found and before.code != now.code:
        found.append(Change("the code it reaches changed", ""))
    for what, old, new in (
        ("parameter", before.parameters, now.parameters),
        ("input", before.inputs, now.inputs),
        ("file", before.files, now.files),
        ("environment variable", before.environment, now.environment),
    ):
        found += [Change(what, name) for name in _differing(old, new)]
    for name in _differing(before.packages, now.packages):
        was, is_ = before.packages.get(name, "none"), now.packages.get(name, "none")
        found.append(Change("version of", name, f"{was} → {is_}"))
    if before.seed != now.seed:
        found.append(Change("the seed changed", ""))
    return tuple(found)


def seconds_of(span: str | float | None, what: str) -> float | None:
    """Return a span of time such as ``"10m"`` in seconds.

    Raises
    ------
    ProjectError
        When it is none.
    """
    if span is None or isinstance(span, (int, float)):
        return None if span is None else float(span)
    found = _SPAN.fullmatch(span.strip())
    if found is None:
        raise ProjectError(f"{what}={span!r} is no span of time.", 'Write seconds, or "500ms", "30s", "10m", "2h".')
    return float(found[1]) * _SECONDS[found[2]]


def bytes_of(size: str | int | None, what: str) -> int | None:
    """Return a size such as ``"2GB"`` in bytes.

    Raises
    ------
    ProjectError
        When it is none.
    """
    if size is None or isinstance(size, int):
        return size
    found = _SIZE.fullmatch(size.strip())
    if found is None:
        raise ProjectError(f"{what}={size!r} is no size.", 'Write bytes, or "500MB", "2GB", "1.5GiB".')
    base = 1024 if found[3] else 1000
    return int(float(found[1]) * base ** " kMGT".upper().index(found[2].upper() or " "))


def at_least_zero(what: str, value: Number) -> Number:
    """Return the value; `ProjectError` when it is less than nothing."""
    if value < 0:
        raise ProjectError(f"{what}={value} is less than nothing.", "Give 0 or more.")
    return value


def above_zero(what: str, value: Number | None) -> Number | None:
    """Return the value, if there is one; `ProjectError` when nothing could run with it."""
    if value is not None and value <= 0:
        raise ProjectError(f"{what}={value:g} leaves nothing to run with.", "Give more than 0, or leave it out.")
    return value


def seed_for(seed: int, step: str, item: int | None = None) -> int:
    """Return the seed of a step (and item), from the project's: below 2⁶³, and of no use to guess another's."""
    return int(digest_of([seed, step, item])[:15], 16)


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def _came(name: str, before: Mapping[str, Symbol]) -> str:
    return "no longer reached:" if name in before else "newly reached:"


def _diff(before: Symbol | None, now: Symbol | None, most_lines: int) -> str:
    lines = list(unified_diff(_lines(before), _lines(now), "before", "now", lineterm="", n=2))
    return "\n".join(_cut(lines, most_lines))


def _lines(symbol: Symbol | None) -> list[str]:
    return [] if symbol is None else symbol.text.splitlines()


def _cut(lines: list[str], most: int) -> Iterable[str]:
    return lines if len(lines) <= most else [*lines[:most], f"… {len(lines) - most} more lines"]
