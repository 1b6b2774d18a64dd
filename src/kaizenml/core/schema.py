"""What columns a table has, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kaizenml.errors import NotFoundError


class ColumnKind(StrEnum):
    """What the values of a prepared column are, and so which Polars type holds them."""

    NUMBER = "number"  # Float64
    INTEGER = "integer"  # Int64
    BOOLEAN = "boolean"  # Boolean
    CATEGORY = "category"  # String, few distinct values
    TEXT = "text"  # String, many distinct values
    TIME = "time"  # Datetime("us", "UTC")


class Role(StrEnum):
    """What a column is for."""

    FEATURE = "feature"
    TARGET = "target"
    ID = "id"
    TIME = "time"
    GROUP = "group"  # says which rows belong together; no feature
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, what its values are, what it is for."""

    name: str
    kind: ColumnKind
    role: Role = Role.FEATURE
    is_nullable: bool = True
    example: str | float | int | bool | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table, in order."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise NotFoundError("column", name, self.names)

    def with_role(self, *roles: Role) -> tuple[Column, ...]:
        """Return the columns that have one of these roles."""
        return tuple(column for column in self.columns if column.role in roles)
