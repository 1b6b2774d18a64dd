"""People who sign in: names, groups, sessions, as laws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kaizenml.core.account import Permission, Role
from kaizenml.core.person import (
    IDLE,
    LONGEST,
    Claims,
    NoRoleError,
    Session,
    SignedIn,
    User,
    groups_of,
    key_of,
    name_of,
    roles_by_group,
    roles_for,
)
from kaizenml.errors import NotFoundError, UsageError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def claims(**said: object) -> Claims:
    return Claims("https://id.example", str(said.get("sub", "u-1")), said)


def test_roles_of_groups_are_read_as_they_are_written() -> None:
    assert roles_by_group("") == {}
    assert roles_by_group(" admins = admin , data team=churn:developer+viewer, a=b=viewer,") == {
        "admins": ("admin",), "data team": ("churn:developer", "viewer"), "a=b": ("viewer",)
    }  # fmt: skip
    assert roles_by_group("a=viewer,a=operator") == {"a": ("viewer", "operator")}


@pytest.mark.parametrize("said", ["admins", "=admin", "a=", "a=+", "a,b=viewer"])
def test_what_gives_no_group_a_role_is_refused(said: str) -> None:
    with pytest.raises(UsageError, match="gives no group a role"):
        roles_by_group(said)


def test_a_role_that_there_is_not_is_told_the_closest() -> None:
    with pytest.raises(NotFoundError, match="viewr") as told:
        roles_by_group("a=viewr")
    assert "viewer" in told.value.hint


def test_groups_add_up_and_without_any_that_counts_nobody_comes_in() -> None:
    by_group = roles_by_group("a=viewer,b=churn:developer")
    assert roles_for(["a", "b", "c"], by_group) == {"*": (Role.VIEWER,), "churn": (Role.DEVELOPER,)}
    for groups in ([], ["c"], ["A"]):
        with pytest.raises(NoRoleError):
            roles_for(groups, by_group)


@pytest.mark.parametrize(("said", "found"), [
    (["b", "a", "a"], ("a", "b")), ("a", ("a",)), (None, ()), ({"a": 1}, ()), ([1, ["a"], "b"], ("b",)), (7, ()),
])  # fmt: skip
def test_groups_are_texts(said: object, found: tuple[str, ...]) -> None:
    assert groups_of(claims(groups=said), "groups") == found
    assert groups_of(claims(), "groups") == ()


def test_a_name_is_what_the_provider_has_verified_or_was_told_to_take() -> None:
    said = {"email": "ada@example.com", "preferred_username": "root", "sub": "u-1"}
    assert name_of(claims(**said, email_verified=True)) == "ada@example.com"
    assert name_of(claims(**said, email_verified=False)) == "u-1"
    assert name_of(claims(**said)) == "u-1"
    assert name_of(claims(**said), "preferred_username") == "root"
    assert name_of(claims(**said), "nickname") == "u-1"


def test_what_cannot_be_a_name_is_none_and_differs_by_provider() -> None:
    odd = claims(email="ada b@example.com", email_verified=True, sub="auth0|7")
    assert name_of(odd).startswith("sub-")
    assert name_of(odd) != name_of(Claims("https://other.example", "auth0|7", {}))
    assert key_of("a", "b") != key_of("a\nb", "")


def test_a_session_ends_when_it_is_idle_and_at_the_latest_after_its_longest_time() -> None:
    session = Session("id", "key", NOW, NOW)
    assert session.is_good(NOW)
    assert not session.is_good(NOW + IDLE)
    later = Session("id", "key", NOW, NOW + LONGEST - timedelta(minutes=1))
    assert later.is_good(NOW + LONGEST - timedelta(seconds=1))
    assert not later.is_good(NOW + LONGEST)
    assert not session.is_good(NOW - timedelta(days=1))


def test_somebody_who_signed_in_has_the_roles_of_their_groups() -> None:
    user = User("ada", "i", "s", {"churn": (Role.APPROVER,)}, ("a",), NOW, NOW)
    one = SignedIn(Session("id", user.key, NOW, NOW), user)
    assert (one.actor, one.expires_at) == ("person:ada", NOW + IDLE)
    assert Permission.APPROVE in one.granted("churn")
    assert one.granted() == {Permission.PUBLIC}
