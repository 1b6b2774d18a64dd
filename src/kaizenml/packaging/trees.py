"""Trees that stay inside themselves.

scikit-learn follows the child and feature numbers of a fitted tree without looking (its pull request 34558), so that a
forged file can read foreign memory or crash the process. Here they are looked at, once, after loading. Children
come after their parents in every tree that scikit-learn grows; demanding it also excludes circles.
"""

from __future__ import annotations

from typing import Any

from kaizenml.errors import UnsafeArtefactError

_HINT = "It is damaged or forged; do not use it."


def check_trees(found: Any) -> None:
    """Refuse an estimator whose trees point outside their nodes, their features or their estimator's columns.

    Raises
    ------
    UnsafeArtefactError
        Naming the kind of estimator.
    """
    kind = type(found).__name__
    try:
        is_inside = _is_inside(found, kind)
    except (AttributeError, IndexError, TypeError, ValueError, KeyError):
        is_inside = False
    if not is_inside:
        raise UnsafeArtefactError(f"A tree of the {kind} points outside itself.", _HINT)


def _is_inside(found: Any, kind: str) -> bool:
    attributes = vars(found)
    if type(attributes.get("tree_")).__name__ == "Tree":
        return _is_tree_inside(found.tree_) and found.tree_.n_features == found.n_features_in_
    if kind == "TreePredictor":
        return _is_predictor_inside(found)
    if "_predictors" in attributes and "_bin_mapper" in attributes:
        return _is_boosting_inside(found)
    if "estimators_" in attributes and type(found).__module__.startswith("sklearn.ensemble."):
        return _is_ensemble_inside(found)
    return True


def _is_tree_inside(tree: Any) -> bool:
    nodes = tree.__getstate__()["nodes"]
    return _are_nodes_inside(nodes["left_child"], nodes["right_child"], nodes["feature"], tree.n_features, None)


def _are_nodes_inside(left: Any, right: Any, feature: Any, features: int, is_leaf: Any) -> bool:
    import numpy as np

    own = np.arange(len(left))
    leaf = (left == -1) & (right == -1) if is_leaf is None else is_leaf.astype(bool)
    children = (left > own) & (right > own) & (left < len(left)) & (right < len(left))
    return len(left) > 0 and bool(np.all(leaf | (children & (feature >= 0) & (feature < features))))


def _is_predictor_inside(predictor: Any) -> bool:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    nodes, raw, binned = predictor.nodes, predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets
    if nodes.dtype != PREDICTOR_RECORD_DTYPE or raw.shape[1:] != (8,) or binned.shape[1:] != (8,):
        return False
    splits = nodes[nodes["is_leaf"] == 0]
    categorical = splits[splits["is_categorical"] != 0]["bitset_idx"]
    return not len(categorical) or int(categorical.max()) < min(len(raw), len(binned))


def _is_boosting_inside(model: Any) -> bool:
    """Look at a histogram gradient boosting's trees: they need its columns and which of them are categories."""
    import numpy as np

    own = vars(model)
    features, categorical = int(model.n_features_in_), np.asarray(own["_bin_mapper"].is_categorical_, dtype=bool)
    if categorical.shape != (features,):
        return False
    for nodes in (predictor.nodes for stage in own["_predictors"] for predictor in stage):
        left, right, feature = (nodes[name].astype(np.int64) for name in ("left", "right", "feature_idx"))
        if not _are_nodes_inside(left, right, feature, features, nodes["is_leaf"]):
            return False
        if not categorical[feature[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] != 0)]].all():
            return False
    return True


def _is_ensemble_inside(model: Any) -> bool:
    """Forests hand their columns to trees unchecked, bagging a choice of them; both must be what the trees expect."""
    import numpy as np

    members = [member for member in np.asarray(model.estimators_, dtype=object).ravel() if hasattr(member, "tree_")]
    chosen = vars(model).get("estimators_features_")
    if chosen is not None:
        return all(len(columns) == member.n_features_in_ for columns, member in zip(chosen, members, strict=False))
    return all(member.n_features_in_ == model.n_features_in_ for member in members)
