"""What a store says, read with care: numbers that are numbers, times that fit, texts of bounded length."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from kaizenml.core.mlflow.limits import LATEST_MS, LONGEST_KEY
from kaizenml.core.mlflow.origin import Trouble
from kaizenml.core.mlflow.rows import ACTIVE, DELETED
from kaizenml.core.series import Point

#: A value of a parameter or tag may have so many characters; what is longer is left out, never cut.
LONGEST_VALUE = 1_000_000
_RUN = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")
_NUMBER = re.compile(r"[0-9]{1,30}")


class Troubles(list[Trouble]):
    """What could not be read."""

    def add(self, what: str, name: str, why: str) -> None:
        """Note one."""
        self.append(Trouble(what, name[:300], why[:300]))

    def taken(self) -> list[Trouble]:
        """Return what was noted, and forget it."""
        found = list(self)
        self.clear()
        return found


def is_run_id(text: object) -> bool:
    """Say whether a text can be the id of a run or logged model."""
    return isinstance(text, str) and _RUN.fullmatch(text) is not None


def is_experiment_id(text: object) -> bool:
    """Say whether a text can be the id of an experiment: a number."""
    return isinstance(text, str) and _NUMBER.fullmatch(text) is not None


def whole(value: object, otherwise: int | None = None) -> int | None:
    """Return a whole number of 64 bits, or what it is otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, bytes)):
        return otherwise
    try:
        found = int(value)
    except (ValueError, OverflowError):
        return otherwise
    return found if -(2**63) <= found < 2**63 else otherwise


def moment(value: object) -> int:
    """Return a time in milliseconds since 1970; 0 for what is none."""
    found = whole(value, 0) or 0
    return found if 0 <= found <= LATEST_MS else 0


def stage(value: object) -> str:
    """Return whether something is active or deleted."""
    return DELETED if value == DELETED else ACTIVE


def text(value: object) -> str:
    """Return a text; nothing for None, and for what is no single value: a list of lists may be endless as a text."""
    if value is None or isinstance(value, (list, dict, set, tuple)):
        return ""
    try:
        return str(value)
    except ValueError:  # a number of thousands of digits
        return ""


def point(at: object, value: object, step: object) -> Point | None:
    """Return a measurement at a time in milliseconds; None when it is none, or does not fit into 64 bits."""
    when, where = whole(at), whole(step)
    if when is None or where is None or not 0 <= when <= LATEST_MS or isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return Point(where, when * 1000, math.nan if math.isnan(number) else number)


def pairs(what: str, owner: str, found: Iterable[tuple[Any, Any]], troubles: Troubles) -> dict[str, str]:
    """Return parameters or tags by key, sorted; those that cannot be kept are told of."""
    kept: dict[str, str] = {}
    for key, value in found:
        name, said = text(key), text(value)
        why = _why_not(name, said)
        if why:
            troubles.add(what, f"{owner}/{name[:100]}", why)
        else:
            kept[name] = said
    return dict(sorted(kept.items()))


def plain(value: object) -> Mapping[str, Any]:
    """Return a mapping with text for keys; an empty one for what is none."""
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def _why_not(key: str, value: str) -> str:
    if not key:
        return "its name is empty"
    if len(key) > LONGEST_KEY:
        return f"its name has more than {LONGEST_KEY} characters"
    return f"its value has more than {LONGEST_VALUE:,} characters" if len(value) > LONGEST_VALUE else ""
