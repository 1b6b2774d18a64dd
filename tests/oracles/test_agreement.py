"""Agreement and consensus, against a second library, a published table and simulations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from kaizenml.data.agreement import agreement, cohen_kappa, fleiss_kappa
from kaizenml.data.consensus import dawid_skene

#: 10 subjects, 14 raters, 5 categories; published with kappa = .210.
FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=40))
def test_cohens_kappa_is_that_of_scikit_learn(pairs):
    one, other = (list(side) for side in zip(*pairs, strict=True))

    found = cohen_kappa(one, other)

    if found is None:
        assert len({*one, *other}) == 1
    else:
        assert found == pytest.approx(cohen_kappa_score(one, other), abs=1e-12)


def test_fleiss_kappa_is_the_published_one():
    assert fleiss_kappa(FLEISS) == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_is_one_when_all_agree_and_none_when_there_is_nothing_to_agree_about():
    assert fleiss_kappa([[3, 0], [0, 3]]) == 1
    assert fleiss_kappa([[3, 0], [3, 0]]) is None
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa([[3, 0], [2, 0]])


def test_the_table_as_single_labels_gives_the_same():
    said = [
        (str(subject), f"{rater:02}", str(category))
        for subject, row in enumerate(FLEISS)
        for rater, category in enumerate([at for at, count in enumerate(row) for _ in range(count)])
    ]

    found = agreement(said)

    assert (found.tasks, found.raters, len(found.pairs), len(found.disputed)) == (10, 14, 91, 9)
    assert found.fleiss == pytest.approx(0.210, abs=5e-4)


def simulated(shares, *, tasks=600, labels="abc", seed=1):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(labels), tasks)
    said = []
    for who, right in enumerate(shares):
        wrong = (truth + rng.integers(1, len(labels), tasks)) % len(labels)
        values = np.where(rng.random(tasks) < right, truth, wrong)
        said += [(f"{at:04}", f"p{who}", labels[value]) for at, value in enumerate(values)]
    return [labels[value] for value in truth], said


def test_the_consensus_recovers_simulated_annotators_and_beats_the_majority():
    truth, said = simulated([0.95, 0.9, 0.45, 0.4, 0.42])

    found = dawid_skene(said)

    for who, right in enumerate([0.95, 0.9, 0.45, 0.4, 0.42]):
        assert found.quality[f"p{who}"] == pytest.approx(right, abs=0.05)
    votes = {}
    for task, _, label in said:
        votes.setdefault(task, []).append(label)
    majority = [max("abc", key=votes[task].count) for task in found.tasks]
    by_majority = np.mean([a == b for a, b in zip(majority, truth, strict=True)])
    by_consensus = np.mean([found.winners[task][0] == label for task, label in zip(found.tasks, truth, strict=True)])
    assert by_consensus > 0.93 > by_majority + 0.05


def test_annotators_who_are_all_as_good_are_outvoted_by_the_majority():
    """Every pattern of votes occurs as often as its mirror images, so that nobody is better than anybody."""
    patterns = {"aaa": 8, "baa": 2, "aba": 2, "aab": 2, "bba": 1, "bab": 1, "abb": 1}
    mirrored = {word.translate(str.maketrans("ab", "ba")): count for word, count in patterns.items()}
    words = [word for side in (patterns, mirrored) for word, count in side.items() for _ in range(count)]
    said = [(f"{at:03}", f"p{who}", label) for at, word in enumerate(words) for who, label in enumerate(word)]

    found = dawid_skene(said)

    assert [found.winners[f"{at:03}"][0] for at in range(len(words))] == [max("ab", key=word.count) for word in words]
    assert len({round(quality, 9) for quality in found.quality.values()}) == 1


def test_two_who_contradict_each_other_once_settle_nothing():
    found = dawid_skene([("1", "ada", "a"), ("1", "bob", "b")])

    assert found.winners["1"] == ("a", pytest.approx(0.5))


def test_nothing_said_is_an_empty_consensus_and_one_label_alone_is_certain():
    assert dawid_skene([]).winners == {}
    assert dawid_skene([("1", "ada", "a")]).winners == {"1": ("a", 1.0)}
