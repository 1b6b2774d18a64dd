"""The language of questions about runs, as people write it.

::

    query     := [condition] [ORDER BY field [ASC | DESC] {, field [ASC | DESC]}]
    condition := condition OR condition | condition AND condition | NOT condition | ( condition ) | comparison
    comparison:= field sign value | field [NOT] (LIKE | ILIKE | CONTAINS) text | field [NOT] IN ( value {, value} )
               | field IS [NOT] NULL
    field     := metrics.NAME | params.NAME | tags.NAME | an attribute, such as state, started or duration
    sign      := = | != | < | <= | > | >=
    value     := a number | 'text' | true | false

AND binds tighter than OR. A name with blanks is put into backticks: ``metrics.`val loss` ``. Words are read in capitals
or not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, NoReturn

from kaizenml.core.query import (
    NUMBERS,
    TEXTS,
    TIMES,
    All,
    AnyOf,
    Compare,
    Condition,
    Field,
    Missing,
    Not,
    OneOf,
    Order,
    Query,
    microseconds,
)
from kaizenml.errors import QueryError, bounded, close_match

#: A question may be so long, and its parentheses and NOTs so deep, and hold so many comparisons.
LONGEST, DEEPEST, MOST_COMPARISONS = 20_000, 60, 300

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<word>[A-Za-z_]\w*\.(?:`[^`]+`|"[^"]+") | [A-Za-z_][\w./:@-]* | `[^`]+`)
    | (?P<sign>==|!=|<>|<=|>=|=|<|>)
    | (?P<mark>[(),])""",
    re.VERBOSE,
)
_PREFIXES = {
    "metric": "metrics", "metrics": "metrics", "param": "params", "params": "params", "parameter": "params",
    "parameters": "params", "tag": "tags", "tags": "tags", "run": "run", "attribute": "run", "attributes": "run",
    "attr": "run",
}  # fmt: skip
_OTHER_NAMES = {
    "run_id": "id", "run_name": "name", "status": "state", "start_time": "started", "started_at": "started",
    "end_time": "finished", "finished_at": "finished", "seconds": "duration", "user_id": "author",
}  # fmt: skip
_ATTRIBUTES = (*TEXTS, *TIMES, *NUMBERS)
_WORDS = {"AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "CONTAINS", "ORDER", "BY", "ASC", "DESC"}


class _Token(NamedTuple):
    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """The word in capitals; empty for what is none."""
        return self.text.upper() if self.kind == "word" else ""


def parsed(text: str, names: Mapping[str, Collection[str]] | None = None) -> Query:
    """Return what a question means.

    Parameters
    ----------
    text
        The question; an empty one asks for all runs.
    names
        Which ``metrics``, ``params`` and ``tags`` there are. Where given, a name that is not there is an error.

    Raises
    ------
    QueryError
        Where the text cannot be understood: with the place, counted from 0, and the word that was perhaps meant.
    """
    if len(text) > LONGEST:
        raise QueryError(text[:LONGEST], LONGEST, f"the question is longer than {LONGEST:,} characters", "Shorten it.")
    for at, character in enumerate(text):
        if character == "\0" or "\ud800" <= character <= "\udfff":  # no database has these in its text
            raise QueryError(text, at, f"{character!r} is no character of a text", "Leave it out.")
    return _Parser(text, names).query()


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            hint = "Close the quotation mark." if text[at] in "'\"`" else "Numbers, 'text', names and signs are known."
            raise QueryError(text, at, f"{text[at]!r} cannot be read", hint)
        if match.lastgroup != "blank":
            found.append(_Token(str(match.lastgroup), match[0], at))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


class _Parser:
    """Reads tokens from left to right; one method for each rule of the grammar."""

    def __init__(self, text: str, names: Mapping[str, Collection[str]] | None) -> None:
        self._text, self._names = text, names
        self._tokens = _tokens(text)
        self._next = self._depth = self._comparisons = 0

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def query(self) -> Query:
        is_bare = self._token.kind == "end" or self._token.word == "ORDER"
        where = None if is_bare else self._either()
        order: list[Order] = []
        if self._took("ORDER"):
            self._want("BY")
            order.append(self._order())
            while self._took(","):
                order.append(self._order())
        if self._token.kind != "end":
            self._fail("expected AND, OR, ORDER BY or the end")
        return Query(where, tuple(order))

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._took("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._one()]
        while self._took("AND"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            self._fail(f"more than {DEEPEST} parentheses and NOTs lie within each other")
        if self._took("NOT"):
            found: Condition = Not(self._one())
        elif self._took("("):
            found = self._either()
            self._want(")")
        else:
            found = self._comparison()
        self._depth -= 1
        return found

    def _comparison(self) -> Condition:
        self._comparisons += 1
        if self._comparisons > MOST_COMPARISONS:
            self._fail(f"there are more than {MOST_COMPARISONS} comparisons")
        field = self._field()
        if self._took("IS"):
            is_negated = self._took("NOT")
            self._want("NULL")
            return Not(Missing(field)) if is_negated else Missing(field)
        is_negated = self._took("NOT")
        token = self._token
        if self._took("IN"):
            found: Condition = OneOf(field, self._values(field))
        elif token.word in ("LIKE", "ILIKE", "CONTAINS"):
            self._next += 1
            found = Compare(field, token.word.lower(), self._pattern(field, token))
        elif token.kind == "sign" and not is_negated:
            self._next += 1
            sign = {"==": "=", "<>": "!="}.get(token.text, token.text)
            found = Compare(field, sign, self._value(field))
        else:
            self._fail("expected LIKE, ILIKE, CONTAINS or IN" if is_negated else "expected a sign such as = or >")
        return Not(found) if is_negated else found

    def _order(self) -> Order:
        field = self._field()
        is_descending = self._took("DESC")
        if not is_descending:
            self._took("ASC")
        return Order(field, is_descending)

    def _field(self) -> Field:
        token = self._token
        if token.kind != "word" or token.word in _WORDS:
            self._fail("expected a field, such as metrics.roc_auc, params.depth, tags.team or state")
        self._next += 1
        prefix, dot, key = token.text.partition(".")
        kind = _PREFIXES.get(prefix.lower()) if dot else "run"
        if kind is None:
            match = close_match(prefix, _PREFIXES)
            hint = f"Did you mean {_PREFIXES[match]}.{key}?" if match else "Begin with metrics., params. or tags."
            self._fail(f"{prefix!r} is no kind of field", token, hint)
        name = (key if dot else prefix).strip('`"')
        return self._attribute(name, token) if kind == "run" else self._known(Field(kind, name), token)

    def _attribute(self, name: str, token: _Token) -> Field:
        known = _OTHER_NAMES.get(name.lower(), name.lower())
        if known in _ATTRIBUTES:
            return Field("run", known)
        elsewhere = [f"{kind}.{name}" for kind, keys in (self._names or {}).items() if name in keys]
        match = elsewhere[0] if elsewhere else close_match(name, [*_ATTRIBUTES, *_OTHER_NAMES])
        hint = f"Did you mean {match}?" if match else f"Write metrics.{name}, params.{name} or tags.{name}."
        return self._fail(f"{name!r} is no attribute of a run", token, hint)

    def _known(self, field: Field, token: _Token) -> Field:
        keys = None if self._names is None else self._names.get(field.kind, ())
        if keys is None or field.key in keys:
            return field
        match = close_match(field.key, keys)
        known = f"Known: {bounded(sorted(keys))}." if keys else f"There are no {field.kind} yet."
        hint = f"Did you mean {field.kind}.{match}?" if match else known
        return self._fail(f"no run has {field}", token, hint)

    def _values(self, field: Field) -> tuple[float | str, ...]:
        self._want("(")
        found = [self._value(field)]
        while self._took(","):
            found.append(self._value(field))
        self._want(")")
        return tuple(found)

    def _pattern(self, field: Field, sign: _Token) -> str:
        if field.kind == "metrics" or (field.key in (*TIMES, *NUMBERS) and field.kind == "run"):
            self._fail(f"{field} is a number, and {sign.word} is for text", sign, "Compare it with < or >.")
        if self._token.kind != "text":
            self._fail("expected 'text' in quotation marks")
        return _unquoted(self._took_any().text)

    def _value(self, field: Field) -> float | str:
        token = self._took_any()
        is_time = field.kind == "run" and field.key in TIMES
        is_number = field.kind == "metrics" or (field.kind == "run" and field.key in NUMBERS)
        if token.kind == "number":
            if field.kind == "run" and not is_number:
                what = "a time" if is_time else "text"
                self._fail(f"{field} is {what}", token, "Write '2026-03-01'." if is_time else f"Write '{token.text}'.")
            return float(token.text)
        if token.kind == "text":
            if is_number:
                self._fail(f"{field} is a number", token, "Leave out the quotation marks.")
            return self._time(token) if is_time else _unquoted(token.text)
        if token.word in ("TRUE", "FALSE") and field.kind in ("params", "tags"):
            return token.text.lower()
        if token.kind == "word" and token.word not in _WORDS:
            self._fail("expected a value", token, f"Text is written in quotation marks: '{token.text}'.")
        return self._fail("expected a value: a number or 'text'", token)

    def _time(self, token: _Token) -> float:
        try:
            at = datetime.fromisoformat(_unquoted(token.text))
        except ValueError:
            self._fail(f"{token.text} is no time", token, "Write '2026-03-01' or '2026-03-01T12:30:00+00:00'.")
        return float(microseconds(at if at.tzinfo else at.replace(tzinfo=UTC)))

    def _took(self, word: str) -> bool:
        is_it = self._token.word == word or (self._token.kind == "mark" and self._token.text == word)
        self._next += is_it
        return is_it

    def _took_any(self) -> _Token:
        token = self._token
        self._next += token.kind != "end"
        return token

    def _want(self, word: str) -> None:
        if not self._took(word):
            self._fail(f"expected {word}")

    def _fail(self, what: str, token: _Token | None = None, hint: str = "") -> NoReturn:
        at = token or self._token
        if token is None:
            what += f", found {at.text!r}" if at.text else ", but the question ends"
            match = close_match(at.text, _WORDS) if at.kind == "word" and at.word not in _WORDS else None
            hint = hint or (f"Did you mean {match}?" if match else "")
        raise QueryError(self._text, at.at, what, hint)


def _unquoted(text: str) -> str:
    return text[1:-1].replace(text[0] * 2, text[0])
