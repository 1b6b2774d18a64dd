"""Signatures of webhooks, as Standard Webhooks has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import kaizenml as kz
from kaizenml.core.webhook import SignatureError, secret_text, signed_headers
from kaizenml.errors import UsageError

SECRET = secret_text(bytes(range(32)))
OLD = secret_text(bytes(32))
NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
BODY = '{"type":"alert.opened","said":"α moved"}'.encode()


def headers(*secrets: str) -> dict[str, str]:
    return signed_headers("msg_1", NOW, BODY, secrets or (SECRET,))


def test_the_signature_is_that_of_the_reference_libraries() -> None:
    # The vector of the tests of Standard Webhooks' own libraries.
    at = datetime.fromtimestamp(1614265330, UTC)
    made = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )

    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert made["webhook-timestamp"] == "1614265330"


def test_what_was_signed_is_let_in_whatever_the_case_of_its_headers() -> None:
    shouted = {name.title(): value for name, value in headers().items()}

    assert kz.verify_webhook(shouted, BODY, SECRET, now=NOW) == "msg_1"


def test_while_a_secret_is_exchanged_either_lets_in() -> None:
    both = headers(SECRET, OLD)

    assert kz.verify_webhook(both, BODY, OLD, now=NOW) == "msg_1"
    assert kz.verify_webhook(both, BODY, SECRET, now=NOW) == "msg_1"
    assert kz.verify_webhook(headers(OLD), BODY, SECRET, OLD, now=NOW) == "msg_1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", "msg_2"),
        ("webhook-timestamp", "1772368216"),
        ("webhook-signature", "v1,AAAA"),
        ("webhook-signature", "v0," + "A" * 44),
        ("webhook-signature", ""),
        ("webhook-signature", "ü"),
        ("webhook-id", ""),
    ],
)
def test_a_changed_header_is_refused(name: str, value: str) -> None:
    with pytest.raises(SignatureError):
        kz.verify_webhook({**headers(), name: value}, BODY, SECRET, now=NOW)


def test_a_changed_body_and_another_secret_are_refused() -> None:
    with pytest.raises(SignatureError):
        kz.verify_webhook(headers(), BODY + b" ", SECRET, now=NOW)
    with pytest.raises(SignatureError):
        kz.verify_webhook(headers(), BODY, OLD, now=NOW)
    with pytest.raises(SignatureError):
        kz.verify_webhook(headers(), BODY, now=NOW)


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24])
def test_an_old_request_is_not_let_in_again(minutes: int) -> None:
    with pytest.raises(SignatureError, match="not now"):
        kz.verify_webhook(headers(), BODY, SECRET, now=NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("stamp", ["", "soon", "1e9", "9" * 5000, "-1772368215", "１７７２"])
def test_a_time_that_is_none_is_refused_even_when_it_was_signed(stamp: str) -> None:
    from kaizenml.core.webhook import _signature

    signed = {"webhook-id": "m", "webhook-timestamp": stamp,
              "webhook-signature": f"v1,{_signature('m', stamp, BODY, SECRET)}"}  # fmt: skip
    with pytest.raises(SignatureError):
        kz.verify_webhook(signed, BODY, SECRET, now=NOW)


def test_a_secret_that_is_none_is_told_so() -> None:
    for text in ("", "whsec_", "whsec_ü", "not base64!"):
        with pytest.raises(UsageError, match="no secret of a webhook"):
            kz.verify_webhook(headers(), BODY, text, now=NOW)
