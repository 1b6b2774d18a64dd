"""What a sound registry is, and what is said of one that is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_samples import NOW, endpoint, release

from kaizenml.core.registered import RegisteredModel, RegisteredVersion
from kaizenml.core.registry_soundness import Listed, registry_faults

MODEL = RegisteredModel("flights", "flights", "person:ada", NOW, NOW, aliases={"champion": 1}, last_number=2)
FIRST = RegisteredVersion("flights", 1, "flights", "person:ada", NOW, NOW, location="runs:/run-1/m")
VERSIONS = {"flights:1": FIRST, "flights:2": replace(FIRST, number=2)}
SOUND = Listed(
    {"flights": MODEL}, VERSIONS, ["flights:1"], ["run-1"], {"flights": endpoint()}, {"flights/1": release(1)}
)


def found(of: Listed) -> list[tuple[str, str, bool]]:
    return [(each.subject, each.said, each.is_grave) for each in registry_faults(of)]


def test_a_sound_registry_has_no_faults() -> None:
    assert found(SOUND) == []
    assert found(replace(SOUND, endpoints={})) == []


PLANTED = {
    "no model": (replace(SOUND, models={}), ["model:flights:1", "model:flights:2"], "which the registry does not list"),
    "no version": (replace(SOUND, versions={}, models={}), ["model:flights:1"], "the registry does not list it"),
    "a small number": (
        replace(SOUND, models={"flights": replace(MODEL, last_number=1)}), ["model:flights:2"], "given again"),
    "a dangling alias": (
        replace(SOUND, models={"flights": replace(MODEL, aliases={"champion": 1, "best": 7})}), ["model:flights"],
        "Its alias best names version 7"),
    "another champion": (
        replace(SOUND, models={"flights": replace(MODEL, aliases={"champion": 2})}), ["model:flights"],
        "does not name flights:1, which endpoint flights serves"),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_named(planted: str) -> None:
    of, subjects, said = PLANTED[planted]

    faults = found(of)

    assert [subject for subject, _, _ in faults] == subjects
    assert all(said in each and is_grave for _, each, is_grave in faults)


def test_a_run_that_was_never_imported_is_no_grave_fault() -> None:
    faults = found(replace(SOUND, runs=[]))

    assert [(subject, is_grave) for subject, _, is_grave in faults] == [
        ("model:flights:1", False), ("model:flights:2", False)
    ]  # fmt: skip
    assert "run-1" in faults[0][1]
