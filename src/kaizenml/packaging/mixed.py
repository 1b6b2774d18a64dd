"""Models of more than one library: scikit-learn's part in skops' format, others beside it in their own.

::

    rest.skops              everything else, with a `Gap` where a part was
    0.lightgbm.txt          the parts by number, each in the format of its library
    1.weights.safetensors
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping
from typing import Any

from kaizenml.errors import UnsafeArtefactError
from kaizenml.packaging import skops_format
from kaizenml.packaging.archive import Limits, read_archive, shown, write_archive
from kaizenml.packaging.inspection import reachable
from kaizenml.packaging.native import NATIVE, Native, native_of

LIMITS = Limits(members=1_024, ratio=1_000)
_REST = "rest.skops"
_PART = re.compile(r"(0|[1-9]\d{0,3})\.([a-z]+)\.([a-z]+)")
_HINT = "It is damaged or forged; do not use it."


class Gap:
    """What stands in a saved model where a part of this number was taken out."""

    def __init__(self, number: int) -> None:
        self.number = number


_GAP = f"{Gap.__module__}.{Gap.__qualname__}"


def is_mixed(estimator: object) -> bool:
    """Say whether an object is an estimator that holds a part with a format of its own."""
    return skops_format.is_sklearn_like(estimator) and bool(_parts(estimator))


def save(estimator: object, extra_trusted: Collection[str] = ()) -> bytes:
    """Return the estimator as bytes that `load` will take.

    Raises
    ------
    UsageError, UnsafeArtefactError
        As `skops_format.save`.
    """
    _check(estimator)
    parts = _parts(estimator)
    gaps = {id(part): Gap(number) for number, (part, _) in enumerate(parts)}
    rest = copy.deepcopy(estimator, dict(gaps))
    named = {f"{number}.{how.name}.{how.suffix}": how.save(part) for number, (part, how) in enumerate(parts)}
    trusted = _trusted((how for _, how in parts), extra_trusted)
    return write_archive({_REST: skops_format.save(rest, trusted), **named}, ratio=LIMITS.ratio)


def load(content: bytes, extra_trusted: Collection[str] = ()) -> object:
    """Return the estimator in the bytes, once all of it has been looked at.

    Raises
    ------
    UnsafeArtefactError
        For anything that is not a model of trusted types and sound parts.
    WrongEnvironmentError
        When a library is missing here, or another than it was made with.
    """
    members = _members(content)
    rest = members.pop(_REST)
    parts = {number: (how, how.load(part)) for number, (how, part) in _named(members).items()}
    hows = [how for how, _ in parts.values()]
    estimator = skops_format.load(rest, _trusted(hows, extra_trusted))
    gaps = [found for found in reachable(estimator) if isinstance(found, Gap)]
    wrong = [gap for gap in gaps if vars(gap).get("number") not in parts]
    if wrong or {gap.number for gap in gaps} != set(parts):
        raise UnsafeArtefactError("The model's parts are not those that it asks for.", _HINT)
    whole = copy.deepcopy(estimator, {id(gap): parts[gap.number][1] for gap in gaps})
    _check(whole)
    return whole


def module_names(content: bytes) -> frozenset[str]:
    """Return the modules that a saved model needs: those of its types, and the libraries of its parts."""
    members = _members(content)
    found = set(skops_format.module_names(members.pop(_REST)))
    for how, _ in _named(members).values():
        found |= how.modules
    return frozenset(name for name in found if name.partition(".")[0] != "kaizenml")


def _members(content: bytes) -> dict[str, bytes]:
    members = read_archive(content, LIMITS, "model")
    if _REST not in members:
        raise UnsafeArtefactError(f"The model has no {_REST}.", _HINT)
    return members


def _named(members: Mapping[str, bytes]) -> dict[int, tuple[Native, bytes]]:
    found = {}
    for name, content in members.items():
        said = _PART.fullmatch(name)
        how = next((each for each in NATIVE if said and (each.name, each.suffix) == said.groups()[1:]), None)
        if said is None or how is None:
            raise UnsafeArtefactError(f"The model has a member that belongs nowhere: {shown(name)}.", _HINT)
        found[int(said[1])] = (how, content)
    return found


def _parts(estimator: object) -> list[tuple[Any, Native]]:
    return [(found, how) for found in reachable(estimator) if (how := native_of(found)) is not None]


def _trusted(hows: Any, extra: Collection[str]) -> frozenset[str]:
    return frozenset({_GAP, *extra}).union(*(how.around for how in hows))


def _check(estimator: object) -> None:
    checks = {name: how.check for how in NATIVE if how.check for name in how.around}
    for found in reachable(estimator):
        check = checks.get(f"{type(found).__module__}.{type(found).__qualname__}")
        if check is not None:
            check(found)
