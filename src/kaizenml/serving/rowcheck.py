"""Whether rows are what a signature asks for, before any model sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from kaizenml.core.schema import ColumnKind
from kaizenml.core.signature import Cell, Signature
from kaizenml.errors import RowError, bounded, close_match

#: How many problems one answer names.
MOST_PROBLEMS = 20

_INT64 = 2**63
_ANY_NUMBER = frozenset({int, float, str})
_TYPES = {
    ColumnKind.NUMBER: _ANY_NUMBER,
    ColumnKind.INTEGER: _ANY_NUMBER,
    ColumnKind.BOOLEAN: frozenset({bool, int, float, str}),
    ColumnKind.CATEGORY: _ANY_NUMBER,
    ColumnKind.TEXT: _ANY_NUMBER,
    ColumnKind.TIME: _ANY_NUMBER,
}
_WORDS = {
    ColumnKind.NUMBER: "a number",
    ColumnKind.INTEGER: "an integer",
    ColumnKind.BOOLEAN: "true or false",
    ColumnKind.CATEGORY: "text",
    ColumnKind.TEXT: "text",
    ColumnKind.TIME: "a time as text (ISO 8601)",
}

Problem = dict[str, object]


class RowCheck:
    """A signature, made ready to check many rows.

    Text is let through for every kind: whether it can become a number or a time is for the release's preparation to
    say.
    """

    def __init__(self, signature: Signature) -> None:
        self._kinds = {column.name: column.kind for column in signature.inputs}
        self._types: dict[str, frozenset[type]] = {
            column.name: _TYPES[column.kind] | ({type(None)} if column.is_nullable else set())
            for column in signature.inputs
        }
        self._required = frozenset(self._types)
        optional = {name for name in (signature.id, signature.time) if name} - self._required
        self._types |= dict.fromkeys(optional, frozenset({str, int, float, type(None)}))
        self._kinds |= dict.fromkeys(optional, ColumnKind.TEXT)
        self._known = frozenset(self._types)

    def refuse_bad(self, rows: Sequence[Mapping[str, Cell]]) -> None:
        """Return quietly when every row fits.

        Raises
        ------
        RowError
            With the first problems; ``details`` is ``{"rows": [{"row", "column", "problem"}, …]}``, counted from 0.
        """
        problems = list(islice(self._problems(rows), MOST_PROBLEMS))
        if problems:
            raise row_error(problems)

    def _problems(self, rows: Sequence[Mapping[str, Cell]]) -> Iterator[Problem]:
        types, required, known = self._types, self._required, self._known
        for number, row in enumerate(rows):
            names = row.keys()
            if names != required and not (names <= known and names >= required):
                yield from self._misnamed(number, row)
            for name, cell in row.items():
                kind = type(cell)
                if name in types and (kind not in types[name] or (kind is int and not -_INT64 <= cell < _INT64)):  # type: ignore[operator]
                    yield _problem(number, name, self._mismatch(name, cell))

    def _misnamed(self, number: int, row: Mapping[str, Cell]) -> Iterator[Problem]:
        missing = [name for name in self._types if name in self._required and name not in row]
        for name in row:
            if name not in self._known:
                match = close_match(name[:80], missing or self._known)
                offer = f"did you mean {match!r}?" if match else f"the columns are {bounded(self._types)}"
                yield _problem(number, name[:80], f"is not a column of this endpoint; {offer}")
        for name in missing:
            yield _problem(number, name, "is missing")

    def _mismatch(self, name: str, cell: Cell) -> str:
        if cell is None:
            return "is null, and no null was seen in training"
        if type(cell) is int:
            return "is an integer of more than 64 bits"
        return f"is {str(cell).lower()[:40]}; it takes {_WORDS[self._kinds[name]]}"


def _problem(row: int, column: str, problem: str) -> Problem:
    return {"row": row, "column": column, "problem": problem}


def row_error(problems: Sequence[Problem]) -> RowError:
    """Return the error that tells of these problems, the first of them in words."""
    first = problems[0]
    more = f" ({len(problems) - 1} more in the details)" if len(problems) > 1 else ""
    return RowError(
        f"rows[{first['row']}]: column {first['column']!r} {first['problem']}{more}.",
        "The endpoint's `schema` names its columns and their kinds.",
        {"rows": list(problems)},
    )
