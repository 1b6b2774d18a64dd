"""An upgrade of the metadata is killed before any statement: what is left is the old database or the new one, whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kaizenml.adapters.sql.tables import REVISIONS
from postgres_server import PostgresServer

#: Of so many statements of an upgrade one is that of a kill. All of them, 436 on SQLite and 489 on PostgreSQL, take
#: minutes: `python tests/crash/upgrade_kills.py sqlite:////tmp/kills.db 1 0001 0002 …`.
DRILLS = {"sqlite": 9, "postgresql": 23}


@pytest.mark.parametrize("kind", DRILLS)
def test_an_upgrade_that_is_killed_leaves_the_old_or_the_new_and_many_at_once_do_it_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/kaizen.db"
    if kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.database()
    script = str(Path(__file__).with_name("upgrade_kills.py"))

    done = subprocess.run(
        [sys.executable, script, url, str(DRILLS[kind]), *REVISIONS[:-1]], capture_output=True, text=True, timeout=280
    )

    assert done.returncode == 0, done.stderr
    drills = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["schema"] for each in drills] == [each["before"] for each in drills] == list(REVISIONS[:-1])
    for each in drills:
        assert each["is_old_each_time"], each
        assert each["after"] == REVISIONS[-1]
        assert each["is_same_as_undisturbed"], each
        assert each["together"] == [0, 0, 0, 0], each
        assert each["kills"] >= 1, each
