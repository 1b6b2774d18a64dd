"""How people and programs write what was true, and what of it a target can be."""

from __future__ import annotations

from kaizenml.core.signature import Cell

#: Words that mean true and false, in lower case.
WORDS = (("true", "false"), ("yes", "no"), ("t", "f"), ("y", "n"), ("on", "off"))
_READ = {yes: True for yes, _ in (*WORDS, ("1", "0"))} | {no: False for _, no in (*WORDS, ("1", "0"))}


def read_truth(value: Cell, target_type: str) -> Cell:
    """Return a label as its target is written, or None for what the target cannot be.

    Parameters
    ----------
    target_type
        How the target is written: ``boolean``, ``integer``, ``number`` or ``text``. A text may be one that nobody has
        seen: classes can be new.

    Examples
    --------
    >>> read_truth("Yes", "boolean"), read_truth("maybe", "boolean"), read_truth("3", "integer")
    (True, None, 3)
    """
    match target_type:
        case "boolean":
            return _boolean(value)
        case "integer":
            return _integer(value)
        case _:
            return value


def _boolean(value: Cell) -> bool | None:
    if isinstance(value, str):
        return _READ.get(value.strip().lower())
    return bool(value) if value in (0, 1) else None


def _integer(value: Cell) -> int | None:
    if isinstance(value, str):
        digits = value.strip()
        return int(digits) if digits.removeprefix("-").isdecimal() and digits.isascii() and len(digits) < 20 else None
    return int(value) if value is not None and value == value // 1 else None
