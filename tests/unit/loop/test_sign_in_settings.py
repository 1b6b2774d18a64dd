"""How people sign in, by the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from kaizenml.errors import SettingError
from kaizenml.loop.settings import settings
from kaizenml.loop.signing_in import open_door

GOOD = {"KAIZEN_OIDC": "https://id.example", "KAIZEN_OIDC_CLIENT": "kaizen", "KAIZEN_OIDC_ROLES": "team=viewer",
        "KAIZEN_URL": "https://kaizen.example"}  # fmt: skip


def test_without_a_provider_nobody_signs_in(tmp_path: Path) -> None:
    of = settings(tmp_path, {})
    assert of.sign_in is None
    assert open_door(of) is None


def test_a_provider_opens_a_door_at_the_address_that_people_call(tmp_path: Path) -> None:
    of = settings(tmp_path, {**GOOD, "KAIZEN_OIDC_SECRET": "very secret"})
    door = open_door(of)
    assert door is not None
    assert door.rules.redirect == "https://kaizen.example/sign-in/callback"
    assert door.rules.by_group == {"team": ("viewer",)}
    assert "very secret" not in repr(of)


@pytest.mark.parametrize("changed", [
    {"KAIZEN_OIDC": "http://127.0.0.1:9000", "KAIZEN_URL": ""}, {"KAIZEN_OIDC": "http://localhost:9000/realms/x"},
    {"KAIZEN_URL": "http://127.0.0.1:8400"}, {"KAIZEN_HOST": "0.0.0.0"},
])  # fmt: skip
def test_on_this_machine_no_tls_is_needed(tmp_path: Path, changed: dict[str, str]) -> None:
    assert settings(tmp_path, GOOD | changed).sign_in is not None


@pytest.mark.parametrize(("changed", "said"), [
    ({"KAIZEN_OIDC": "http://id.example"}, "cannot be"),
    ({"KAIZEN_OIDC": "id.example"}, "cannot be"),
    ({"KAIZEN_OIDC": "http://127.0.0.1.evil.example"}, "cannot be"),
    ({"KAIZEN_OIDC": "https://"}, "cannot be"),
    ({"KAIZEN_URL": "http://kaizen.example"}, "without TLS"),
    ({"KAIZEN_URL": "", "KAIZEN_HOST": "0.0.0.0"}, "without TLS"),
    ({"KAIZEN_OIDC_CLIENT": ""}, "no oidc_client"),
    ({"KAIZEN_OIDC_ROLES": ""}, "no oidc_roles"),
    ({"KAIZEN_OIDC_ROLES": "team"}, "oidc_roles cannot be read"),
    ({"KAIZEN_OIDC_ROLES": "team=king"}, "oidc_roles cannot be read"),
    ({"KAIZEN_OIDC": ""}, "no identity provider"),
])  # fmt: skip
def test_what_would_let_nobody_or_anybody_in_does_not_start(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        settings(tmp_path, GOOD | changed)
