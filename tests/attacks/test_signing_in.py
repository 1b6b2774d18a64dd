"""Signing in with a real identity provider over HTTP, and what an attacker may try on the way and afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from control_house import House, filled_house
from oidc_server import (
    CLIENT,
    SECRET,
    Idp,
    by_a_key_of_its_own,
    by_another_key,
    by_public_key,
    changed_afterwards,
    running_idp,
    unsigned,
)

from kaizenml.adapters.oidc import Oidc
from kaizenml.core.event import Kind
from kaizenml.core.person import IDLE, LONGEST, roles_by_group
from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.interfaces.web.signing_in import own_page
from kaizenml.loop import accounts, signing_in
from kaizenml.loop.signing_in import Door, Rules

ROLES = roles_by_group("admins=admin, team=viewer+flights:approver")
OWN = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True)
class Ago:
    """So many seconds from now."""

    seconds: int


@dataclass
class Clocked(House):
    """A house whose time can be moved."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class Place:
    """A server, the provider that it trusts, and its books."""

    url: str
    idp: Idp
    house: Clocked
    browsers: list[httpx.Client] = field(default_factory=list)
    since: int = 0

    def browser(self) -> httpx.Client:
        self.browsers.append(httpx.Client(base_url=self.url, trust_env=False, timeout=30))
        return self.browsers[-1]

    def signed_in(self, **person: Any) -> httpx.Client:
        browser = self.browser()
        self.idp.person |= person
        answer = self.through(browser)
        assert answer.status_code == 200, answer.text
        return browser

    def through(self, browser: httpx.Client, next_: str = "/") -> httpx.Response:
        """Go all the way: to the provider, and back with what it says."""
        return browser.get(self.back(browser, next_))

    def back(self, browser: httpx.Client, next_: str = "/") -> str:
        """Go to the provider, and return the address that it sends the browser back to."""
        begun = browser.get("/sign-in", params={"next": next_})
        assert begun.status_code == 303
        address: str = httpx.get(begun.headers["location"], trust_env=False).headers["location"]
        return address

    def events(self, kind: Kind) -> list[str]:
        with self.house.records.reading() as books:
            return [f"{each.actor} {each.subject}" for each in books.events.find(kind) if each.id > self.since]


@pytest.fixture(scope="module")
def idp() -> Iterator[Idp]:
    with running_idp() as idp:
        yield idp


@pytest.fixture(scope="module")
def server(idp: Idp) -> Iterator[Place]:
    house = Clocked(filled_house().records)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    door = Door(Oidc(idp.url, CLIENT, SECRET), Rules(f"{url}/sign-in/callback", ROLES), url)
    with serve_control_plane(house, host="127.0.0.1", port=port, door=door):
        yield Place(url, idp, house)


@pytest.fixture
def place(server: Place) -> Iterator[Place]:
    """Return the place as it is before anybody has signed in."""
    server.idp.calm()
    server.house.ahead = timedelta()
    with server.house.records.writing() as books:
        for kind in ("user", "session"):
            for name in books.notes.all(kind):
                books.notes.forget(kind, name)
        server.since = books.events.newest(limit=1)[0].id
    yield server
    for browser in server.browsers:
        browser.close()
    server.browsers.clear()


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port


def test_who_signs_in_is_who_the_provider_says_with_the_roles_of_their_groups(place: Place) -> None:
    browser = place.signed_in(sub="u-9", email="grace@example.com")
    me = browser.get("/api/v1/me").json()
    assert me["actor"] == "person:grace@example.com"
    assert me["roles"] == {"*": ["viewer"], "flights": ["approver"]}
    assert browser.get("/api/v1/tokens").status_code == 403
    assert browser.post("/api/v1/projects/flights/run", json={}, headers=OWN).status_code == 403
    done = browser.post("/api/v1/releases/flights/3/approve", json={}, headers=OWN).json()["done"]
    assert done["approved_by"] == "person:grace@example.com"
    assert place.events(Kind.SIGNED_IN) == ["person:grace@example.com user:grace@example.com"]


def test_a_browser_that_wants_a_page_is_sent_to_sign_in_and_comes_back_to_it(place: Place) -> None:
    browser = place.browser()
    sent = browser.get("/docs?x=1&y=2", headers={"Accept": "text/html"})
    assert sent.status_code == 303
    wanted = parse_qs(urlsplit(sent.headers["location"]).query)["next"][0]
    assert wanted == "/docs?x=1&y=2"
    assert 'content="0; url=/docs?x=1&amp;y=2"' in place.through(browser, wanted).text
    assert browser.get("/docs").status_code == 200
    assert place.browser().get("/docs").status_code == 401


