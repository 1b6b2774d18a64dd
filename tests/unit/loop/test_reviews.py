"""Releases of a project that says who decides: hands are found, approvals counted, policies held to their evidence."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest
from loop_projects import house, run_in, write

from kaizenml.core.event import Draft, Kind
from kaizenml.core.release import ReleaseState
from kaizenml.errors import ApprovalError, UsageError
from kaizenml.interfaces.cli.main import main
from kaizenml.loop import delivering, releasing
from kaizenml.loop.reporting import sentence


def committed(folder, name, address):
    git = ["git", "-C", str(folder), "-c", f"user.name={name}", "-c", f"user.email={address}"]
    subprocess.run(["git", "-C", str(folder), "init", "-q"], check=True)
    subprocess.run([*git, "add", "project.py"], check=True)
    subprocess.run([*git, "commit", "-qm", "A project"], check=True)


def stored(here, name="shop/1"):
    with here.records.reading() as books:
        return books.releases.get(name)


def test_the_last_committer_and_who_brought_data_are_barred_and_two_others_approve(tmp_path):
    folder = write(tmp_path / "shop", "\nproject.serve(approval=kz.people(2))\n")
    committed(folder, "Bob Roe", "bob@example.org")
    here = house(folder)
    with here.records.writing() as books:
        for who, kind in (
            ("person:kim", Kind.DATA_ARRIVED),
            ("person:lea", Kind.LABEL_ADDED),
            ("person:eve", Kind.RUN_STARTED),
        ):
            books.events.append(Draft("shop", who, kind, "source:shop"), here.clock.now())
    run_in(folder)

    for who, did in (("ada", "made it"), ("bob", "last commit"), ("kim", "brought data"), ("lea", "labelled")):
        with pytest.raises(ApprovalError, match=did):
            releasing.approve(here, "shop/1", f"person:{who}")
    once = releasing.approve(here, "shop/1", "person:eve")
    twice = releasing.approve(here, "shop/1", "person:zoe", digest=once.digest)

    assert (once.state, twice.state) == (ReleaseState.GATED, ReleaseState.PACKAGED)
    assert [each.by for each in stored(here).approvals] == ["person:eve", "person:zoe"]
    with here.records.reading() as books:
        granted = books.events.find(Kind.APPROVAL_GRANTED, "release:shop/1")
    assert [sentence(each) for each in granted] == ["1 of 2", "2 of 2"]


def test_nothing_is_approved_that_is_not_what_was_looked_at(tmp_path):
    folder = write(tmp_path / "shop", "")
    run_in(folder)

    with pytest.raises(ApprovalError, match="is not what shop/1 is now"):
        releasing.approve(house(folder), "shop/1", "person:eve", digest="0" * 64)
    with pytest.raises(UsageError, match="'9f2c' is no digest"):
        releasing.approve(house(folder), "shop/1", "person:eve", digest="9f2c")
    assert stored(house(folder)).state is ReleaseState.GATED


def test_a_policy_approves_only_with_the_evidence_that_it_asks_for(tmp_path):
    gate = "project.gate(kz.at_least('roc_auc', 0.5))\n"
    holds = write(tmp_path / "holds", f"\n{gate}project.serve(approval=kz.policy('at_least'))\n")
    lacks = write(tmp_path / "lacks", f"\n{gate}project.serve(approval=kz.policy('at_least', 'calibrated'))\n")
    run_in(holds)
    run_in(lacks)

    approved, waiting = stored(house(holds)), stored(house(lacks))
    assert (approved.state, approved.approved_by) == (ReleaseState.PACKAGED, "policy:approval")
    assert waiting.state is ReleaseState.GATED
    with house(lacks).records.reading() as books:
        (asked,) = books.events.find(Kind.APPROVAL_REQUESTED, "release:shop/1")
    assert asked.facts["missing"] == ["calibrated"]


def test_an_approval_that_lapsed_or_was_written_past_the_loop_sends_nothing_out(tmp_path):
    folder = write(tmp_path / "shop", "\nproject.serve(approval=kz.people(within='2d'))\n")
    run_in(folder)
    here = house(folder)
    releasing.approve(here, "shop/1", "person:eve")

    class Later:
        def now(self):
            return here.clock.now() + timedelta(days=3)

    late = replace(here, clock=Later())
    delivering.ship_what_is_ready(late)
    with late.records.writing() as books, pytest.raises(ApprovalError, match="not approved any more"):
        delivering.ship(books, late, "shop/1", "person:eve")
    with here.records.writing() as books:
        known = books.releases.get("shop/1")
        forged = replace(known, approvals=tuple(replace(each, by="person:zoe") for each in known.approvals))
        books.releases.move(forged, seen=known.state)
    delivering.ship_what_is_ready(here)

    with here.records.reading() as books:
        assert books.endpoints.find("shop") is None
    releasing.approve(late, "shop/1", "person:eve")
    delivering.ship_what_is_ready(late)
    with here.records.reading() as books:
        assert books.endpoints.get("shop").champion == "shop/1"


def test_a_release_on_its_way_out_is_taken_back_and_not_declined(tmp_path):
    folder = write(tmp_path / "shop", "\nproject.serve(approval='policy', automatic=False)\n")
    here = house(folder)
    for number in (1, 2):
        run_in(folder, f"run-{number}")
        with here.records.writing() as books:
            delivering.ship(books, here, f"shop/{number}", "person:ada")

    with pytest.raises(Exception, match="being sent out in rollout shop-1"):
        releasing.decline(here, "shop/2", "person:eve", "no")


def test_the_key_of_a_home_is_for_its_owner_alone_and_stays(tmp_path):
    here = house(write(tmp_path / "shop", ""))
    key = here.key

    assert len(key) == 64
    assert here.key == key
    assert (here.settings.home / "key").stat().st_mode & 0o777 == 0o600


def test_the_inbox_of_a_project_says_what_waits_and_what_deals_with_it(tmp_path, capsys):
    folder = write(tmp_path / "shop", "")
    with pytest.raises(SystemExit, match="0"):
        main(["inbox", "--project", str(run_in(folder) and folder)])
    shown = capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["inbox", "--json", "--project", str(folder)])

    assert "kaizen approve shop/1" in shown
    (item,) = json.loads(capsys.readouterr().out)["inbox"]
    assert (item["wants"], item["subject"], item["project"]) == ("decide", "release:shop/1", "shop")
