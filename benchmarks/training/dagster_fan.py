"""A fan-out as Dagster runs it: in a module of its own, because every process imports it anew."""

from collections.abc import Iterator
from importlib import import_module

from dagster import DynamicOut, DynamicOutput, job, op


@op(out=DynamicOut(int))
def items() -> Iterator[DynamicOutput[int]]:
    """Return every number."""
    for each in range(import_module("fan").ITEMS):
        yield DynamicOutput(each, str(each))


@op
def done(item: int) -> int:
    """Work on one."""
    return int(import_module("fan").worked(item))


@op
def total(each: list[int]) -> int:
    """Return the sum."""
    return sum(each)


@job
def fanned() -> None:
    """Fan out."""
    total(items().map(done).collect())