def test_nobody_acts_without_signing_in_not_even_on_this_machine(place: Place) -> None:
    assert place.browser().get("/api/v1/releases").status_code == 401
    assert place.browser().get("/health/live").status_code == 200


def test_the_cookies_are_for_this_server_alone_and_no_script_reads_them(place: Place) -> None:
    browser = place.browser()
    begun = browser.get("/sign-in")
    signing = begun.headers["set-cookie"]
    session = next(each for each in place.through(browser).headers.get_list("set-cookie") if "session" in each)
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Max-Age=600"} <= set(signing.split("; "))
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(session.split("; "))
    assert "Domain" not in session
    secret = browser.cookies["kaizen-session"]
    assert len(secret) == 43
    with place.house.records.reading() as books:
        kept = str([books.notes.all("session"), books.notes.all("user"), books.events.newest()])
    assert secret not in kept


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"nonce": "another"}, "answers another request"),
        ({"nonce": None}, "answers another request"),
        ({"nonce": 7}, "answers another request"),
        ({"aud": "somebody-else"}, "for another client"),
        ({"aud": None}, "for another client"),
        ({"aud": [CLIENT, "somebody-else"]}, "given to another client"),
        ({"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"}, "given to another client"),
        ({"azp": "somebody-else"}, "given to another client"),
        ({"iss": "http://evil.example"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"exp": Ago(-120)}, "lapsed"),
        ({"exp": None}, "lapsed"),
        ({"exp": "never"}, "lapsed"),
        ({"exp": True}, "lapsed"),
        ({"iat": Ago(-7200)}, "not made just now"),
        ({"iat": Ago(7200)}, "not made just now"),
        ({"iat": None}, "not made just now"),
        ({"nbf": Ago(7200)}, "does not hold yet"),
        ({"sub": None}, "names nobody"),
        ({"sub": ""}, "names nobody"),
        ({"sub": ["u-1"]}, "names nobody"),
    ],
)
def test_a_token_that_says_something_wrong_proves_nothing(place: Place, changes: dict[str, Any], because: str) -> None:
    now = int(time.time())
    place.idp.changes = {name: now + value.seconds if isinstance(value, Ago) else value
                         for name, value in changes.items()}  # fmt: skip
    browser = place.browser()
    answer = place.through(browser)
    assert answer.status_code == 409
    assert because in answer.text
    assert "kaizen-session" not in browser.cookies
    assert place.events(Kind.SIGNED_IN) == []


def test_clocks_may_differ_by_a_minute(place: Place) -> None:
    now = int(time.time())
    place.idp.changes = {"iat": now + 50, "nbf": now + 50, "exp": now - 50}
    assert place.through(place.browser()).status_code == 200


@pytest.mark.parametrize(
    ("sign", "because"),
    [
        (unsigned, "not signed in a way that proves anything"),
        (by_public_key, "not signed in a way that proves anything"),
        (by_another_key, "signature is wrong"),
        (changed_afterwards, "signature is wrong"),
        (lambda _idp, _said: "x", "signature is wrong"),
        (lambda _idp, _said: "..", "signature is wrong"),
        (lambda idp, said: idp.signed(said, kid="nobody"), "a key that the provider does not have"),
    ],
    ids=["none", "hmac", "other key", "changed", "no token", "empty", "unknown key"],
)
def test_a_token_with_a_wrong_signature_proves_nothing(place: Place, sign: Any, because: str) -> None:
    place.idp.sign = sign
    browser = place.browser()
    answer = place.through(browser)
    assert answer.status_code == 409
    assert because in answer.text
    assert "kaizen-session" not in browser.cookies


def test_a_key_that_a_token_brings_along_is_not_believed(place: Place) -> None:
    place.idp.sign = by_a_key_of_its_own
    assert place.through(place.browser()).status_code == 409


def test_new_keys_of_the_provider_are_found_and_old_ones_count_no_more(place: Place, monkeypatch: Any) -> None:
    place.signed_in()
    old = place.idp.keys[0]
    place.idp.rotate()
    monkeypatch.setattr("kaizenml.adapters.oidc._KEYS_SECONDS", 0.0)
    assert place.through(place.browser()).status_code == 200
    place.idp.sign = lambda idp, said: idp.signed(said, old, kid=old.kid)
    assert place.through(place.browser()).status_code == 409


