"""`kaizen token`, as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_calls import Kaizen, project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path / "shop", "")


def test_a_token_is_made_listed_and_revoked(kaizen: Kaizen, folder: Path) -> None:
    said = kaizen("token", "create", "ada", "--role", "viewer", "--role", "shop:approver", "--project", folder)
    assert (said.code, len(said.out.strip())) == (0, 47)
    assert "of person:ada: viewer, shop:approver, until " in said.err
    listed = kaizen("token", "list", "--project", folder)
    assert "person:ada" in listed.out
    assert said.out.strip() not in listed.out
    (known,) = json.loads(kaizen("token", "list", "--json", "--project", folder).out)["tokens"]
    assert kaizen("token", "revoke", known["id"], "--project", folder).code == 0
    assert "revoked" in kaizen("token", "list", "--project", folder).out
    again = kaizen("token", "revoke", known["id"], "--project", folder)
    assert (again.code, again.error) != (0, "")


def test_a_token_that_opens_nothing_is_not_made(kaizen: Kaizen, folder: Path) -> None:
    said = kaizen("token", "create", "ada", "--role", "viewr", "--project", folder)
    assert "viewr" in said.error
    assert "viewer" in said.hint
    assert kaizen("token", "create", "ada", "--project", folder).code == 2
    assert (
        "not a span" in kaizen("token", "create", "a", "--role", "viewer", "--expires", "x", "--project", folder).error
    )
    unknown = kaizen("token", "revoke", "abc", "--project", folder)
    assert "abc" in unknown.error
    assert "no tokens" in kaizen("token", "list", "--project", folder).out
