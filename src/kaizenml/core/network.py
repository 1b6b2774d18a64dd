"""What a neural network is kept as: the name of the code that builds it, and the numbers that it has learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from kaizenml.errors import ProjectError, WrongEnvironmentError


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

    def called(self, *values: Any, **settings: Any) -> Any:
        """Call it.

        Raises
        ------
        WrongEnvironmentError
            When the project's code has not been loaded.
        """
        if self.function is None:
            raise WrongEnvironmentError(
                f"The code of {self.name} is not loaded.", "Load the release; its model alone holds weights only."
            )
        return self.function(*values, **self.settings, **settings)


class Weights:
    """Named arrays (NumPy), in order: what a network has learned."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.arrays = dict(arrays)

    def __repr__(self) -> str:
        return f"{len(self.arrays)} arrays"


def own(function: Callable[..., Any], settings: Mapping[str, Any]) -> Own:
    """Return the name of a function or class that can be found again by it.

    Raises
    ------
    ProjectError
        For a lambda, and for what is defined within a function.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not callable(function) or module is None or name is None or "<" in name:
        raise ProjectError(
            f"{name or function!r} cannot be found again by its name.",
            "Define it with `def` or `class` at the top of a module of the project.",
        )
    return Own(f"{module}:{name}", settings, function)


def found_in(wanted: Own, modules: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the function or class of this name among the project's modules.

    Raises
    ------
    WrongEnvironmentError
        When the code has no such name.
    """
    module, _, name = wanted.name.partition(":")
    try:
        found = reduce(getattr, name.split("."), modules[module])
    except (KeyError, AttributeError):
        found = None
    if not callable(found):
        raise WrongEnvironmentError(
            f"The model is built by {wanted.name}, which the code beside it does not have.",
            "It is damaged, or the module is imported in a way that nobody can follow: import it in project.py.",
        )
    return found  # type: ignore[no-any-return]
