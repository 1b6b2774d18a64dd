"""Which types a model file may name. The list is ours; what a file says of itself is never believed.

A skops file is a tree of nodes; each node names a loader and a type (or function). Every node is audited here, before
skops sees the file, against the names that its loader may build. Loaders that call methods by name (``MethodNode``,
``OperatorFuncNode``) have no names, so they are refused.

Public estimators and metrics of the installed scikit-learn are trusted, and numpy's and scipy's ufuncs; everything
else is listed in `kaizenml.packaging.trusted_names`.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache

from kaizenml.errors import UnsafeArtefactError, WrongEnvironmentError, bounded
from kaizenml.packaging.archive import shown
from kaizenml.packaging.trusted_names import BY_LOADER, OPEN

Node = Mapping[str, object]


@cache
def public_estimators() -> frozenset[str]:
    """Return the full names of the public estimators of the installed scikit-learn."""
    from sklearn.utils import all_estimators

    return frozenset(f"{kind.__module__}.{kind.__name__}" for _, kind in all_estimators())


def audited(schema: object, extra: Collection[str] = ()) -> frozenset[str]:
    """Return the names that a skops schema uses, when all of them may be used.

    Parameters
    ----------
    schema
        The parsed ``schema.json``.
    extra
        Full names of types and functions that the caller trusts besides: the user's own, from ``project.py``.

    Raises
    ------
    UnsafeArtefactError
        Names the types that are not trusted, or the loader.
    WrongEnvironmentError
        When it was saved with another scikit-learn.
    """
    used: set[str] = set()
    refused: set[str] = set()
    for node in nodes(schema):
        loader, name = _loader_and_name(node)
        (used if is_trusted(loader, name, extra) else refused).add(name)
    if refused:
        raise UnsafeArtefactError(
            f"The model holds what is not trusted: {bounded(shown(name) for name in sorted(refused))}.",
            "When it is yours, trust it in project.py; a lambda must become a function of a module.",
            {"types": sorted(refused)[:100]},
        )
    return frozenset(used)


def is_trusted(loader: str, name: str, extra: Collection[str] = ()) -> bool:
    """Say whether this loader may build the thing of this full name."""
    if loader not in BY_LOADER:
        return False
    if name in BY_LOADER[loader] or (loader in OPEN and name in extra):
        return True
    if loader in ("ObjectNode", "TypeNode"):
        return name in public_estimators()
    return loader == "FunctionNode" and (_is_ufunc(name) or _is_metric(name))


def nodes(schema: object) -> Iterator[Node]:
    """Yield every node of a schema: every object in it that names a loader, wherever it hides."""
    waiting = [schema]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if "__loader__" in found:
                yield found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def check_library(schema: object) -> None:
    """Refuse a model of another scikit-learn than this one, before anything of it is built.

    Raises
    ------
    WrongEnvironmentError
        With both versions and the command that mends it.
    """
    import sklearn

    for made_with in sorted(set(_library_versions(schema))):
        if made_with.split(".")[:2] != sklearn.__version__.split(".")[:2]:
            raise WrongEnvironmentError(
                f"The model was made with scikit-learn {shown(made_with)}, and this is {sklearn.__version__}.",
                f"Run it where scikit-learn is {shown(made_with)}, or train it again here.",
                {"package": "scikit-learn", "wanted": made_with[:40], "found": sklearn.__version__},
            )


def _library_versions(schema: object) -> Iterator[str]:
    for node in nodes(schema):
        content = node.get("content")
        if node["__loader__"] == "DictNode" and isinstance(content, dict) and "_sklearn_version" in content:
            version = content["_sklearn_version"]
            yield str(version.get("content") if isinstance(version, dict) else version).strip('"')


def _loader_and_name(node: Node) -> tuple[str, str]:
    loader, module, kind = (node.get(key) for key in ("__loader__", "__module__", "__class__"))
    if not (isinstance(loader, str) and isinstance(module, str) and isinstance(kind, str)):
        raise UnsafeArtefactError(
            "The model holds a node without a loader, module and type.", "It is damaged or forged."
        )
    if loader not in BY_LOADER:
        raise UnsafeArtefactError(
            f"The model asks for the loader {shown(loader)} to make {shown(f'{module}.{kind}')}.",
            "Models are saved without bound methods and operator objects; use a function of a module instead.",
        )
    return loader, f"{module}.{kind}"


def _is_ufunc(name: str) -> bool:
    """Say whether numpy or scipy has a ufunc of this name, without importing anything for a file's sake."""
    import numpy as np
    import scipy.special  # noqa: F401 (its ufuncs are looked up among the loaded modules)

    module, _, attribute = name.rpartition(".")
    if module.partition(".")[0] not in ("numpy", "scipy"):
        return False
    return isinstance(getattr(sys.modules.get(module), attribute, None), np.ufunc)


def _is_metric(name: str) -> bool:
    import sklearn.metrics

    module, _, attribute = name.rpartition(".")
    found = getattr(sklearn.metrics, attribute, None) if attribute in sklearn.metrics.__all__ else None
    return getattr(found, "__module__", None) == module and module.startswith("sklearn.metrics.")
