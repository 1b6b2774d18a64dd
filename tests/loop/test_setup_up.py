"""The first start of a server that others can reach, as a user has it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from loop_processes import up

_TOKEN = re.compile(r"Set-up token   (kzs_[A-Za-z0-9_-]{43})")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project.py").write_text(
        'import kaizenml as kz\n\nproject = kz.Project("shop", target="late", id="id")\n'
    )
    return tmp_path


def test_the_first_start_where_others_reach_it_prints_a_token_that_makes_one_account(folder: Path) -> None:
    (folder / "kaizen.toml").write_text('host = "0.0.0.0"\n')
    with up(folder) as running:
        (text,) = _TOKEN.findall(running.log.read_text())

        def asked(path: str, token: str = "") -> int:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return running.http.get(f"{running.control}{path}", headers=headers).status_code

        assert [asked("/api/v1/runs"), asked("/api/v1/runs", text), asked("/")] == [401, 403, 401]
        made = httpx.post(
            f"{running.control}/api/v1/setup", json={"name": "ada"}, headers={"Authorization": f"Bearer {text}"}
        ).json()
        assert asked("/api/v1/tokens", made["text"]) == 200
        assert asked("/api/v1/runs", text) == 401
    kept = b"".join(path.read_bytes() for path in (folder / ".kaizen").glob("kaizen.db*"))
    assert text.encode() not in kept
    assert made["text"].encode() not in kept

    with up(folder) as again:
        assert _TOKEN.findall(again.log.read_text()) == []
        assert again.http.get(f"{again.control}/api/v1/runs").status_code == 401


def test_on_the_own_machine_nothing_of_that_is_needed(folder: Path) -> None:
    with up(folder) as running:
        assert _TOKEN.findall(running.log.read_text()) == []
        assert running.get("/api/v1/runs") == {"runs": []}


def test_what_the_command_was_told_counts_for_the_processes_that_it_starts_too(folder: Path) -> None:
    (folder / "kaizen.toml").write_text('port = "none"\npredict_port = "none"\n')

    with up(folder) as running:  # with ports of its own; both planes listen
        assert running.http.get(f"{running.data}/health/live").status_code == 200
