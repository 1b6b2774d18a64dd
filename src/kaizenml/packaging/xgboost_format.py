"""XGBoost's boosters in XGBoost's own JSON, whose trees are looked at before machine code follows them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kaizenml.errors import UnsafeArtefactError
from kaizenml.packaging.archive import check_depth

_HINT = "It is damaged or forged; do not use it."
_DEPTH = 32
_NO_PARENT = 2**31 - 1


def save(booster: Any) -> bytes:
    """Return a booster as JSON."""
    return bytes(booster.save_raw("json"))


def load(content: bytes) -> object:
    """Return the booster in the JSON.

    Raises
    ------
    UnsafeArtefactError
        When a tree points outside itself or its features, and when XGBoost cannot read it.
    """
    check_depth(content, _DEPTH, "the XGBoost model")
    try:
        learner = json.loads(content)["learner"]
        features = int(learner["learner_model_param"]["num_feature"])
        is_inside = all(_is_tree_inside(tree, features) for tree in _trees(learner["gradient_booster"]))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        is_inside = False
    if not is_inside:
        raise UnsafeArtefactError("A tree of the XGBoost model points outside itself.", _HINT)
    import xgboost

    try:
        return xgboost.Booster(model_file=bytearray(content))
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        raise UnsafeArtefactError(f"XGBoost cannot read its model: {str(error)[:200]}.", _HINT) from error


def check_estimator(estimator: Any) -> None:
    """Look for nothing more: XGBoost itself refuses rows of another width."""


def _trees(booster: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the trees of gbtree and of dart; gblinear has none."""
    inner = booster.get("gbtree", booster)
    yield from inner["model"].get("trees", ())


def _is_tree_inside(tree: Mapping[str, Any], features: int) -> bool:
    left, right, splits = tree["left_children"], tree["right_children"], tree["split_indices"]
    count = int(tree["tree_param"]["num_nodes"])
    sized = (left, right, splits, tree["split_conditions"], tree["default_left"], tree["parents"])
    if count < 1 or any(len(each) != count for each in sized):
        return False
    if any(not 0 <= parent < count and parent != _NO_PARENT for parent in tree["parents"]):
        return False
    if not _are_sets_inside(tree, count):
        return False
    return all(
        (a == -1 and b == -1) or (node < a < count and node < b < count and 0 <= split < features)
        for node, (a, b, split) in enumerate(zip(left, right, splits, strict=True))
    )


def _are_sets_inside(tree: Mapping[str, Any], count: int) -> bool:
    starts, sizes = tree["categories_segments"], tree["categories_sizes"]
    total = len(tree["categories"])
    return (
        len(starts) == len(sizes) == len(tree["categories_nodes"])
        and all(0 <= node < count for node in tree["categories_nodes"])
        and all(start >= 0 and size >= 0 and start + size <= total for start, size in zip(starts, sizes, strict=True))
        and all(category >= 0 for category in tree["categories"])
    )
