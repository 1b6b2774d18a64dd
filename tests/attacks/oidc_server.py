"""A small identity provider that really runs, and can be told to lie in every way that matters."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "kaizen", "the secret of a client"


@dataclass
class Idp:
    """The provider: who is at its page, its keys, and what it changes of a token before it is signed.

    Parameters
    ----------
    changes
        Claims that are said otherwise; None takes one away.
    sign
        Makes the token of its claims in place of the provider.
    """

    url: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[Idp, dict[str, Any]], str] | None = None
    about: dict[str, Any] = field(default_factory=dict)
    keys: list[RSAKey] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on, and have no other."""
        self.keys = [RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"}, private=True)]

    def calm(self) -> None:
        """Be honest again."""
        self.changes, self.sign, self.about = {}, None, {}
        self.person = {"sub": "u-1", "email": "ada@example.com", "email_verified": True, "groups": ["team"]}

    def configuration(self, _request: Request) -> Response:
        self.asked.append("configuration")
        told = {"issuer": self.url, "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/jwks"}  # fmt: skip
        return JSONResponse(told | self.about)

    def jwks(self, _request: Request) -> Response:
        self.asked.append("jwks")
        return JSONResponse({"keys": [each.as_dict(private=False) for each in self.keys]})

    def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = f"{asked['redirect_uri']}?code={code}&state={asked['state']}&iss={self.url}"
        return RedirectResponse(back, 302)

    async def token(self, request: Request) -> Response:
        self.asked.append("token")
        form = dict(parse_qsl((await request.body()).decode()))
        asked = self.codes.pop(str(form.get("code")), None)
        pair = base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '+')}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return JSONResponse({"error": "invalid_client"}, 401)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form.get("code_verifier")).encode()).digest())
        is_right = asked is not None and asked["redirect_uri"] == form.get("redirect_uri")
        if asked is None or not is_right or challenge.rstrip(b"=").decode() != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        said = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.person}
        said = {name: value for name, value in (said | self.changes).items() if value is not None}
        made = self.sign(self, said) if self.sign else self.signed(said)
        return JSONResponse({"access_token": "opaque", "token_type": "Bearer", "id_token": made})

    def signed(self, said: dict[str, Any], key: RSAKey | None = None, **head: Any) -> str:
        """Return a token signed with the provider's key, or another."""
        key = key or self.keys[0]
        return jwt.encode({"alg": "RS256", "kid": self.keys[0].kid, **head}, said, key)


def unsigned(idp: Idp, said: dict[str, Any]) -> str:
    """Return a token whose head says that it needs no signature."""
    parts = idp.signed(said).split(".")
    head = _text(b'{"alg":"none"}')
    return f"{head}.{parts[1]}."


def by_public_key(idp: Idp, said: dict[str, Any]) -> str:
    """Return a token signed by HMAC with what everybody knows: the public key."""
    public = idp.keys[0].as_pem(private=False)
    _, claims, _ = idp.signed(said).split(".")
    head = _text(json.dumps({"alg": "HS256", "kid": idp.keys[0].kid}).encode())
    return f"{head}.{claims}.{_text(hmac.new(public, f'{head}.{claims}'.encode(), hashlib.sha256).digest())}"


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def by_another_key(idp: Idp, said: dict[str, Any]) -> str:
    """Return a token signed with a key that the provider does not have, under the name of one that it has."""
    return idp.signed(said, RSAKey.generate_key(2048))


def by_a_key_of_its_own(idp: Idp, said: dict[str, Any]) -> str:
    """Return a token that brings the key along that it is signed with."""
    key = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "jwk": key.as_dict(private=False)}, said, key)


def changed_afterwards(idp: Idp, said: dict[str, Any]) -> str:
    """Return a token whose claims were changed after it was signed."""
    head, _, signature = idp.signed(said).split(".")
    _, other, _ = idp.signed(said | {"groups": ["admins"]}).split(".")
    return f"{head}.{other}.{signature}"


@contextmanager
def running_idp() -> Iterator[Idp]:
    """Run the provider on a free port of this machine."""
    idp = Idp()
    idp.calm()
    routes = [
        Route("/.well-known/openid-configuration", idp.configuration),
        Route("/jwks", idp.jwks),
        Route("/authorize", idp.authorize),
        Route("/token", idp.token, methods=["POST"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the provider did not start")
        time.sleep(0.005)
    idp.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield idp
    finally:
        server.should_exit = True
        thread.join()
