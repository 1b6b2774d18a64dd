"""Suspected label errors: by hand, against `cleanlab`'s answers, and how many of the flips a real model finds."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from record_cleanlab import ANSWERS, simulated
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from kaizenml.data.label_errors import confident_joint, suspected_errors

RECORDED = json.loads(ANSWERS.read_text("utf-8"))


@pytest.mark.parametrize("answer", RECORDED["answers"], ids=lambda answer: "-".join(map(str, answer["case"])))
def test_joint_and_suspects_are_those_of_cleanlab(answer):
    p, given, _ = simulated(*answer["case"])
    classes = [str(at) for at in range(p.shape[1])]

    found = suspected_errors([str(at) for at in range(len(p))], [str(one) for one in given], p, classes)

    apart = np.abs(confident_joint(p, given) - answer["joint"])  # equal remainders may be rounded either way
    assert apart.max() <= 1
    assert (confident_joint(p, given).sum(axis=1) == np.bincount(given, minlength=p.shape[1])).all()
    assert len({int(one.task) for one in found} ^ set(answer["issues"])) <= apart.sum()  # a cell is a row


def flipped(rows, classes, seed):
    """Return out-of-fold probabilities, labels of which 5 % are flipped, and which."""
    rng = np.random.default_rng(seed)
    x, truth = make_classification(
        rows, 8, n_informative=6, n_redundant=0, n_classes=classes, n_clusters_per_class=1, class_sep=2, flip_y=0,
        random_state=seed,
    )  # fmt: skip
    wrong = rng.choice(rows, rows // 20, replace=False)
    given = truth.copy()
    given[wrong] = (given[wrong] + rng.integers(1, classes, len(wrong))) % classes
    p = cross_val_predict(LogisticRegression(max_iter=1000), x, given, cv=5, method="predict_proba")
    return p, given, set(wrong.tolist())


@pytest.mark.parametrize(("classes", "recall", "precision"), [(2, 0.8, 0.8), (3, 0.75, 0.75), (4, 0.75, 0.7)])
def test_of_five_percent_flips_most_are_suspected_and_most_suspects_are_flips(classes, recall, precision):
    hits = suspects = flips = 0
    for seed in range(3):
        p, given, wrong = flipped(1000, classes, seed)
        names = [str(at) for at in range(classes)]
        found = suspected_errors([str(at) for at in range(1000)], [str(one) for one in given], p, names)
        hits += len({int(one.task) for one in found} & wrong)
        suspects, flips = suspects + len(found), flips + len(wrong)

    assert hits / flips >= recall, hits / flips
    assert hits / suspects >= precision, hits / suspects


def test_five_flips_of_a_hundred_are_all_found():
    p, given, wrong = flipped(100, 2, 1)

    found = suspected_errors([str(at) for at in range(100)], [str(one) for one in given], p, ["0", "1"])

    assert wrong <= {int(one.task) for one in found}


def test_by_hand():
    # Thresholds: of x the mean of .9, .8, .2 = .633; of y the mean of .7 = .7. Row 3 says x and reaches y's alone:
    # counts [[2, 1], [0, 1]], whose rows sum to the labels already. One row of x is pruned, the one of largest margin.
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.3, 0.7]])

    found = suspected_errors(["1", "2", "3", "4"], ["x", "x", "x", "y"], p, ["x", "y"])

    assert confident_joint(p, np.array([0, 0, 0, 1])).tolist() == [[2, 1], [0, 1]]
    assert [(one.task, one.given, one.likely, one.confidence) for one in found] == [("3", "x", "y", 0.2)]
    assert math.isclose(found[0].confidence, 0.2)


def test_labels_that_are_no_class_and_no_labels_at_all_are_left_out():
    assert suspected_errors(["1"], ["unknown"], np.array([[0.5, 0.5]]), ["x", "y"]) == []
    assert suspected_errors([], [], np.zeros((0, 2)), ["x", "y"]) == []


def test_a_class_that_nobody_gave_is_never_likely():
    p = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])

    assert suspected_errors(["1", "2", "3"], ["x", "x", "x"], p, ["x", "y"]) == []
