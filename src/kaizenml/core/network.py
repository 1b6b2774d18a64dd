"""What a neural network is kept as: the name of the code that builds it, and the numbers that it has learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Own:
    """A function or class of the user's own project, by its name: it travels as code, never inside a model.

    Parameters
    ----------
    name
        Module and name, such as ``"project:SmallNetwork"``.
    settings
        What it is called with besides: numbers, texts, booleans.
    function
        The thing itself. A loaded model has none until the project's code is loaded beside it.
    """

    def __init__(self, name: str, settings: Mapping[str, Any], function: Callable[..., Any] | None = None) -> None:
        self.name = name
        self.settings = dict(settings)
        self.function = function

    def __repr__(self) -> str:
        said = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        return f"{self.name}({said})"


class Weights:
    """Named arrays (NumPy), in order: what a network has learned."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.arrays = dict(arrays)

    def __repr__(self) -> str:
        return f"{len(self.arrays)} arrays"
