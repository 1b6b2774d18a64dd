"""The pages in a real browser: what a person sees and does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from loop_processes import Up, called, soon, up
from loop_shop import write_shop

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = write_shop(tmp_path_factory.mktemp("pages") / "shop")
    called("run", "--project", folder)
    called("ship", "shop/1", "--project", folder)
    with up(folder) as running:
        soon(lambda: running.is_serving("shop"))
        yield running


def is_complaint(said: Any) -> bool:
    """Say whether the console tells of a fault of the page; that a request was refused is none."""
    return said.type == "error" and "the server responded with a status of 422" not in said.text


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of a browser; what its scripts complain of fails the test."""
    complaints: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        opened = browser.new_page()
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
        yield opened
        browser.close()
    assert complaints == []


@pytest.mark.parametrize("width", [375, 1280])
def test_the_loop_is_shown_without_sideways_scrolling(shop: Up, page: Any, width: int):
    page.set_viewport_size({"width": width, "height": 900})

    page.goto(shop.control)

    assert "shop/1 serves" in page.inner_text("body")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_api_page_lists_the_routes_without_asking_another_machine(shop: Up, page: Any):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{shop.control}/docs")

    assert "/api/v1/releases" in page.inner_text("body")
    assert asked
    assert all(url.startswith(shop.control) for url in asked)


def test_a_person_asks_the_endpoint_and_tells_it_the_truth(shop: Up, page: Any):
    page.goto(f"{shop.data}/endpoints/shop/")

    page.fill("[data-column=weight]", "9.5")
    page.fill("[data-column=distance]", "880")
    page.click("#ask button")
    page.wait_for_selector("#result table")

    shown = page.inner_text("#result")
    assert "shop/1" in shown
    assert "prediction" in shown
    assert page.is_visible("#truth")


def test_a_refusal_is_shown_in_words(shop: Up, page: Any):
    page.goto(f"{shop.data}/endpoints/shop/")

    page.fill("[data-column=weight]", "heavy")
    page.click("#ask button")
    page.wait_for_selector("#result .error")

    assert "weight" in page.inner_text("#result")


def test_the_form_to_try_an_endpoint_fits_a_small_screen(shop: Up, page: Any):
    page.set_viewport_size({"width": 375, "height": 900})

    page.goto(f"{shop.data}/endpoints/shop/")

    edges = page.eval_on_selector_all("#ask input", "all => all.map(one => one.getBoundingClientRect().right)")
    assert max(edges) <= 375 - 16
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_no_cell_of_what_happened_is_cut_off_on_a_small_screen(shop: Up, page: Any):
    page.set_viewport_size({"width": 320, "height": 900})

    page.goto(shop.control)

    right = "one => one.getBoundingClientRect().right"
    cells = page.eval_on_selector_all("tbody td", f"all => all.map({right})")
    assert max(cells) <= page.eval_on_selector("table", right) + 1
