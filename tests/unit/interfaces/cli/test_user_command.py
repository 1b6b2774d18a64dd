"""`kaizen user`, as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_calls import Kaizen, project

from kaizenml.core.person import Claims, roles_by_group
from kaizenml.errors import PermissionDeniedError
from kaizenml.loop.signing_in import Rules, SigningIn
from kaizenml.loop.wiring import open_house, read_settings


class Nobody:
    """A provider that is never asked."""

    issuer = "https://id.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path / "shop", "")


def entered(folder: Path, subject: str = "u-1") -> str:
    house = open_house(read_settings(folder))
    signing = SigningIn(Nobody(), Rules("", roles_by_group("team=viewer+shop:approver")))  # type: ignore[arg-type]
    said = {"email": "ada@example.com", "email_verified": True, "groups": ["team"]}
    return signing.enter(house.records, Claims("https://id.example", subject, said), house.clock.now())


def test_who_signed_in_is_listed_shut_out_and_let_in_again(kaizen: Kaizen, folder: Path) -> None:
    assert "Nobody has signed in." in kaizen("user", "list", "--project", folder).out
    secret = entered(folder)
    listed = kaizen("user", "list", "--project", folder)
    assert "ada@example.com" in listed.out
    assert "viewer, shop:approver" in listed.out
    assert secret not in kaizen("user", "list", "--json", "--project", folder).out
    assert "may not come in" in kaizen("user", "shut-out", "ada@example.com", "--project", folder).out
    assert kaizen("user", "shut-out", "ada@example.com", "--project", folder).code == 1
    with pytest.raises(PermissionDeniedError):
        entered(folder)
    assert kaizen("user", "let-in", "ada@example.com", "--project", folder).code == 0
    entered(folder)
    done = json.loads(kaizen("user", "sign-out", "ada@example.com", "--json", "--project", folder).out)
    assert done["user"]["name"] == "ada@example.com"
    unknown = kaizen("user", "sign-out", "ada@example.org", "--project", folder)
    assert "ada@example.com" in unknown.hint


def test_a_name_is_free_once_it_is_forgotten_but_nobody_comes_in_so_who_was_shut_out(
    kaizen: Kaizen, folder: Path
) -> None:
    entered(folder)
    with pytest.raises(PermissionDeniedError, match="somebody else"):
        entered(folder, "u-2")
    kaizen("user", "shut-out", "ada@example.com", "--project", folder)
    assert "could come in again" in kaizen("user", "forget", "ada@example.com", "--project", folder).error
    kaizen("user", "let-in", "ada@example.com", "--project", folder)
    assert kaizen("user", "forget", "ada@example.com", "--project", folder).code == 0
    entered(folder, "u-2")
    with pytest.raises(PermissionDeniedError, match="somebody else"):
        entered(folder)
