"""A contract as a page that people read and edit, and back."""

from __future__ import annotations

from typing import Any, NoReturn

import yaml

from kaizenml.core.contract import GRADED, ColumnRule, Contract, Rule, Severity, age_text
from kaizenml.core.monitor import every
from kaizenml.core.schema import ColumnKind
from kaizenml.errors import ProjectError, UsageError, bounded, close_match

_HEAD = """\
# The data contract: what the rows of this project must look like. Learned from the data; yours to edit.
#
# kind            number, integer, boolean, category, text or time
# required        the column must be there                  nullable   a row may be without a value
# low, high       bounds that belong to the range           categories the known values; leave out to allow any
# max_null_share  the greatest share of rows, 0 to 1, that may be without a value
# min_length,     bounds of the number of characters of a text
#   max_length
# max_age         how old the newest time may be when the data are loaded, such as 2d
# monotone        no time is before that of the row above
# hard            which rules keep a row out (missing, type, null, range, category, length) or refuse the whole table
#                 (missing, freshness, monotone); the others are counted and reported
# unique          the column that names the rows: the same value twice is an error
# min_rows        a table of fewer rows is taken for cut off   max_rows   of more, for loaded twice: that is reported
"""
_KEYS: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "required": (bool,),
    "nullable": (bool,),
    "low": (int, float),
    "high": (int, float),
    "max_null_share": (int, float),
    "categories": (list,),
    "min_length": (int,),
    "max_length": (int,),
    "max_age": (str,),
    "monotone": (bool,),
    "hard": (list,),
}


class _Dumper(yaml.SafeDumper):
    """Escapes the line ends of Unicode, which PyYAML would fold into blanks."""


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    has_line_end = any(mark in text for mark in "\x85\u2028\u2029")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if has_line_end else None)


_Dumper.add_representer(str, _text_node)


