"""The fingerprint of a step: what of the project's code, of libraries and of the world its result depends on.

The digest changes when anything that the step can reach changes, and with nothing else. What cannot be known is told,
and either widens the fingerprint to all of the project's code or forbids keeping the result.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kaizenml.core.digest import Digest, digest_of
from kaizenml.training.reach.firstparty import FirstParty
from kaizenml.training.reach.found import Effect, Symbol, Unknown
from kaizenml.training.reach.packages import Packages
from kaizenml.training.reach.reads import may_read, reads_of
from kaizenml.training.reach.state import Unhashable, ValueDigest
from kaizenml.training.reach.walk import Walk
from kaizenml.training.values import UnhashableError, value_digest

__all__ = [
    "Effect",
    "Fingerprint",
    "FirstParty",
    "Symbol",
    "Unhashable",
    "Unknown",
    "ValueDigest",
    "changed_while_running",
    "fingerprint",
]

#: Counts in every digest: a change in how fingerprints are made is a change of all of them.
_VERSION = 2


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a step reaches.

    Parameters
    ----------
    digest
        One digest of all that follows, except of files and variables: these count by their content when the step runs.
    symbols
        Functions, classes and variables by name, such as ``helpers.k2``.
    packages
        Distributions that are reached and what they need, with their versions; Python as ``python``.
    files
        Files that the code names and a library reads where nothing sees it.
    environment
        Environment variables that the code names.
    unknown
        What cannot be known.
    late
        Modules of the project that are imported only while the step runs, and that the digest covers.
    names_made
        What is read by a library from a file whose name is only made while the step runs, as sentences: unless the
        file is seen when it is opened, the result must not be kept.
    caches
        Functions that remember results (`functools.cache`): they are emptied before the step runs, so that what they
        read is read by the step.
    """

    digest: Digest
    symbols: Mapping[str, Symbol]
    packages: Mapping[str, str]
    files: tuple[str, ...]
    environment: tuple[str, ...]
    unknown: tuple[Unknown, ...]
    late: frozenset[str] = frozenset()
    names_made: tuple[str, ...] = ()
    caches: tuple[Callable[..., object], ...] = field(default=(), compare=False, repr=False)

    @property
    def forbidden(self) -> tuple[str, ...]:
        """The reasons why the step's result must not be kept; empty if it may."""
        return tuple(each.reason for each in self.unknown if each.effect is Effect.FORBIDS)


def digest_of_value(value: object, *, of_code: Callable[[object], str]) -> str:
    """Return the digest of a value of a library that code holds.

    Raises
    ------
    Unhashable
        When it cannot be told from others.
    """
    try:
        return value_digest(value, of_code)
    except UnhashableError as error:
        raise Unhashable(error.message.rstrip(".")) from error


def fingerprint(
    function: object,
    code: FirstParty,
    *,
    digest_of_value: ValueDigest = digest_of_value,
    arguments: Mapping[str, object] | None = None,
) -> Fingerprint:
    """Return what a function or class of the project, or what a value holds of them, depends on.

    Values count as they are now: call it when the step is about to run, and again when it has run to see whether it
    changed something that it reaches (`changed_while_running`).

    Parameters
    ----------
    digest_of_value
        How frames, arrays, estimators and other values of libraries are digested.
    arguments
        Values of the step's parameters, to find the files that it reads.
    """
    walk = Walk(code, digest_of_value)
    root = walk.walk(function)
    reads = [reads_of(each, code, arguments or {}) for each, uses in walk.reached if may_read(each, uses.names)]
    for address in sorted({address for each in reads for address in each.remote}):
        walk.tell(f"it reads `{address[:80]}` over the network", Effect.FORBIDS)
    made = sorted({call for each in reads for call in each.made})
    unknown = tuple(sorted(walk.unknown, key=lambda each: (each.effect, each.reason)))
    packages = _packages(code).versions({*walk.modules, "polars"})
    packages = {"python": f"{sys.version_info.major}.{sys.version_info.minor}", **packages}
    wide = any(each.effect is Effect.WIDENS for each in unknown)
    symbols = dict(sorted(walk.symbols.items()))
    digest = digest_of(
        [
            _VERSION, root, [[name, each.digest] for name, each in symbols.items()], packages,
            code.all_code() if wide else "",
        ]
    )  # fmt: skip
    return Fingerprint(
        digest,
        symbols,
        packages,
        tuple(sorted({path for each in reads for path in each.files})),
        tuple(sorted(walk.environment)),
        unknown,
        frozenset(walk.late),
        tuple(f"it reads a file whose name is made while it runs ({call}): declare it with `files=`" for call in made),
        tuple(walk.states.caches),
    )


def changed_while_running(before: Fingerprint, after: Fingerprint) -> str | None:
    """Say what a step changed of that which it reaches; None if nothing, and its result may be kept."""
    if before.digest == after.digest:
        return None
    names = [name for name, each in before.symbols.items() if after.symbols.get(name, each).digest != each.digest]
    return f"it changes `{names[0] if names else 'what it reaches'}` while it runs"


def _packages(code: FirstParty) -> Packages:
    if "packages" not in code.memo:
        code.memo["packages"] = Packages()
    return code.memo["packages"]  # type: ignore[no-any-return]