def test_unknown_keys_do_not_make_this_server_ask_again_and_again(place: Place) -> None:
    place.signed_in()
    place.idp.asked.clear()
    place.idp.sign = lambda idp, said: idp.signed(said, kid="nobody")
    for _ in range(5):
        assert place.through(place.browser()).status_code == 409
    assert place.idp.asked.count("jwks") <= 1


def test_an_answer_is_good_once(place: Place) -> None:
    browser = place.browser()
    address = place.back(browser)
    kept = browser.cookies["kaizen-sign-in"]
    assert browser.get(address).status_code == 200
    again = place.browser()
    again.cookies.set("kaizen-sign-in", kept, domain="127.0.0.1")
    answer = again.get(address)
    assert (answer.status_code, "not signing in" in answer.text) == (409, True)


def test_a_code_that_was_used_elsewhere_is_refused_by_the_provider(place: Place) -> None:
    browser = place.browser()
    address = place.back(browser)
    place.idp.codes.clear()
    answer = browser.get(address)
    assert (answer.status_code, "invalid_grant" in answer.text) == (409, True)


def test_a_stolen_code_is_worth_nothing_in_another_browsers_sign_in(place: Place) -> None:
    victim, attacker = place.browser(), place.browser()
    stolen = parse_qs(urlsplit(place.back(victim)).query)["code"][0]
    mine = parse_qs(urlsplit(place.back(attacker)).query)
    answer = attacker.get("/sign-in/callback", params={"state": mine["state"][0], "code": stolen})
    assert (answer.status_code, "invalid_grant" in answer.text) == (409, True)


@pytest.mark.parametrize("given", [{"state": "x"}, {"state": ""}, {"iss": "http://evil.example"}, {"code": ""},
                                   {"error": "<script>access_denied", "code": ""}])  # fmt: skip
def test_an_answer_to_another_request_lets_nobody_in(place: Place, given: dict[str, str]) -> None:
    browser = place.browser()
    back = {name: values[0] for name, values in parse_qs(urlsplit(place.back(browser)).query).items()}
    answer = browser.get("/sign-in/callback", params=back | given)
    assert answer.status_code == 409
    assert "<script>" not in answer.text
    assert "kaizen-session" not in browser.cookies


def test_nobody_is_signed_in_by_a_link_that_somebody_else_sent_them(place: Place) -> None:
    attackers = place.back(place.browser())
    victim = place.browser()
    assert victim.get(attackers).status_code == 409
    place.back(victim)
    assert victim.get(attackers).status_code == 409
    assert "kaizen-session" not in victim.cookies


@pytest.mark.parametrize("address", [
    "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "evil",
    "/\t/evil.example", "/%0d%0aX: y\r\n", "http:evil", "///evil.example", "/é", "", "/" + "a" * 3000,
])  # fmt: skip
def test_nobody_is_sent_to_another_site_from_here(address: str) -> None:
    assert own_page(address) == "/"


@pytest.mark.parametrize("address", ["/", "/docs", "/label/flights?by=ada", "/a//b", "/a?next=https://x.example"])
def test_a_page_of_ours_is_one(address: str) -> None:
    assert own_page(address) == address


def test_the_page_that_goes_on_carries_nothing_that_runs(place: Place) -> None:
    text = place.through(place.browser(), '/x?"><script>alert(1)</script>').text
    assert "<script>" not in text
    text = place.through(place.browser(), "/x;url=javascript:alert(1)' http-equiv=x").text
    assert "url=/x%3Burl=javascript" in text


def test_a_session_that_was_there_before_is_ended_and_never_taken_over(place: Place) -> None:
    browser = place.browser()
    browser.cookies.set("kaizen-session", "a" * 43, domain="127.0.0.1")
    place.through(browser)
    first = browser.cookies["kaizen-session"]
    assert first != "a" * 43
    place.through(browser)
    second = browser.cookies["kaizen-session"]
    assert second != first
    thief = place.browser()
    thief.cookies.set("kaizen-session", first, domain="127.0.0.1")
    eventually(thief, 401)


def eventually(browser: httpx.Client, status: int) -> None:
    """Wait for what was read to be believed no more."""
    limit = time.monotonic() + 30
    while browser.get("/api/v1/me").status_code != status:
        assert time.monotonic() < limit, f"it does not become {status}"
        time.sleep(0.1)


