"""An identity provider that speaks OpenID Connect: authorization code with PKCE, and ID tokens that are verified.

Written after OpenID Connect Core 1.0 (2014, with errata 2), §3.1; RFC 7636 (PKCE); RFC 9700 (2025), the best current
practice of OAuth security.
"""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from kaizenml.core.address import is_private
from kaizenml.core.person import Claims
from kaizenml.errors import RefusedError, UnavailableError

#: Only signatures that nobody can make who knows a public key alone: no ``none``, no HMAC.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
#: How far clocks may differ, and how old an ID token may be when it comes.
SKEW_SECONDS, OLDEST_SECONDS = 60.0, 600.0
#: What was discovered is asked for anew after so long; keys, for one that is not known, no more often than that.
_FRESH_SECONDS, _KEYS_SECONDS = 3600.0, 10.0
_MOST_BYTES, _SECONDS = 1_000_000, 10.0
_LONGEST_SUBJECT = 255


class Oidc:
    """One client of one identity provider.

    Parameters
    ----------
    issuer
        Its name: the address below which ``/.well-known/openid-configuration`` is.
    client, secret
        How it knows this client; without a secret PKCE alone proves who asks.
    clock
        Returns the seconds since 1970.
    """

    def __init__(self, issuer: str, client: str, secret: str = "", *, clock: Callable[[], float] = time.time) -> None:
        self._issuer, self._client, self._secret, self._clock = issuer, client, secret, clock
        self._about: tuple[float, dict[str, Any]] = (float("-inf"), {})
        self._keys: tuple[float, list[dict[str, Any]]] = (float("-inf"), [])
        self._lock = threading.Lock()

    @property
    def issuer(self) -> str:
        """Its name."""
        return self._issuer

    def address(self, *, redirect: str, state: str, nonce: str, challenge: str) -> str:
        """Return where a browser is sent to sign in."""
        asked = {
            "response_type": "code", "client_id": self._client, "redirect_uri": redirect, "state": state,
            "scope": "openid profile email", "nonce": nonce, "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        base = self._place("authorization_endpoint")
        return f"{base}{'&' if '?' in base else '?'}{urlencode(asked)}"

    def claims(self, *, code: str, verifier: str, nonce: str, redirect: str) -> Claims:
        """Return who has signed in, for the code that the browser brought back.

        Raises
        ------
        RefusedError
            When the provider takes no such code, or what it says does not prove who it is.
        UnavailableError
            When the provider cannot be reached.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier,
                "client_id": self._client}  # fmt: skip
        headers = {}
        if self._secret:
            pair = f"{quote_plus(self._client)}:{quote_plus(self._secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = _asked(self._place("token_endpoint"), urlencode(form).encode(), headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _unproven("it sent no ID token")
        said = self._verified(token)
        self._check(said, nonce)
        return Claims(self._issuer, said["sub"], said)

    def _check(self, said: Mapping[str, Any], nonce: str) -> None:
        """Check what an ID token says (OpenID Connect Core, §3.1.3.7)."""
        now, audience = self._clock(), said.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if said.get("iss") != self._issuer:
            raise _unproven("it is of another issuer")
        if self._client not in audiences:
            raise _unproven("it is for another client")
        if said.get("azp", self._client) != self._client or (len(audiences) > 1 and "azp" not in said):
            raise _unproven("it was given to another client")
        expires, issued, begins = (_seconds(said.get(name)) for name in ("exp", "iat", "nbf"))
        if expires is None or now >= expires + SKEW_SECONDS:
            raise _unproven("it has lapsed")
        if issued is None or not now - OLDEST_SECONDS - SKEW_SECONDS <= issued <= now + SKEW_SECONDS:
            raise _unproven("it was not made just now")
        if begins is not None and begins > now + SKEW_SECONDS:
            raise _unproven("it does not hold yet")
        given = said.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            raise _unproven("it answers another request")
        subject = said.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
            raise _unproven("it names nobody")

    def _verified(self, token: str) -> dict[str, Any]:
        """Return what an ID token says, once its signature is one of the provider's keys'."""
        try:
            head = jws.extract_compact(token.encode()).headers()
            if head.get("alg") not in ALGORITHMS:
                raise _unproven("it is not signed in a way that proves anything")
            key = self._key(head)
            signed = jws.deserialize_compact(token, KeySet.import_key_set({"keys": [key]}), list(ALGORITHMS))
            said = json.loads(signed.payload)
        except (JoseError, ValueError, TypeError, KeyError, UnicodeError) as error:
            raise _unproven("its signature is wrong") from error
        if not isinstance(said, dict):
            raise _unproven("it says nothing")
        return said

    def _key(self, head: Mapping[str, Any]) -> dict[str, Any]:
        """Return the key that a token says it is signed with; one that is not known is asked for anew."""
        for is_again in (False, True):
            fitting = [each for each in self._known_keys(is_again=is_again) if _fits(each, head)]
            if len(fitting) == 1:
                return fitting[0]
        raise _unproven("it is signed with a key that the provider does not have")

    def _known_keys(self, *, is_again: bool) -> list[dict[str, Any]]:
        with self._lock:
            at, known = self._keys
            age = time.monotonic() - at
            if age > _FRESH_SECONDS or (is_again and age > _KEYS_SECONDS):
                found = _asked(self._place("jwks_uri")).get("keys")
                known = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
                self._keys = time.monotonic(), known
            return known

    def _place(self, name: str) -> str:
        at, about = self._about
        if time.monotonic() - at > _FRESH_SECONDS:
            about = _asked(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if about.get("issuer") != self._issuer:
                raise RefusedError(
                    f"The identity provider calls itself {str(about.get('issuer'))[:200]!r}, not {self._issuer!r}.",
                    "Set `oidc` to just what it calls itself.",
                )
            self._about = time.monotonic(), about
        found = about.get(name)
        if not isinstance(found, str) or not is_private(found):
            raise RefusedError(f"The identity provider {self._issuer} names no {name} that is safe: {found!r:.200}.")
        return found


def _fits(key: Mapping[str, Any], head: Mapping[str, Any]) -> bool:
    """Say whether a token with this head may be signed with a key: its id and kind, and that it is for signatures."""
    kind = "EC" if str(head["alg"]).startswith("ES") else "RSA"
    is_named = head.get("kid") is None or key.get("kid") == head["kid"]
    is_for_it = key.get("use", "sig") == "sig" and key.get("alg", head["alg"]) == head["alg"]
    return is_named and is_for_it and key.get("kty") == kind


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _unproven(why: str) -> RefusedError:
    return RefusedError(f"What the identity provider sent proves nothing: {why}.", "Sign in again.")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nobody elsewhere: a code or secret goes only where it was meant to."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        """Follow none."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _asked(address: str, form: bytes | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(address, form, {"Accept": "application/json", **(headers or {})})
    try:
        with _OPENER.open(request, timeout=_SECONDS) as answer:
            content = answer.read(_MOST_BYTES + 1)
            found = json.loads(content) if len(content) <= _MOST_BYTES else None
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(2000)
        if error.code >= 500:
            raise _away(address, f"it answered {error.code}") from error
        raise RefusedError(
            f"The identity provider refused: {_reason(said) or error.code}.", "Sign in again."
        ) from error
    except (OSError, ValueError) as error:
        raise _away(address, str(getattr(error, "reason", error))) from error
    if not isinstance(found, dict):
        raise _away(address, "it answered no JSON object")
    return found


def _away(address: str, why: str) -> UnavailableError:
    return UnavailableError(
        f"The identity provider at {urlsplit(address).netloc} cannot be asked: {why}.", "Try again."
    )


def _reason(said: bytes) -> str:
    """Return the error's code, of letters alone: everything else is the provider's to tell."""
    try:
        code = json.loads(said)["error"]
    except (ValueError, LookupError, TypeError):
        return ""
    return "".join(sign for sign in str(code)[:40] if sign.isalnum() or sign == "_")