def to_yaml(contract: Contract) -> str:
    """Return the contract as YAML with an explanation at its top; `from_yaml` gives back an equal contract."""
    page = {
        "unique": contract.unique,
        "min_rows": contract.min_rows,
        **({} if contract.max_rows is None else {"max_rows": contract.max_rows}),
        "columns": {rule.column: _written(rule) for rule in contract.columns},
    }
    written = yaml.dump(page, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    return f"{_HEAD}\n{written}"


def _written(rule: ColumnRule) -> dict[str, object]:
    written = {
        "kind": str(rule.kind),
        "required": rule.is_required,
        "nullable": rule.is_nullable,
        "low": rule.low,
        "high": rule.high,
        "max_null_share": rule.max_null_share,
        "categories": None if rule.categories is None else sorted(rule.categories),
        "min_length": rule.min_length,
        "max_length": rule.max_length,
        "max_age": None if rule.max_age_seconds is None else age_text(rule.max_age_seconds),
        "monotone": rule.is_monotone or None,
        "hard": [str(name) for name in GRADED if getattr(rule, f"on_{name}") is Severity.HARD],
    }
    return {key: value for key, value in written.items() if value is not None}


def from_yaml(text: str) -> Contract:
    """Return the contract that the page says.

    Raises
    ------
    UsageError
        Naming the line and the key that is wrong, with a hint.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        page = _entries(node, loader, "the contract", ("unique", "min_rows", "max_rows", "columns"))
        unique = page.get("unique", (None, None))
        rows, most = page.get("min_rows", (1, None)), page.get("max_rows", (None, None))
        columns = _entries(page["columns"][1], loader, "columns") if "columns" in page else {}
        rules = tuple(_rule(name, entry, loader) for name, (_, entry) in columns.items())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        _refuse(str(getattr(error, "problem", error)), mark.line if mark else 0, "Mind blanks, colons and quotes.")
    if unique[0] is not None and unique[0] not in columns:
        _refuse(f"unique is {unique[0]!r}, which is no column", _line(unique[1]), _offer(str(unique[0]), columns))
    if type(rows[0]) is not int or rows[0] < 0:
        _refuse(f"min_rows is {rows[0]!r}", _line(rows[1]), "Write a whole number, such as 100.")
    if most[0] is not None and (type(most[0]) is not int or most[0] < rows[0]):
        hint = f"Write a whole number, {rows[0]} (min_rows) or more."
        _refuse(f"max_rows is {most[0]!r}", _line(most[1]), hint)
    return Contract(rules, unique[0], rows[0], most[0])


def _refuse(problem: str, line: int, hint: str) -> NoReturn:
    raise UsageError(f"Contract, line {line + 1}: {problem}.", hint, {"line": line + 1})


def _line(node: yaml.Node | None) -> int:
    return node.start_mark.line if node is not None else 0


def _offer(word: str, known: object) -> str:
    names = [str(name) for name in known]  # type: ignore[attr-defined]
    match = close_match(word, names)
    return f"Did you mean {match!r}?" if match else f"Known: {bounded(names)}."


def _entries(
    node: yaml.Node | None, loader: yaml.SafeLoader, where: str, known: tuple[str, ...] = ()
) -> dict[str, tuple[object, yaml.Node]]:
    """Return key → (value, node) of a mapping, each key a text, known and given once."""
    if not isinstance(node, yaml.MappingNode):
        _refuse(f"{where} must be keys with values", _line(node), "Write `key: value` lines.")
    entries: dict[str, tuple[object, yaml.Node]] = {}
    for key_node, value_node in node.value:
        key, line = loader.construct_object(key_node, deep=True), _line(key_node)
        if not isinstance(key, str):
            _refuse(f"{key!r} in {where} is no text", line, f"Put it in quotes: '{key_node.value}'.")
        if known and key not in known:
            _refuse(f"{where} has no key {key!r}", line, _offer(key, known))
        if key in entries:
            _refuse(f"{key!r} is given twice in {where}", line, "Delete one of them.")
        entries[key] = (loader.construct_object(value_node, deep=True), value_node)
    return entries


def _rule(column: str, node: yaml.Node, loader: yaml.SafeLoader) -> ColumnRule:
    entries = _entries(node, loader, f"column {column}", tuple(_KEYS))
    entries = {key: (_with_null(value) if key == "hard" else value, at) for key, (value, at) in entries.items()}
    for key, (value, at) in entries.items():
        _check(column, key, value, _line(at))
    if "kind" not in entries:
        _refuse(f"column {column} has no kind", _line(node), f"Add `kind:` {bounded(ColumnKind)}.")
    values = {key: value for key, (value, _) in entries.items()}
    return _built(column, values, _line(node))


def _with_null(hard: object) -> object:
    """Return the rules with ``null`` as the word that it is: YAML takes it for nothing when it is not quoted."""
    return [Rule.NULL.value if name is None else name for name in hard] if isinstance(hard, list) else hard


def _check(column: str, key: str, value: object, line: int) -> None:
    if type(value) not in _KEYS[key]:
        expected = " or ".join(kind.__name__ for kind in _KEYS[key])
        _refuse(f"{key} of {column} is {value!r}, no {expected}", line, f"Correct {key}, or delete the line.")
    if key == "kind" and value not in list(ColumnKind):
        _refuse(f"kind of {column} is {value!r}", line, _offer(str(value), ColumnKind))
    if key == "max_null_share" and not 0 <= value <= 1:  # type: ignore[operator]
        _refuse(f"max_null_share of {column} is {value!r}", line, "Write a share from 0 to 1.")
    if key in ("min_length", "max_length") and value < 0:  # type: ignore[operator]
        _refuse(f"{key} of {column} is {value!r}", line, "Write a number of characters, 0 or more.")
    if key == "max_age":
        _seconds(column, str(value), line)
    for item in value if isinstance(value, list) else ():
        if not isinstance(item, str):
            _refuse(f"{item!r} in {key} of {column} is no text", line, "Put it in quotes.")
        if key == "hard" and item not in GRADED:
            _refuse(f"{item!r} in hard of {column} is no rule", line, _offer(item, GRADED))


def _seconds(column: str, text: str, line: int) -> float:
    try:
        return every(text).seconds
    except ProjectError as error:
        _refuse(f"max_age of {column} is {text!r}", line, error.hint or "Write a span of time, such as 2d.")


def _check_kind(column: str, values: dict[str, Any], line: int) -> None:
    """Refuse rules that this kind of column cannot break, and bounds that nothing can keep."""
    kind = values["kind"]
    for key, kinds in {
        "min_length": ("text", "category"),
        "max_length": ("text", "category"),
        "max_age": ("time",),
        "monotone": ("time",),
    }.items():
        if key in values and kind not in kinds:
            _refuse(f"{key} of {column}, which is a {kind}", line, f"It is asked of columns of kind {kinds[0]}.")
    shortest, longest = values.get("min_length", 0), values.get("max_length")
    if longest is not None and shortest > longest:
        _refuse(f"min_length of {column} is {shortest}, above max_length {longest}", line, "Swap them.")


def _built(column: str, values: dict[str, Any], line: int) -> ColumnRule:
    low, high = values.get("low"), values.get("high")
    if low is not None and high is not None and low > high:
        _refuse(f"low of {column} is {low}, above high {high}", line, "Swap them.")
    _check_kind(column, values, line)
    defaults = ColumnRule(column, ColumnKind(values["kind"]))
    hard = values.get("hard", [str(name) for name in GRADED if getattr(defaults, f"on_{name}") is Severity.HARD])
    severities = {f"on_{name}": Severity.HARD if name in hard else Severity.SOFT for name in GRADED}
    categories = values.get("categories")
    return ColumnRule(
        column,
        defaults.kind,
        is_required=bool(values.get("required", True)),
        is_nullable=bool(values.get("nullable", True)),
        low=None if low is None else float(low),
        high=None if high is None else float(high),
        categories=None if categories is None else frozenset(categories),
        max_null_share=float(values.get("max_null_share", 1.0)),
        min_length=values.get("min_length"),
        max_length=values.get("max_length"),
        max_age_seconds=_seconds(column, values["max_age"], line) if "max_age" in values else None,
        is_monotone=bool(values.get("monotone", False)),
        **severities,
    )
