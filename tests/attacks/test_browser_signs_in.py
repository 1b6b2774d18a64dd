"""Signing in and out with a real browser, with a token too, and what it shows of errors: pages, like the others."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from control_house import filled_house
from oidc_server import CLIENT, SECRET, Idp, running_idp

from kaizenml.adapters.oidc import Oidc
from kaizenml.core.person import roles_by_group
from kaizenml.interfaces.http.server import serve_control_plane
from kaizenml.loop.signing_in import Door, Rules

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
CARD = "getComputedStyle(document.querySelector('section')).borderRadius"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")


@pytest.fixture
def idp() -> Iterator[Idp]:
    with running_idp() as idp:
        yield idp


@pytest.fixture
def url(idp: Idp) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    rules = Rules(f"{url}/sign-in/callback", roles_by_group("team=viewer"))
    door = Door(Oidc(idp.url, CLIENT, SECRET), rules, url)
    with serve_control_plane(filled_house(), host="127.0.0.1", port=port, door=door):
        yield url


@pytest.fixture
def page() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser.new_page(viewport={"width": 375, "height": 900})
        browser.close()


def test_a_person_signs_in_sees_who_they_are_and_signs_out_by_a_button(url: str, page: Any) -> None:
    page.goto(url)
    page.wait_for_url(f"{url}/")
    assert page.inner_text(".leave span") == "ada@example.com"

    page.get_by_role("button", name="Sign out").click()

    assert "You are signed out." in page.inner_text("main")
    assert page.context.cookies() == []
    assert page.evaluate(CARD) != "0px"


def test_the_address_alone_ends_no_session_and_its_page_has_the_button(url: str, page: Any) -> None:
    page.goto(url)
    page.wait_for_url(f"{url}/")

    page.goto(f"{url}/sign-out")

    assert [each["name"] for each in page.context.cookies()] == ["kaizen-session"]
    page.get_by_role("button", name="Sign out").click()
    assert page.context.cookies() == []


def test_who_may_not_come_in_reads_so_on_a_page_that_looks_like_the_others(url: str, idp: Idp, page: Any) -> None:
    idp.person["groups"] = ["guests"]

    answer = page.goto(url)

    assert answer.status == 403
    assert "None of your groups has a role here." in page.get_by_role("alert").inner_text()
    assert page.evaluate(CARD) != "0px"


def test_what_is_not_there_is_told_on_a_page_with_a_way_back(url: str, page: Any) -> None:
    page.goto(url)
    page.wait_for_url(f"{url}/")

    answer = page.goto(f"{url}/nowhere")

    assert answer.status == 404
    assert page.get_by_role("alert").inner_text() == "There is no path '/nowhere'."
    page.get_by_role("link", name="To the first page").click()
    page.wait_for_url(f"{url}/")
    assert page.goto(f"{url}/api/v1/nowhere").headers["content-type"] == "application/json"


def test_a_browser_sends_a_token_as_a_password(page: Any) -> None:
    token = "a-token-of-the-server-that-is-long"
    with serve_control_plane(filled_house(), host="127.0.0.1", port=0, token=token) as guarded:
        context = page.context.browser.new_context(http_credentials={"username": "anybody", "password": token})

        shown = context.new_page()
        answer = shown.goto(guarded)

        assert answer.status == 200
        assert shown.locator("h2").first.inner_text() != ""
