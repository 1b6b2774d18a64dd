"""A release takes over because days of traffic show that it does no harm; a bad one is stopped; one word goes back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from loop_processes import Up, called, soon, up
from loop_shop import champion, days_after, live, write_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = write_shop(tmp_path_factory.mktemp("rollout") / "shop")
    assert called("run", "--project", folder)["status"] == "finished"
    called("ship", "shop/1", "--project", folder)
    with up(folder) as running:
        soon(lambda: running.is_serving("shop"))
        yield running


@pytest.fixture(scope="module")
def days():
    return days_after()


def until(shop: Up, days, is_over, most: int = 8) -> tuple[int, list[int]]:
    """Live day after day until it is over; return how many it took, and every status."""
    said: list[int] = []
    for count in range(1, most + 1):
        said += live(shop, next(days))
        if is_over():
            return count, said
    raise AssertionError(f"not over after {most} days: {shop.endpoint('shop')}")


def events(shop: Up, kind: str) -> list[dict]:
    return [each for each in shop.get("/api/v1/events")["events"] if each["kind"] == kind]


def test_a_release_that_does_no_harm_becomes_champion_step_by_step(shop: Up, days):
    called("run", "--project", shop.folder, "--set", "estimator.strength=0.5")
    called("ship", "shop/2", "--canary", "50,100", "--project", shop.folder)

    took, said = until(shop, days, lambda: shop.endpoint("shop")["champion"] == "shop/2")

    assert took >= 1
    assert set(said) == {200}
    assert soon(lambda: champion(shop) == ("shop/2", "shop/2"))
    rollout = shop.endpoint("shop")["rollouts"][0]
    assert (rollout["state"], rollout["steps"], rollout["max_share"]) == ("full", [50, 100], 1.0)
    states = {each["name"]: each["state"] for each in shop.get("/api/v1/releases")["releases"]}
    assert states == {"shop/1": "retired", "shop/2": "live"}
    started, finished = events(shop, "rollout.started")[-1], events(shop, "rollout.finished")[-1]
    assert started["id"] < finished["id"]
    assert "without harm" in events(shop, "rollout.step")[-1]["facts"]["evidence"]


def test_a_broken_release_is_held_by_its_gate_and_needs_another_person_with_a_reason(shop: Up):
    refused = called("run", "--project", shop.folder, "--set", "select.shuffled=true", code=1)

    assert (refused["status"], refused["gate"]["passed"], refused["release"]) == ("refused", False, "shop/3")
    called("ship", "shop/3", "--project", shop.folder, code=1)
    called("approve", "shop/3", "--as", "ada", "--project", shop.folder, code=1)
    called("approve", "shop/3", "--as", "ada", "--override", "--project", shop.folder, code=1)
    called("approve", "shop/3", "--override", "--because", "mine", "--project", shop.folder, code=1)
    approved = called(
        "approve", "shop/3", "--as", "ada", "--override", "--because", "a drill", "--project", shop.folder
    )
    assert (approved["state"], approved["approved_by"]) == ("packaged", "person:ada")
    overridden = events(shop, "gate.overridden")
    assert [(each["actor"], each["facts"]["because"]) for each in overridden] == [("person:ada", "a drill")]


def test_a_broken_release_is_aborted_and_no_request_fails(shop: Up, days):
    called("ship", "shop/3", "--canary", "5,50,100", "--project", shop.folder)
    soon(lambda: shop.get("/api/v1/loop")["routes"]["is_followed"])

    _, said = until(shop, days, lambda: not shop.endpoint("shop")["rollout"])

    assert set(said) == {200}
    rollout = shop.endpoint("shop")["rollouts"][0]
    assert (rollout["challenger"], rollout["state"], rollout["max_share"]) == ("shop/3", "aborted", 0.05)
    assert rollout["reason"].startswith("The challenger")
    assert soon(lambda: champion(shop) == ("shop/2", "shop/2"))
    aborted, back = events(shop, "rollout.aborted")[-1], soon(lambda: events(shop, "rollback.finished"))[-1]
    assert back["cause"] == aborted["id"]
    assert back["facts"]["seconds_to_restore"] < 5


def test_one_word_gives_the_endpoint_back_within_five_seconds(shop: Up):
    begun = time.monotonic()

    after = called("rollback", "shop", "--project", shop.folder)
    soon(lambda: champion(shop) == ("shop/1", "shop/1"), within=5)

    assert time.monotonic() - begun < 5
    assert after["champion"] == "shop/1"
    states = {each["name"]: each["state"] for each in shop.get("/api/v1/releases")["releases"]}
    assert states == {"shop/1": "live", "shop/2": "rolled back", "shop/3": "rolled back"}
    called("rollback", "shop", "--project", shop.folder, code=1)  # nothing is before it


def test_a_challenger_that_asks_for_more_than_callers_send_costs_nobody_an_answer(shop: Up, days):
    data = shop.folder / "data" / "parcels.csv"
    first, *lines = data.read_text().splitlines()
    data.write_text(
        "\n".join([f"{first},colour", *(f"{line},{'red' if n % 3 else 'blue'}" for n, line in enumerate(lines))])
    )
    called("run", "--project", shop.folder)
    called("ship", "shop/4", "--canary", "50,100", "--project", shop.folder)
    soon(lambda: shop.get("/api/v1/loop")["routes"]["is_followed"])

    _, said = until(shop, days, lambda: shop.endpoint("shop")["rollouts"][0]["state"] == "aborted", most=3)

    assert set(said) == {200}
    assert shop.endpoint("shop")["champion"] == "shop/1"
    assert "100.0% of requests fail" in events(shop, "rollout.aborted")[-1]["facts"]["because"]


def test_every_automatic_act_names_its_cause_and_the_log_is_whole(shop: Up):
    log = shop.get("/api/v1/events")["events"]

    known = {each["id"] for each in log}
    automatic = [each for each in log if each["actor"].startswith("system:") and each["kind"] != "window.watched"]
    assert [each for each in automatic if each["cause"] not in known] == []
    checked = called("verify", "--project", shop.folder)
    now = shop.get("/api/v1/events")["events"]  # the loop goes on while the log is checked
    assert checked["is_intact"]
    assert len(log) <= checked["events"] <= len(now)
