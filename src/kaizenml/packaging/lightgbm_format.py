"""LightGBM's boosters in LightGBM's own text, whose trees are looked at before machine code follows them.

The list of tree sizes is left out and refused: LightGBM believes it while it reads. Without it, it reads tree by tree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from kaizenml.errors import UnsafeArtefactError

_HINT = "It is damaged or forged; do not use it."
_SIZES = re.compile(r"^tree_sizes=.*\n", re.MULTILINE)
_IS_CATEGORICAL = 1


def save(booster: Any) -> bytes:
    """Return a booster's best iterations as text."""
    return _SIZES.sub("", booster.model_to_string(), count=1).encode()


def load(content: bytes) -> object:
    """Return the booster in the text.

    Raises
    ------
    UnsafeArtefactError
        When a tree points outside itself or its features, and when LightGBM cannot read it.
    """
    try:
        text = content.decode()
        is_inside = _is_inside(text)
    except (ValueError, KeyError, IndexError):
        is_inside = False
    if not is_inside:
        raise UnsafeArtefactError("A tree of the LightGBM model points outside itself.", _HINT)
    import lightgbm

    try:
        return lightgbm.Booster(model_str=text)
    except (lightgbm.basic.LightGBMError, ValueError, KeyError) as error:
        raise UnsafeArtefactError(f"LightGBM cannot read its model: {str(error)[:200]}.", _HINT) from error


def check_estimator(estimator: Any) -> None:
    """Refuse an estimator that would hand its booster rows of another width, or has that check switched off.

    Raises
    ------
    UnsafeArtefactError
        Naming what is wrong.
    """
    own = vars(estimator)
    booster = own.get("_Booster")
    if booster is not None and own.get("_n_features") != booster.num_feature():
        raise UnsafeArtefactError("A LightGBM model takes another number of columns than its trees.", _HINT)
    switches = {**own, **own.get("_other_params", {})}
    if "predict_disable_shape_check" in switches:
        raise UnsafeArtefactError(
            "A LightGBM model switches off the check of its columns.", "Leave out predict_disable_shape_check."
        )


def _is_inside(text: str) -> bool:
    if "\ntree_sizes=" in text or not text.startswith("tree\n"):
        return False
    header, *blocks = re.split(r"^Tree=", text.partition("\nend of trees")[0], flags=re.MULTILINE)
    facts = _facts(header)
    features, classes = int(facts["max_feature_idx"]) + 1, int(facts["num_tree_per_iteration"])
    counts = 0 < classes <= 10_000 and int(facts["num_class"]) >= 1 and len(blocks) % classes == 0
    return counts and features > 0 and all(_is_tree_inside(_facts(block), features) for block in blocks)


def _facts(block: str) -> dict[str, str]:
    return {key: value for key, _, value in (line.partition("=") for line in block.splitlines())}


def _is_tree_inside(tree: Mapping[str, str], features: int) -> bool:
    """Look at one tree: internal nodes count from 0, leaves from -1 downwards; children come after their parents."""
    leaves, cats = int(tree["num_leaves"]), int(tree.get("num_cat", "0"))
    if leaves < 1 or len(tree["leaf_value"].split()) != leaves:
        return False
    if not all(0 <= feature < features for feature in _integers(tree, "leaf_features")):
        return False
    if leaves == 1:
        return True
    lists: list[list[int]] = [
        _integers(tree, name) for name in ("left_child", "right_child", "split_feature", "decision_type")
    ]
    thresholds = tree["threshold"].split()
    if len(thresholds) != leaves - 1 or any(len(each) != leaves - 1 for each in lists):
        return False
    nodes = enumerate(zip(*lists, thresholds, strict=True))
    return _are_sets_inside(tree, cats) and all(
        all(node < child < leaves - 1 if child >= 0 else ~child < leaves for child in (left, right))
        and 0 <= feature < features
        and (not kind & _IS_CATEGORICAL or 0 <= int(float(threshold)) < cats)
        for node, (left, right, feature, kind, threshold) in nodes
    )


def _are_sets_inside(tree: Mapping[str, str], cats: int) -> bool:
    if not cats:
        return True
    bounds, words = _integers(tree, "cat_boundaries"), _integers(tree, "cat_threshold")
    return (
        len(bounds) == cats + 1
        and bounds[0] == 0
        and bounds[-1] == len(words)
        and all(low <= high for low, high in pairwise(bounds))
    )


def _integers(tree: Mapping[str, str], name: str) -> list[int]:
    return [int(word) for word in tree.get(name, "").split()]
