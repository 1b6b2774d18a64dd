"""What all text cells go through first: blanks folded, letters composed, null tokens made null."""

from __future__ import annotations

import re
from collections.abc import Collection

import polars as pl

#: Texts that mean "no value" in columns of numbers, booleans and times, where they can mean nothing else.
TYPED_NULLS = frozenset(
    {
        "", "na", "n/a", "#n/a", "#na", "<na>", "n.a.", "null", "none", "nan", "nil", "nat", "-", "--", "---", "–", "—",
        "?", "??", ".", "..", "missing", "unknown", "undefined", "not available", "not applicable", "\\n", "(null)",
    }
)  # fmt: skip

#: Texts that mean "no value" in columns of words too.
WORD_NULLS = frozenset(
    {
        "",
        "n/a",
        "#n/a",
        "#na",
        "<na>",
        "n.a.",
        "null",
        "nan",
        "nil",
        "nat",
        "-",
        "--",
        "---",
        "?",
        "??",
        "\\n",
        "(null)",
    }
)

#: Words that mean "no value" only where they are rare: frequent ones are a category of their own.
RARE_NULLS = frozenset({"na", "none", "missing", "unknown", "undefined", "not available", "not applicable", "–", "—"})


#: The typographic minus sign before a number.
MINUS = "^(\\s*)\u2212"


def folded(text: pl.Expr) -> pl.Expr:
    """Return the text without outer blanks, with single inner ones, composed (Unicode NFC), its leading minus plain."""
    return (
        text.str.normalize("NFC")
        .str.replace(MINUS, "${1}-", literal=False)
        .str.replace_all(r"\s+", " ")
        .str.strip_chars(" ")
    )


def without_nulls(text: pl.Expr, tokens: Collection[str]) -> pl.Expr:
    """Return the text, null where it is one of these lower-case tokens in any case."""
    return pl.when(~text.str.contains(token_pattern(tokens))).then(text)


def token_pattern(tokens: Collection[str]) -> str:
    """Return the regular expression that matches exactly these tokens, in any case; none matches nothing."""
    return rf"(?i)^(?:{'|'.join(re.escape(token) for token in sorted(tokens))})$" if tokens else r"[^\s\S]"
