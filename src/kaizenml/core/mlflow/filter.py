"""The filters and orders of MLflow's search, read into what they ask."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kaizenml.core.mlflow.errors import WireError, invalid

#: A filter longer than this, or with more comparisons, is refused.
LONGEST, MOST_COMPARISONS = 100_000, 500

_TOKEN = re.compile(
    r"""(?P<blank>\s+)|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))"""
    r"""|(?P<single>'(?:[^']|'')*')"""
    r"""|(?P<word>(?:[^\W\d][\w\-/:]*|`[^`]*`|"[^"]*")(?:\.(?:`[^`]*`|"[^"]*"|[\w\-/:]+))*)"""
    r"""|(?P<sign>!=|<=|>=|<>|==|=|<|>)|(?P<mark>[(),;])""",
)
_KINDS = {
    "metric": "metric", "metrics": "metric", "param": "parameter", "params": "parameter", "parameter": "parameter",
    "parameters": "parameter", "tag": "tag", "tags": "tag", "attribute": "attribute", "attributes": "attribute",
    "attr": "attribute", "run": "attribute", "dataset": "dataset", "datasets": "dataset",
}  # fmt: skip
_WORDS = frozenset({"AND", "LIKE", "ILIKE", "IN", "NOT", "IS", "NULL", "ASC", "DESC", "OR"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field against a value: ``sign`` is one of ``= != < <= > >= LIKE ILIKE IN NOT IN IS NULL IS NOT NULL``."""

    kind: str
    key: str
    sign: str
    value: float | str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Sorting:
    """By what is sorted."""

    kind: str
    key: str
    is_ascending: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """What a search asks: all comparisons hold; sorted so."""

    comparisons: tuple[Comparison, ...] = ()
    order: tuple[Sorting, ...] = ()


@dataclass(frozen=True, slots=True)
class Grammar:
    """What may be asked of a kind of thing.

    Parameters
    ----------
    texts, numbers
        The attributes that are text and numbers; ``names`` gives other words for them.
    lists
        The attributes that ``IN`` may be asked of.
    kinds
        Which of ``metric``, ``parameter``, ``tag``, ``attribute`` and ``dataset`` there are.
    orders
        The attributes that one may sort by, where these are fewer or others.
    heads
        What may stand before a point there.
    words
        What may stand before a point in a filter; every word for one of the kinds unless told otherwise.
    wholes
        The numbers that are whole, and may be quoted.
    has_nulls
        Whether one may ask for what is not there.
    """

    texts: Sequence[str]
    numbers: Sequence[str] = ()
    lists: Collection[str] = ()
    kinds: Collection[str] = ("metric", "parameter", "tag", "attribute", "dataset")
    names: dict[str, str] = field(default_factory=dict)
    orders: Sequence[str] = ()
    heads: Collection[str] = ()
    words: Collection[str] = ()
    wholes: Collection[str] = ()
    has_nulls: bool = True

    @property
    def attributes(self) -> tuple[str, ...]:
        """Every attribute."""
        return (*self.texts, *self.numbers)


RUNS = Grammar(
    texts=("run_id", "run_name", "user_id", "status", "artifact_uri"),
    numbers=("start_time", "end_time"),
    lists=("run_id",),
    names={
        "run name": "run_name", "Run name": "run_name", "Run Name": "run_name", "created": "start_time",
        "Created": "start_time",
    },
)  # fmt: skip
EXPERIMENTS = Grammar(
    texts=("name", "experiment_id"),
    numbers=("creation_time", "last_update_time"),
    lists=("experiment_id",),
    kinds=("tag", "attribute"),
)
#: Logged models; every text attribute may be asked for with ``IN``.
MODELS = Grammar(
    texts=("name", "model_id", "model_type", "status", "source_run_id", "experiment_id", "artifact_uri"),
    numbers=("creation_timestamp_ms", "last_updated_timestamp_ms"),
    lists=("name", "model_id", "model_type", "status", "source_run_id", "experiment_id"),
    kinds=("metric", "parameter", "tag", "attribute"),
    names={
        "creation_time": "creation_timestamp_ms", "creation_timestamp": "creation_timestamp_ms",
        "last_updated_timestamp": "last_updated_timestamp_ms", "artifact_location": "artifact_uri",
    },
)  # fmt: skip
_REGISTRY_WORDS = ("attribute", "tag", "tags")
#: Registered models, and prompts.
REGISTERED = Grammar(
    texts=("name",), lists=("name",), kinds=("tag", "attribute"), words=_REGISTRY_WORDS, has_nulls=False,
    orders=("name", "timestamp", "last_updated_timestamp"), names={"timestamp": "last_updated_timestamp"},
)  # fmt: skip
VERSIONS = Grammar(
    texts=("name", "run_id", "source_path"), numbers=("version_number",), lists=("name", "run_id"),
    kinds=("tag", "attribute"), words=_REGISTRY_WORDS, wholes=("version_number",), has_nulls=False,
    orders=("name", "version_number", "creation_timestamp", "last_updated_timestamp"), heads=("attribute",),
)  # fmt: skip
_TEXT_SIGNS = ("=", "!=", "LIKE", "ILIKE")
_NUMBER_SIGNS = (">", ">=", "!=", "=", "<", "<=")
_DATASET_KEYS = ("name", "digest", "context")


class _Token(NamedTuple):
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


def parsed(text: str | None, grammar: Grammar) -> tuple[Comparison, ...]:
    """Return the comparisons of a filter, all of which must hold.

    Raises
    ------
    WireError
        For a filter that cannot be understood.
    """
    if not text:
        return ()
    if not text.strip():
        raise invalid(f"Invalid filter '{text[:100]}'. Could not be parsed.")
    if len(text) > LONGEST:
        raise invalid(f"Error on parsing filter: it has {len(text)} characters, more than {LONGEST}.")
    tokens = _tokens(text)
    if tokens and tokens[-1].text == ";":
        tokens.pop()
    clauses = _split(tokens)
    if len(clauses) > MOST_COMPARISONS:
        raise invalid(f"Error on parsing filter: it has {len(clauses)} comparisons, more than {MOST_COMPARISONS}.")
    return tuple(_comparison(clause, grammar) for clause in clauses)


def sortings(words: Iterable[str] | None, grammar: Grammar) -> tuple[Sorting, ...]:
    """Return the orders that are asked for.

    Raises
    ------
    WireError
        For one that cannot be understood, or that comes twice.
    """
    found: list[Sorting] = []
    for word in words or ():
        each = _sorting(word, grammar)
        if any((each.kind, each.key) == (one.kind, one.key) for one in found):
            raise invalid(f"`order_by` contains duplicate fields: {list(words or ())}")
        found.append(each)
    return tuple(found)


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise invalid(f"Invalid clause(s) in filter string: '{text[at : at + 100]}'")
        if match.lastgroup != "blank":
            found.append(_Token(str(match.lastgroup), match[0]))
        at = match.end()
    return found


def _split(tokens: list[_Token]) -> list[list[_Token]]:
    clauses: list[list[_Token]] = [[]]
    for token in tokens:
        if token.word == "AND":
            clauses.append([])
        elif token.text == ";":
            shown = " ".join(each.text for each in tokens)
            raise invalid(
                f"Search filter contained multiple expression {shown[:200]!r}. Provide AND-ed expression list."
            )
        else:
            clauses[-1].append(token)
    return clauses


def _comparison(clause: list[_Token], grammar: Grammar) -> Comparison:
    shown = " ".join(token.text for token in clause)[:200]
    if not clause or clause[0].kind != "word" or clause[0].word in _WORDS or any(each.word == "OR" for each in clause):
        raise invalid(f"Invalid clause(s) in filter string: '{shown}'")
    kind, key = _field(clause[0].text, grammar)
    sign, rest = _sign(clause[1:], shown)
    _check_sign(kind, key, sign, grammar)
    if sign in ("IS NULL", "IS NOT NULL"):
        return Comparison(kind, key, sign, None)
    if sign in ("IN", "NOT IN"):
        return Comparison(kind, key, sign, _list(kind, key, rest, grammar))
    if len(rest) != 1:
        raise invalid(f"Invalid clause(s) in filter string: '{shown}'")
    return Comparison(kind, key, sign, _value(kind, key, rest[0], grammar))


def _field(text: str, grammar: Grammar) -> tuple[str, str]:
    head, dot, tail = _parted(text)
    if not dot:
        kind, key = "attribute", _bare(head)
    else:
        found = _KINDS.get(_bare(head))
        valid = grammar.words or sorted(word for word, kind in _KINDS.items() if kind in grammar.kinds)
        if found is None or _bare(head) not in valid:
            raise invalid(f"Invalid entity type '{_bare(head)}'. Valid values are {valid}")
        kind, key = found, _bare(tail)
    key = grammar.names.get(key, key) if kind == "attribute" else key
    if kind == "attribute" and key not in grammar.attributes:
        raise invalid(f"Invalid attribute key '{key}' specified. Valid keys are '{set(grammar.attributes)}'")
    if kind == "dataset" and key not in _DATASET_KEYS:
        raise invalid(f"Invalid dataset key '{key}' specified. Valid keys are '{set(_DATASET_KEYS)}'")
    return kind, key


def _parted(text: str) -> tuple[str, str, str]:
    """Return the word before the first point that is not within quotation marks, and what follows."""
    if text[0] in '`"':
        end = text.index(text[0], 1) + 1
        return text[:end], text[end : end + 1], text[end + 1 :]
    return text.partition(".")


def _bare(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "`\"'" else text


def _sign(tokens: list[_Token], shown: str) -> tuple[str, list[_Token]]:
    words = [token.word for token in tokens[:3]]
    if words[:2] == ["IS", "NULL"] and len(tokens) == 2:
        return "IS NULL", []
    if words == ["IS", "NOT", "NULL"] and len(tokens) == 3:
        return "IS NOT NULL", []
    if words[:2] == ["NOT", "IN"]:
        return "NOT IN", tokens[2:]
    if words[:1] and words[0] in ("LIKE", "ILIKE", "IN"):
        return words[0], tokens[1:]
    if tokens and tokens[0].kind == "sign":
        return tokens[0].text, tokens[1:]
    raise invalid(f"Invalid clause(s) in filter string: '{shown}'")


def _check_sign(kind: str, key: str, sign: str, grammar: Grammar) -> None:
    if sign in ("IS NULL", "IS NOT NULL") and grammar.has_nulls:
        if kind not in ("tag", "parameter"):
            raise invalid(f"IS NULL / IS NOT NULL is only supported for tags and params, not for '{kind}' '{key}'")
        return
    is_number = kind == "metric" or (kind == "attribute" and key in grammar.numbers)
    valid = _NUMBER_SIGNS if is_number else _TEXT_SIGNS
    if kind == "dataset" or (kind == "attribute" and not is_number):
        valid = (*_TEXT_SIGNS, "IN", "NOT IN")
    if sign not in valid:
        raise invalid(f"Invalid comparator '{sign}' not one of '{set(valid)}")


def _value(kind: str, key: str, token: _Token, grammar: Grammar) -> float | str:
    if kind == "attribute" and key in grammar.wholes:
        try:
            return int(_bare(token.text))
        except ValueError:
            raise invalid(f"Invalid value for numeric attribute '{key}': {token.text[:200]}") from None
    if kind == "metric" or (kind == "attribute" and key in grammar.numbers):
        if token.kind != "number":
            what = "metric" if kind == "metric" else f"numeric attribute: {key}"
            raise invalid(f"Expected numeric value type for {what}. Found {token.text[:200]}")
        return float(token.text)
    if token.kind == "single" or (token.kind == "word" and token.text[0] == token.text[-1] == '"'):
        return token.text[1:-1].replace("''", "'") if token.kind == "single" else token.text[1:-1]
    if kind == "attribute":
        raise invalid(f"Expected a quoted string value for attributes. Got value {token.text[:200]}")
    if kind == "dataset":
        raise invalid(f"Expected a quoted string value for dataset attributes. Got value {token.text[:200]}")
    raise invalid(f"Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {token.text[:200]}")


def _list(kind: str, key: str, tokens: list[_Token], grammar: Grammar) -> tuple[str, ...]:
    if kind != "dataset" and key not in grammar.lists:
        raise invalid(
            f"Only {sorted(grammar.lists)} attributes support comparison with a list of quoted string values."
        )
    inner = tokens[1:-1]
    is_list = len(tokens) > 2 and tokens[0].text == "(" and tokens[-1].text == ")"
    values = [token.text for token in inner if token.text != ","]
    if not is_list or len(inner) != 2 * len(values) - 1 or any(text[0] not in "'\"" for text in values):
        raise invalid("Expected a list of quoted string values, such as ('a', 'b').")
    return tuple(_bare(text) for text in values)


def _sorting(word: str, grammar: Grammar) -> Sorting:
    try:
        tokens = _tokens(word)
    except WireError:
        tokens = []
    is_ascending = True
    if len(tokens) == 2 and tokens[1].word in ("ASC", "DESC"):
        is_ascending = tokens.pop().word == "ASC"
    if len(tokens) != 1 or tokens[0].kind != "word":
        raise invalid(f"Invalid order_by clause '{word[:200]}'. Could not be parsed.")
    if grammar.orders:
        head, dot, tail = _parted(tokens[0].text)
        key = _bare(tail if dot and head in grammar.heads else tokens[0].text)
        if key not in grammar.orders:
            raise invalid(f"Invalid order by key '{key[:200]}' specified. Valid keys are '{list(grammar.orders)}'")
        return Sorting("attribute", grammar.names.get(key, key), is_ascending)
    return Sorting(*_field(tokens[0].text, grammar), is_ascending)
