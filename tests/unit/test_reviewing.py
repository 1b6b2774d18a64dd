"""Who decides on releases, as projects say it."""

from __future__ import annotations

import pytest

import kaizenml as kz
from kaizenml.core.approval import Review
from kaizenml.errors import NotFoundError, ProjectError


def review(**said) -> Review:
    project = kz.Project("shop", source=kz.files("data/*.csv"), target="churned")
    project.serve(**said)
    return project.delivery.review


def test_a_person_decides_unless_told_otherwise():
    assert review() == review(approval="person") == review(approval=kz.people()) == Review(1, (), 30.0, None)


def test_a_policy_without_evidence_approves_what_the_gate_lets_through():
    assert review(approval="policy") == review(approval=kz.policy()) == Review(evidence=())


def test_people_and_evidence_are_kept_as_they_were_said():
    people = kz.people(2, among=["ada", "bob"], within="14d")

    assert review(approval=people) == Review(2, ("ada", "bob"), 14.0)
    assert review(approval=kz.policy("slices(region)", "size", otherwise=people)) == Review(
        2, ("ada", "bob"), 14.0, ("slices(region)", "size")
    )


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (lambda: kz.people(0), ProjectError, "asks nobody"),
        (lambda: kz.people(2, among=["ada", "ada"]), ProjectError, "2 of 1 people"),
        (lambda: kz.people(within="soon"), ProjectError, "'soon' is not a span"),
        (lambda: kz.policy("beat_champion"), NotFoundError, "beats_champion"),
        (lambda: review(approval="polizy"), ProjectError, "Nobody is called 'polizy'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(said, error, words):
    with pytest.raises(error) as refused:
        said()

    assert words in f"{refused.value} {refused.value.hint}"