def test_a_session_ends_with_signing_out(place: Place) -> None:
    browser = place.signed_in()
    secret = browser.cookies["kaizen-session"]
    assert browser.post("/sign-out", headers=OWN).status_code == 200
    assert "kaizen-session" not in browser.cookies
    browser.cookies.set("kaizen-session", secret, domain="127.0.0.1")
    eventually(browser, 401)
    assert place.events(Kind.SIGNED_OUT) == ["person:ada@example.com user:ada@example.com"]


def test_a_session_ends_when_its_person_is_shut_out_until_they_are_let_in(place: Place) -> None:
    browser, admin = place.signed_in(), place.browser()
    with place.house.records.writing() as books:
        text, _ = accounts.issue(books, "root", ["admin"], by="person:root", now=place.house.now())
    admin.headers["Authorization"] = f"Bearer {text}"
    assert admin.get("/api/v1/users").json()["users"][0]["name"] == "ada@example.com"
    assert admin.post("/api/v1/users/ada@example.com/shut-out").status_code == 200
    eventually(browser, 401)
    answer = place.through(browser)
    assert (answer.status_code, "may not come in" in answer.text) == (403, True)
    assert len(place.events(Kind.SIGN_IN_REFUSED)) == 1
    assert admin.post("/api/v1/users/ada@example.com/let-in").status_code == 200
    assert place.through(browser).status_code == 200
    assert admin.post("/api/v1/users/ada@example.com/sign-out").status_code == 200
    eventually(browser, 401)
    assert admin.post("/api/v1/users/nobody/shut-out").status_code == 404


def test_a_session_ends_by_itself(place: Place) -> None:
    browser = place.signed_in()
    place.house.ahead = IDLE - timedelta(seconds=30)
    time.sleep(1.1)
    assert browser.get("/api/v1/me").status_code == 200
    place.house.ahead += IDLE - timedelta(seconds=30)
    time.sleep(1.1)
    assert browser.get("/api/v1/me").status_code == 200
    place.house.ahead += IDLE
    assert browser.get("/api/v1/me").status_code == 401


def test_a_session_ends_at_the_latest_after_twelve_hours(place: Place) -> None:
    browser = place.signed_in()
    while place.house.ahead + IDLE / 2 < LONGEST:
        place.house.ahead += IDLE / 2
        with place.house.records.writing() as books:
            for digest in books.notes.all("session"):
                session = signing_in.find_session(books, digest)
                assert session is not None
                signing_in.put_session(books, digest, type(session)(session.id, session.user, session.created_at,
                                                                    place.house.now()))  # fmt: skip
    place.house.ahead = LONGEST
    eventually(browser, 401)


@pytest.mark.parametrize("groups", [[], ["strangers"], None, "strangers", {"team": True}, [["team"]], 7])
def test_who_is_in_no_group_that_has_a_role_does_not_come_in(place: Place, groups: Any) -> None:
    place.idp.changes = {"groups": groups}
    browser = place.browser()
    answer = place.through(browser)
    assert (answer.status_code, "None of your groups" in answer.text) == (403, True)
    assert "kaizen-session" not in browser.cookies
    with place.house.records.reading() as books:
        assert signing_in.users(books) == []


def test_who_has_left_the_groups_loses_the_sessions_that_they_had(place: Place) -> None:
    browser = place.signed_in()
    place.idp.changes = {"groups": []}
    assert place.through(place.browser()).status_code == 403
    eventually(browser, 401)


def test_nobody_gets_the_name_of_somebody_else(place: Place) -> None:
    place.signed_in()
    place.idp.changes = {"sub": "u-2"}
    answer = place.through(place.browser())
    assert (answer.status_code, "is somebody else" in answer.text) == (403, True)


def test_an_address_that_was_not_verified_is_nobodys_name(place: Place) -> None:
    for verified in (False, "true", None):
        place.idp.changes = {"email_verified": verified, "sub": f"u-{verified}"}
        browser = place.browser()
        assert place.through(browser).status_code == 200
        assert browser.get("/api/v1/me").json()["actor"] == f"person:u-{verified}"


