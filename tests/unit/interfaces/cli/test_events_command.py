"""`kaizen events`, as it is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_calls import Kaizen, project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path / "shop", "")


def test_the_log_answers_who_did_what(kaizen: Kaizen, folder: Path) -> None:
    for name in ("ada", "bob"):
        kaizen("token", "create", name, "--role", "viewer", "--project", folder)
    known = json.loads(kaizen("token", "list", "--json", "--project", folder).out)["tokens"]
    kaizen("token", "revoke", known[0]["id"], "--project", folder)

    def events(*words: str) -> list[Any]:
        found: list[Any] = json.loads(kaizen("events", "--json", "--project", folder, *words).out)["events"]
        return found

    assert [each["kind"] for each in events("--kind", "token")] == ["token.issued", "token.issued", "token.revoked"]
    assert [each["subject"] for each in events("--kind", "token.revoked")] == [f"token:{known[0]['id']}"]
    assert len(events("--subject", f"token:{known[0]['id']}")) == 2
    assert events("--since", "1h", "--kind", "token", "--limit", "1")[0]["kind"] == "token.revoked"
    assert events("--until", "1h", "--kind", "token") == events("--actor", "nobody") == events("--of", "other") == []
    assert "token.revoked" in kaizen("events", "--kind", "token", "--project", folder).out
    assert "Nothing of that kind" in kaizen("events", "--actor", "nobody", "--project", folder).out
    assert "token" in kaizen("events", "--kind", "tokn", "--project", folder).hint
    assert kaizen("events", "--since", "soon", "--project", folder).code == 2
    assert kaizen("events", "verify", "--project", folder).code == 0
