"""The differences from MLflow's own server that are meant; each is a row of the table in the docs, by its key."""

from __future__ import annotations

from typing import Any

#: Sentences that list what would be valid, or quote what is not: the words differ, status and code do not.
_SENTENCES = (
    "Invalid comparator", "Invalid attribute key", "Invalid dataset key", "Invalid entity type", "Invalid clause(s)",
    "Invalid order_by", "Invalid ordering key", "Invalid filter string", "Expected a quoted string",
    "Invalid identifier",
    "Search filter contained", "Invalid comparison", "Parameter value is", "Expected numeric", "Only ", "IS NULL",
    "While parsing", "Invalid page token",
)  # fmt: skip
_LARGEST = 1.7976931348623157e308


def explained(case: str, where: str, real: Any, ours: Any) -> str | None:
    """Return the key of the row that explains a difference; None for one that nobody has explained."""
    if where.endswith(".value") and isinstance(real, float) and abs(real) == _LARGEST and "Infinity" in str(ours):
        return "infinity"
    if isinstance(real, str) and real.startswith("<!doctype html>"):
        return "html"
    if where == ".message" and "IntegrityError" in str(real):
        return "sql"
    if where == ".message" and str(real).startswith(_SENTENCES) and str(ours).startswith(_SENTENCES):
        return "sentences"
    return {
        "runs by one thing twice": "order-twice",
        "runs where params.p = '1' AND": "dangling",
        "a folder as a file": "folder",
        "logged models where metric.acc > 1": "singular",
        "logged models on a data set": "digest",
        "logged models by nothing": "class",
    }.get(case)


#: Every key that `explained` gives.
KEYS = ("infinity", "html", "sql", "sentences", "order-twice", "dangling", "folder", "singular", "digest", "class")
