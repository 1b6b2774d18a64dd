"""Labelling over HTTP and on the page: what a person and a program do, and what is refused."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from kaizenml.core.labelling import LabelTask
from kaizenml.errors import UsageError
from kaizenml.interfaces.http.access import Access
from kaizenml.interfaces.http.app import create_app
from kaizenml.interfaces.web.labelling import meant
from kaizenml.loop import labelling, labels
from kaizenml.loop.service import LoopService
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import House, open_house

CHROMIUM = shutil.which("chromium")
NASTY = "<script>alert(1)</script>"


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = open_house(settings(tmp_path, {}))
    tasks = [LabelTask(f"t{at}", {"text": f"{NASTY} {at}"}, NASTY, 0.5, priority=1 - at / 9) for at in range(3)]
    labelling.fill(made, "till", tasks, choices=["yes", "no", 'may"be'], share=0)
    return made


@contextmanager
def serving(house: House, access: Access | None = None) -> Iterator[httpx.Client]:
    config = uvicorn.Config(create_app(LoopService(house), access), port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    limits = httpx.Limits(max_keepalive_connections=0)
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, follow_redirects=True, limits=limits
        ) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def client(house: House) -> Iterator[httpx.Client]:
    with serving(house) as made:
        yield made


def test_a_program_takes_a_task_and_labels_it(client: httpx.Client) -> None:
    base = "/api/v1/projects/till/labels"
    task = client.post(f"{base}/next", json={"by": "ada"}).json()["done"]["task"]

    said = {"by": "ada", "task": task["id"], "value": "yes"}
    assert client.post(f"{base}/give", json=said).status_code == 201
    assert client.post(f"{base}/give", json=said).json()["done"]["repeated"] is True
    second = client.post(f"{base}/next", json={"by": "ada"}).json()["done"]["task"]["id"]
    assert client.post(f"{base}/skip", json={"by": "ada", "task": second}).status_code == 200
    assert client.get(base).json()["annotators"] == {"person:ada": 1}
    assert client.get(f"{base}/agreement").json()["agreement"]["disputed"] == []
    wrong = client.post(f"{base}/give", json={**said, "value": "yess"})
    assert (wrong.status_code, wrong.json()["error"]["hint"]) == (404, "Did you mean 'yes'?")
    assert client.post("/api/v1/projects/tall/labels/next", json={}).status_code == 404
    assert client.post(f"{base}/next", json={"by": "system:loop"}).status_code == 422


def test_a_person_labels_by_keys_alone(client: httpx.Client, house: House) -> None:
    assert "Hand me a row" in client.get("/label/till?by=ada").text
    client.post("/label/till", data={"by": "ada"})

    for at, typed in enumerate(["2", "may", "-"]):
        shown = client.post("/label/till", data={"by": "ada", "task": f"t{at}", "said": typed})
        assert shown.status_code == 200, shown.text

    rows = labels.given(house, "till").select("task", "value", "by", "suggestion").rows()
    assert rows == [("t0", "no", "person:ada", NASTY), ("t1", 'may"be', "person:ada", NASTY)]
    assert "Hand me a row" in shown.text


def test_what_a_row_holds_is_never_html(client: httpx.Client) -> None:
    client.post("/label/till", data={"by": "ada"})
    shown = client.get("/label/till?by=ada")

    assert "<script" not in shown.text
    assert "&lt;script&gt;" in shown.text
    assert 'value="may&quot;be"' in shown.text
    assert "script-src" not in shown.headers["content-security-policy"]


def test_a_wrong_key_is_told_and_the_row_stays(client: httpx.Client) -> None:
    client.post("/label/till", data={"by": "ada"})
    wrong = client.post("/label/till", data={"by": "ada", "task": "t0", "said": "9"})

    assert wrong.status_code == 400
    assert "could be no label" in wrong.text
    assert "Row t0" in wrong.text
    assert client.get("/label/till?by=%3Cb%3E").status_code == 400


def test_another_site_and_a_stranger_may_not_label(house: House) -> None:
    token = "correct-horse-battery-staple"
    with serving(house, Access(token=token)) as client:
        assert client.get("/label/till").status_code == 401
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.post("/label/till", data={"by": "a"}, headers={"Origin": "http://evil"}).status_code == 403
        assert client.post("/label/till", data={"by": "a"}).status_code == 200


def test_what_is_typed_means_a_label_its_number_or_its_beginning() -> None:
    assert [meant(said, ["yes", "no"]) for said in ("no", "1", "N", " ye ")] == ["no", "yes", "no", "yes"]
    assert meant("1", ["2", "1"]) == "1"
    assert meant("anything", []) == "anything"
    for said in ("", "0", "x"):
        with pytest.raises(UsageError, match="could be no label"):
            meant(said, ["yes", "no"])
    with pytest.raises(UsageError, match="could be late, later"):
        meant("la", ["late", "later"])


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_a_real_browser_labels_by_keys_alone(client: httpx.Client, house: House) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 375, "height": 700})
        page.goto(f"{client.base_url}/label/till?by=ada")
        page.set_default_timeout(8_000)
        page.wait_for_selector("button:focus")
        page.keyboard.press("Enter")
        for at, typed in enumerate(["2", "may", "-"]):
            page.wait_for_selector(f"text=Row t{at}")
            page.wait_for_selector("input:focus")
            page.keyboard.type(typed)
            page.keyboard.press("Enter")
        page.wait_for_selector("text=Hand me a row")
        width = page.evaluate("document.documentElement.scrollWidth")
        browser.close()

    assert width <= 375
    assert labels.given(house, "till")["value"].to_list() == ["no", 'may"be']


def test_one_is_one_and_nothing_left_offers_nothing(house: House, client: httpx.Client) -> None:
    assert "3 rows wait." in client.get("/label/till?by=ada").text
    for _ in range(2):
        told = labelling.next_task(house, "till", "person:ada")
        assert told is not None
        labelling.give(house, "till", told.task.id, "yes", "person:ada")
    one = client.get("/label/till?by=bob").text
    assert "1 row waits." in one
    assert "0 labels by you" in one
    told = labelling.next_task(house, "till", "person:ada")
    assert told is not None
    labelling.give(house, "till", told.task.id, "yes", "person:ada")

    left = client.get("/label/till?by=ada").text

    assert "Nothing is left." in left
    assert "<button" not in left
