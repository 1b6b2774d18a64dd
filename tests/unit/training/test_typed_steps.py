"""Annotations of steps are held against each other and against what steps return."""

from __future__ import annotations

import collections.abc
from typing import Annotated, Any, Literal, Optional, Protocol, TypedDict, Union

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pytest

from kaizenml.errors import ProjectError, StepFailedError
from kaizenml.training.graph import Node, called, graph
from kaizenml.training.typed import fits, may_be


class Sized(Protocol):
    def size(self) -> int: ...


class Row(TypedDict):
    name: str


FITS = {
    "frame": (pl.DataFrame(), pl.DataFrame), "any": ({}, Any), "object": (1, object), "none": (None, None),
    "whole number for a float": (1, float), "numpy float": (np.float32(1), float), "numpy int": (np.int64(1), int),
    "numpy truth": (np.bool_(True), bool), "list of something": ([1], list[str]), "array": (np.zeros(2), np.ndarray),
    "typed array": (np.zeros(2), npt.NDArray[np.int64]), "optional": (None, Optional[int]),  # noqa: UP045
    "union": ("a", int | str), "old union": ("a", Union[int, str]), "annotated": (1, Annotated[int, "days"]),  # noqa: UP007
    "literal": ("a", Literal["a", "b"]), "protocol": (1, Sized), "typed dict": ({"name": "a"}, Row),
    "mapping": ({}, collections.abc.Mapping[str, int]),
}  # fmt: skip
DOES_NOT = {
    "other frame": (pd.DataFrame(), pl.DataFrame), "dict": ({}, pl.DataFrame), "text": ("1", int),
    "nothing": (None, pl.DataFrame), "something for nothing": (1, None), "list": ([1.0], npt.NDArray[np.float64]),
    "tuple": ((1,), list[int]), "union": (1.5, int | str), "series": (pl.Series([1]), pl.DataFrame | np.ndarray),
}  # fmt: skip


@pytest.mark.parametrize("name", FITS)
def test_what_may_be_what_it_says_passes(name):
    assert fits(*FITS[name])


@pytest.mark.parametrize("name", DOES_NOT)
def test_what_cannot_be_what_it_says_is_found(name):
    assert not fits(*DOES_NOT[name])


def test_a_step_that_returns_something_else_fails_with_both_named():
    def table() -> pl.DataFrame:
        return {"a": [1]}

    with pytest.raises(StepFailedError, match=r"`table` returned a dict, and its annotation says DataFrame"):
        called(Node("table", table, ()), {})


def test_steps_that_cannot_understand_each_other_are_refused_before_anything_runs():
    def table() -> pl.DataFrame: ...

    def total(table: dict[str, int]) -> int: ...

    with pytest.raises(ProjectError, match=r"`total` takes `table` as dict\[str, int\], and `table` gives DataFrame"):
        graph({"table": table, "total": total}, ())


def test_names_that_only_type_checkers_import_say_nothing():
    def table() -> NotThere:  # noqa: F821
        return 1

    assert called(Node("table", table, ()), {}) == 1


@pytest.mark.parametrize(
    ("given", "taken", "may"),
    [(int, float, True), (float, int, True), (bool, int, True), (pl.DataFrame, pd.DataFrame, False), (Any, int, True),
     (int | None, int, True), (str, int | None, False), (list[int], collections.abc.Sequence, True)],
)  # fmt: skip
def test_two_annotations_agree_when_some_value_is_both(given, taken, may):
    assert may_be(given, taken) is may
