"""By which names people are known, and what evidence a policy holds."""

from __future__ import annotations

import pytest

from kaizenml.core.approval import Hand, hand_of, missing_evidence, names_of


@pytest.mark.parametrize(
    ("who", "names"),
    [
        ("person:ada", {"ada"}),
        ("person:ada@example.org", {"ada", "ada@example.org"}),
        ("Ada Lovelace <ADA@Example.org>", {"ada lovelace", "ada@example.org", "ada"}),
        ("<ada@example.org>", {"ada@example.org", "ada"}),
        ("", set()),
    ],
)
def test_people_are_known_by_name_address_and_what_stands_before_its_at(who, names):
    assert names_of(who) == names


def test_who_is_not_named_had_no_hand_in_it():
    hands = (Hand("Ada <ada@example.org>", "wrote its last commit"), Hand("person:kim", "brought data"))

    assert hand_of(hands, "person:kim") == hands[1]
    assert hand_of(hands, "person:bob", ["ada@example.org"]) == hands[0]
    assert hand_of(hands, "person:bob", ["bob@example.org"]) is None


def test_a_policy_holds_evidence_by_requirement_or_by_the_whole_check():
    passed = ["beats_champion(roc_auc)", "slices(region)", "size"]

    assert missing_evidence(["beats_champion", "slices(region)", "size"], passed) == ()
    assert missing_evidence(["slices(city)", "calibrated"], passed) == ("slices(city)", "calibrated")
    assert missing_evidence([], passed) == ()
