"""The text of a single cell: folded and told from null tokens as `texts` does it, for letters where that is simple."""

from __future__ import annotations

import re
from collections.abc import Callable

from kaizenml.core.plan import ColumnPlan
from kaizenml.data.texts import MINUS


class Unsure(Exception):  # noqa: N818 - no error: it asks for the other way of reading
    """A cell is not written in the simple way that compiled columns read."""


#: Letters that are composed already, that no Unicode version composes otherwise, and whose lower case is also what
#: regular expressions take for equal: without the dotted capital I, the long s, and all that combines.
#: The sharp s and the micro sign may stay, because their other forms are not among these.
_SAFE = re.compile(
    "[\\t\\n\\r -~\u00a0-\u012f\u0131-\u017e\u0180-\u02af\u0400-\u0481\u2010-\u2027"
    "\u20a0-\u20bf\u2212\u3041-\u3094\u30a1-\u30fa\u30fc\u4e00-\u9fef]*"
)
_MINUS = re.compile(MINUS)


def is_safe(text: str) -> bool:
    """Say whether Python's and Polars' ways with a text are known to be the same."""
    return (text.isascii() and text.isprintable()) or _SAFE.fullmatch(text) is not None


def text_reader(column: ColumnPlan) -> Callable[[str], str | None]:
    """Return the function from a raw text to its folded one, None where it says nothing."""
    if not all(map(is_safe, column.null_tokens)):
        return _never
    nulls, folds = frozenset(token.lower() for token in column.null_tokens), column.folds_blanks

    def read(text: str) -> str | None:
        if not is_safe(text):
            raise Unsure
        if folds:
            if "\u2212" in text:
                text = _MINUS.sub(r"\1-", text)
            text = " ".join(text.split())
        return None if text.lower() in nulls else text

    return read


def _never(_: str) -> str | None:
    raise Unsure
