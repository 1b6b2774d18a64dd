"""Names that are safe in a path, a URL, a table and a package."""

from __future__ import annotations

import re

from kaizenml.errors import UsageError

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def checked_name(what: str, text: str) -> str:
    """Return the name, when it is one: a small letter, then letters, digits, ``-`` or ``_``, at most 63.

    Raises
    ------
    UsageError
        With a name that would do.
    """
    if _NAME.fullmatch(text):
        return text
    offer = suggested_name(text)
    raise UsageError(
        f"{text!r} is not a name for a {what}: it takes small letters, digits, '-' and '_', and starts with a letter.",
        f"{offer!r} would do.",
        {what: text},
    )


def suggested_name(text: str) -> str:
    """Return a valid name that looks like the text."""
    cleaned = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")
    cleaned = re.sub(r"^[^a-z]+", "", cleaned)[:63]
    return cleaned or "project"