def test_a_person_keeps_the_name_that_they_had_at_first(place: Place) -> None:
    place.signed_in()
    browser = place.signed_in(email="lovelace@example.com")
    assert browser.get("/api/v1/me").json()["actor"] == "person:ada@example.com"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
     {"Origin": "https://evil.example"}, {"Origin": "null"},
     {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"}],
)  # fmt: skip
def test_another_sites_page_makes_no_signed_in_browser_act(place: Place, headers: dict[str, str]) -> None:
    browser = place.signed_in()
    for path in ("/api/v1/releases/flights/3/approve", "/sign-out"):
        answer = browser.post(path, json={}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin"), path
    assert browser.post("/api/2.0/mlflow/experiments/create", json={"name": "x"}, headers=headers).status_code == 403
    assert browser.get("/api/v1/me").status_code == 200


def test_the_servers_own_pages_act_in_a_browser_that_is_signed_in(place: Place) -> None:
    browser = place.signed_in()
    for number, headers in enumerate((OWN, {"Origin": place.url})):
        assert browser.post("/sign-out", headers=headers).status_code == 200, number
        browser = place.signed_in()


def test_a_person_who_signs_out_on_a_page_is_told_so_on_a_page(place: Place) -> None:
    answer = place.signed_in().post("/sign-out", headers={**OWN, "Accept": "text/html"})
    assert (answer.status_code, "You are signed out." in answer.text) == (200, True)


def test_two_cookies_of_one_name_are_none(place: Place) -> None:
    secret = place.signed_in().cookies["kaizen-session"]
    twice = {"Cookie": f"kaizen-session={secret}; kaizen-session={secret}"}
    assert httpx.get(f"{place.url}/api/v1/me", headers=twice, trust_env=False).status_code == 401
    once = {"Cookie": f"a=b; kaizen-session={secret}"}
    assert httpx.get(f"{place.url}/api/v1/me", headers=once, trust_env=False).status_code == 200


@pytest.mark.parametrize("secret", ["", "a", "a" * 43, "a" * 5000, "'; drop table note;--", "kzn_" + "a" * 43])
def test_a_made_up_session_is_none(place: Place, secret: str) -> None:
    cookies = {"Cookie": f"kaizen-session={secret}"}
    assert httpx.get(f"{place.url}/api/v1/me", headers=cookies, trust_env=False).status_code == 401


def test_a_token_works_beside_and_before_a_session(place: Place) -> None:
    browser = place.signed_in()
    with place.house.records.writing() as books:
        text, _ = accounts.issue(books, "ci", ["developer"], by="person:root", now=place.house.now(), service=True)
    assert browser.get("/api/v1/me", headers={"Authorization": f"Bearer {text}"}).json()["actor"] == "service:ci"
    assert browser.get("/api/v1/me", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_provider_that_calls_itself_otherwise_is_not_believed(idp: Idp) -> None:
    idp.calm()
    idp.about = {"issuer": "https://evil.example"}
    with pytest.raises(Exception, match=r"calls itself 'https://evil\.example'"):
        Oidc(idp.url, CLIENT, SECRET).address(redirect="http://127.0.0.1/x", state="s", nonce="n", challenge="c")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        idp.about = {name: "http://evil.example/x"}
        with pytest.raises(Exception, match=f"names no {name} that is safe"):
            Oidc(idp.url, CLIENT, SECRET)._place(name)


def test_a_provider_that_is_away_is_told_as_that(place: Place) -> None:
    gone = Door(Oidc("http://127.0.0.1:1", CLIENT), Rules(f"{place.url}/sign-in/callback", ROLES), place.url)
    with serve_control_plane(place.house, host="127.0.0.1", port=0, door=gone) as url:
        answer = httpx.get(f"{url}/sign-in", trust_env=False)
    assert (answer.status_code, "cannot be asked" in answer.text) == (503, True)


def test_behind_tls_the_cookies_are_bound_to_this_host_and_to_tls(place: Place) -> None:
    url = "https://kaizen.example"
    door = Door(Oidc(place.idp.url, CLIENT, SECRET), Rules(f"{url}/sign-in/callback", ROLES), url)
    with serve_control_plane(place.house, host="127.0.0.1", port=0, door=door) as here:
        host = {"Host": "kaizen.example"}
        begun = httpx.get(f"{here}/sign-in", headers=host, trust_env=False)
        signing = begun.headers["set-cookie"].split("; ")
        back = httpx.get(begun.headers["location"], trust_env=False).headers["location"].removeprefix(url)
        answer = httpx.get(f"{here}{back}", headers={**host, "Cookie": signing[0]}, trust_env=False)
        strange = httpx.get(f"{here}/sign-in", headers={"Host": "evil.example"}, trust_env=False)
    session = next(each for each in answer.headers.get_list("set-cookie") if "session" in each).split("; ")
    for cookie, site in ((signing, "lax"), (session, "strict")):
        assert cookie[0].startswith("__Host-kaizen-")
        assert {"Secure", "HttpOnly", "Path=/", f"SameSite={site}"} <= set(cookie)
    assert strange.status_code == 421
