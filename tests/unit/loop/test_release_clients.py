"""Many clients act on the same releases at once, and at every instant an endpoint has exactly one champion."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from release_client import PROJECT
from trained_shop import trained_shop

from kaizenml.core.event import Kind, verify
from kaizenml.core.release import ReleaseState
from kaizenml.loop import releasing
from kaizenml.loop.wiring import House

CLIENTS, SECONDS = 4, 3


@pytest.fixture(params=["file", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    release, fresh = trained_shop(postgres.database() if postgres else f"sqlite:///{tmp_path}/kaizen.db")
    with fresh.records.writing() as books:
        first = books.events.newest(limit=1)[0].id
        gated = replace(release, state=ReleaseState.GATED, approvals=(), approved_by="", approved_at=None, wheel=None)
        releasing.propose(books, fresh, gated, cause=first)
    return fresh


def run_clients(house: House) -> tuple[Counter[str], Counter[str]]:
    """Return what all clients did, and which champions were seen meanwhile."""
    called = [sys.executable, str(Path(__file__).with_name("release_client.py")), str(house.settings.folder)]
    called.append(house.settings.database)
    roles = [("client", seed) for seed in range(CLIENTS)] + [("observer", 0)]
    running = [
        subprocess.Popen([*called, what, str(seed), str(SECONDS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for what, seed in roles
    ]
    said = [process.communicate(timeout=120) for process in running]
    for process, (_, errors) in zip(running, said, strict=True):
        assert process.returncode == 0, errors.decode()
    did = [Counter(json.loads(printed)) for printed, _ in said]
    return sum(did[:-1], Counter()), did[-1]


def test_many_clients_at_once_leave_exactly_one_champion_at_every_instant(house: House):
    did, seen = run_clients(house)

    assert {"propose", "approve", "ship", "advance", "roll_back"} <= did.keys(), did
    assert len(seen) > 1
    with house.records.reading() as books:
        events = books.events.after(limit=1_000_000)
        releases = {each.name: each for each in books.releases.newest(PROJECT, limit=100_000)}
        endpoint = books.endpoints.get(PROJECT)
        rollouts = books.endpoints.rollouts(PROJECT, limit=100_000)
    assert verify(events) == len(events)
    champion = ""
    for event in (each for each in events if each.kind is Kind.CHAMPION_CHANGED):
        assert event.facts["before"] == champion  # each change begins where the one before it ended
        champion = str(event.facts["release"])
    assert champion == endpoint.champion
    assert [name for name, each in releases.items() if each.state is ReleaseState.LIVE] == [champion]
    assert sorted(each.number for each in releases.values()) == list(range(1, len(releases) + 1))
    assert [each.id for each in rollouts if not each.is_over] == ([endpoint.rollout] if endpoint.rollout else [])
    house.records.close()
