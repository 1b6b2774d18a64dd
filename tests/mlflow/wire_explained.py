"""The differences from MLflow's own server that are meant; each is a row of the table in the docs, by its key."""

from __future__ import annotations

from typing import Any

#: Sentences that list what would be valid, or quote what is not: the words differ, status and code do not.
_SENTENCES = (
    "Invalid comparator", "Invalid attribute key", "Invalid dataset key", "Invalid entity type", "Invalid clause(s)",
    "Invalid order_by", "Invalid order by key", "Invalid ordering key", "Invalid filter string", "Invalid identifier",
    "Invalid value for numeric", "Invalid comparison", "Invalid page token", "Expected a quoted string",
    "Expected numeric", "Search filter contained", "Parameter value is", "Only ", "IS NULL", "While parsing",
)  # fmt: skip
#: Requests about webhooks with words that MLflow has none of.
_WEBHOOK_WORDS = (
    "an unknown status of a webhook", "an unknown thing of a webhook", "an unknown act of a webhook",
    "nothing as an event of a webhook",
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
    if "server-info" in case:
        return "about"
    if where == ".message" and "address that is not called" in case:
        return "webhook-address"
    if case.startswith(_WEBHOOK_WORDS):
        return "webhook-words"
    if case == "the long description of a webhook":
        return "webhook-text"
    if case.startswith("a protected "):
        return "protected"
    if case.endswith(("IS NULL", "IS NOT NULL")) and real == 500:
        return "faults"
    return {
        "runs by one thing twice": "order-twice",
        "registered models by ['name', 'name']": "order-twice",
        "registered models by ['timestamp', 'last_updated_timestamp']": "order-twice",
        "versions by ['name', 'name']": "order-twice",
        "runs where params.p = '1' AND": "dangling",
        "registered models where name = 'churn' AND": "dangling",
        "versions where name = 'churn' AND": "dangling",
        "a stage that cannot archive": "faults",
        "a copy of a stage that nothing is in": "faults",
        "a registered model with a line break": "control",
        "a version of a model that was deleted before": "numbers",
        "a folder as a file": "folder",
        "logged models where metric.acc > 1": "singular",
        "logged models on a data set": "digest",
        "logged models by nothing": "class",
    }.get(case)


#: Every key that `explained` gives.
KEYS = (
    "infinity", "html", "sql", "sentences", "order-twice", "dangling", "folder", "singular", "digest", "class",
    "protected", "faults", "control", "numbers", "about", "webhook-address", "webhook-words", "webhook-text",
)  # fmt: skip
