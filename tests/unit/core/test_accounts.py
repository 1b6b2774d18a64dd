"""Roles and tokens as laws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kaizenml.core.account import (
    GRANTS,
    Permission,
    Role,
    Token,
    checked_owner,
    looks_like_token,
    roles_of,
    scopes_of,
)
from kaizenml.core.opening import Opening, Openings, opening_of
from kaizenml.errors import NotFoundError, UsageError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def token(**more: object) -> Token:
    facts = {"id": "a", "name": "ada", "roles": roles_of(["viewer"]), "created_at": NOW, "created_by": "person:eve"}
    return Token(**{**facts, **more})  # type: ignore[arg-type]


def test_every_role_may_view_and_only_an_admin_may_administer() -> None:
    assert set(GRANTS) == set(Role)
    assert all(Permission.VIEW in granted for granted in GRANTS.values())
    assert [role for role, granted in GRANTS.items() if Permission.ADMIN in granted] == [Role.ADMIN]


def test_nobody_but_an_approver_and_an_admin_approves() -> None:
    assert {role for role, granted in GRANTS.items() if Permission.APPROVE in granted} == {Role.APPROVER, Role.ADMIN}


def test_a_role_in_one_project_grants_nothing_in_another_and_nothing_everywhere() -> None:
    one = token(roles=roles_of(["flights:operator"]))
    assert Permission.OPERATE in one.granted("flights")
    assert one.granted("taxis") == one.granted() == {Permission.PUBLIC}


def test_roles_everywhere_and_in_a_project_add_up() -> None:
    one = token(roles=roles_of(["viewer", "flights:approver", "flights:labeller"]))
    assert one.granted("flights") == {Permission.PUBLIC, Permission.VIEW, Permission.APPROVE, Permission.LABEL}
    assert one.granted("taxis") == {Permission.PUBLIC, Permission.VIEW}


def test_a_token_is_good_until_it_lapses_or_is_revoked() -> None:
    assert token().is_good(NOW + timedelta(days=10_000))
    assert not token(expires_at=NOW).is_good(NOW)
    assert token(expires_at=NOW).is_good(NOW - timedelta(seconds=1))
    assert not token(revoked_at=NOW).is_good(NOW)


def test_a_token_with_scopes_is_good_for_these_of_what_its_roles_grant() -> None:
    one = token(roles=roles_of(["flights:developer", "viewer"]), scopes=scopes_of(["predict", "approve"]))
    assert one.granted("flights") == {Permission.PUBLIC, Permission.PREDICT}
    assert one.granted() == {Permission.PUBLIC}
    with pytest.raises(NotFoundError, match="predct") as told:
        scopes_of(["predct"])
    assert "predict" in told.value.hint


def test_where_a_token_may_predict_is_what_the_data_plane_is_told() -> None:
    until = NOW + timedelta(days=1)
    assert opening_of(token(roles=roles_of(["viewer", "flights:developer"]), expires_at=until)) == Opening(
        ("flights",), until.timestamp()
    )
    assert (
        opening_of(token()) == opening_of(token(roles=roles_of(["admin"]), scopes=scopes_of(["view"]))) == Opening(())
    )
    assert opening_of(token(roles=roles_of(["admin"]), revoked_at=NOW)) is None


def test_an_opening_is_of_its_projects_endpoints_until_it_lapses() -> None:
    known = Openings(True, {"d": Opening(("flights",), 100.0)}, {"late": "flights", "fare": "taxis"})
    found = known.find("d", 99.9)
    assert found is not None
    assert [known.lets(found, name) for name in ("late", "fare", "nothing")] == [True, False, False]
    assert known.find("d", 100.0) is None
    assert known.find("e", 0.0) is None
    assert known.lets(Opening(("*",)), "nothing")


def test_a_misspelt_role_is_told_the_closest() -> None:
    with pytest.raises(NotFoundError, match="viewr") as told:
        roles_of(["flights:viewr"])
    assert "viewer" in told.value.hint
    with pytest.raises(UsageError, match="without a role"):
        roles_of([])


@pytest.mark.parametrize("name", ["", "a b", "../x", "a\n", "person:ada", "-a", "a" * 101])
def test_what_is_no_name_owns_nothing(name: str) -> None:
    with pytest.raises(UsageError, match="owner"):
        checked_owner(name)


@pytest.mark.parametrize(
    "text", ["", "kzn_", "kzn_" + "a" * 42, "kzn_" + "a" * 44, "KZN_" + "a" * 43, "kzn_" + "é" * 43]
)
def test_what_cannot_be_a_token_is_not_looked_up(text: str) -> None:
    assert not looks_like_token(text)
