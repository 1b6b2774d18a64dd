"""What a model of trusted types may still not do: read files named in requests, keep a pickle cache, hang, crash."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any

from kaizenml.errors import UnsafeArtefactError
from kaizenml.packaging.archive import shown
from kaizenml.packaging.trees import check_trees

_HINT = "Change it in the project's estimator step and train again."


def check_object(model: object) -> None:
    """Look at every object that a model reaches.

    Raises
    ------
    UnsafeArtefactError
        For vectorizers that open files, caches on disk, patterns that can hang, and trees that point outside.
    """
    for found in reachable(model):
        _check_settings(found)
        check_trees(found)


def reachable(model: object) -> Iterator[Any]:
    """Yield every object with attributes that a model reaches through attributes and containers, itself first."""
    waiting, seen = [model], {id(model)}
    kept: list[object] = []  # keeps what is seen alive, so that no id is used twice
    while waiting:
        found = waiting.pop()
        kept.append(found)
        if hasattr(found, "__dict__") and not isinstance(found, type):
            yield found
        for child in _children(found):
            if id(child) not in seen and not isinstance(child, (str, bytes, int, float, bool, type(None))):
                seen.add(id(child))
                waiting.append(child)


def _children(found: object) -> Iterable[object]:
    if isinstance(found, dict):
        return (*found.keys(), *found.values())
    if isinstance(found, (list, tuple, set, frozenset)):
        return found
    if getattr(getattr(found, "dtype", None), "hasobject", False):
        return list(getattr(found, "flat", ()))
    return list(vars(found).values()) if hasattr(found, "__dict__") and not isinstance(found, type) else ()


def _check_settings(found: object) -> None:
    settings = vars(found)
    kind = type(found).__name__
    if not type(found).__module__.startswith("sklearn."):
        return
    if settings.get("memory") is not None:
        raise UnsafeArtefactError(f"{kind}(memory=...) keeps pickles on disk.", f"Set memory=None. {_HINT}")
    if kind.endswith("Vectorizer") and settings.get("input", "content") != "content":
        raise UnsafeArtefactError(
            f"{kind}(input={shown(str(settings['input']))}) opens files that a request names.",
            f"Use input='content'. {_HINT}",
        )
    pattern = settings.get("token_pattern")
    if kind.endswith("Vectorizer") and pattern is not None and not is_quick_pattern(pattern):
        raise UnsafeArtefactError(
            f"{kind}(token_pattern={shown(str(pattern))}) can take forever on a short text.",
            f"Do not repeat what repeats, as in '(a+)+'. {_HINT}",
        )


def is_quick_pattern(pattern: object) -> bool:
    """Say whether a regular expression repeats nothing that repeats, and so answers in about linear time.

    Notes
    -----
    Nested unbounded repeats are what makes backtracking exponential; neighbouring ones can still make it quadratic.
    """
    parser = importlib.import_module("re._parser")
    if not isinstance(pattern, str) or len(pattern) > 1_000:
        return False
    try:
        return not _repeats_repeats(parser.parse(pattern), inside=False)
    except (ValueError, RecursionError, OverflowError, importlib.import_module("re").error):
        return False


def _repeats_repeats(parsed: Any, *, inside: bool) -> bool:
    for operation, argument in parsed:
        repeats = str(operation) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and int(argument[1]) > 64
        if repeats and inside:
            return True
        if any(_repeats_repeats(part, inside=inside or repeats) for part in _parts(argument)):
            return True
    return False


def _parts(argument: Any) -> Iterator[Any]:
    """Yield the sub-patterns in the argument of an operation, however it nests them."""
    if hasattr(argument, "getwidth"):
        yield argument
    elif isinstance(argument, (list, tuple)):
        for part in argument:
            yield from _parts(part)
