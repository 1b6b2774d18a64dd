"""`kaizen report`, and the studies that a run is asked for."""

from __future__ import annotations

import json
import shutil

import pytest
from cli_calls import Kaizen, project

CHROMIUM = shutil.which("chromium")


@pytest.fixture
def evaluated(kaizen: Kaizen, tmp_path):
    code = "project.step(lambda: LogisticRegression(), name='estimator')\nproject.evaluate(importance_seconds=0.2)\n"
    folder = project(tmp_path / "shop", code)
    said = kaizen("run", "--project", folder, "--with", "learning_curve")
    assert said.code in (0, 1), said.err
    return folder, json.loads(kaizen("runs", "--project", folder, "--json").out)["runs"][0]["id"]


def test_the_report_is_a_page_lines_for_people_and_values_for_programs(kaizen: Kaizen, evaluated, tmp_path):
    folder, run = evaluated

    lines = kaizen("report", "--project", folder)
    values = json.loads(kaizen("report", run, "--project", folder, "--json").out)
    written = kaizen("report", run, "--project", folder, "--out", tmp_path / "out" / "r.html")

    assert "calibration error" in lines.out
    assert "The page:" in lines.out
    assert values["run"] == run
    assert {"evaluation.json", "calibration.svg", "learning_curve.svg"} <= set(values["artefacts"])
    assert values["evaluation"]["learning_curve"]["points"]
    assert written.code == 0
    assert (tmp_path / "out" / "r.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_study_or_run_that_nobody_knows_is_told_the_closest(kaizen: Kaizen, evaluated):
    folder, run = evaluated

    study = kaizen("run", "--project", folder, "--with", "stalness")
    report = kaizen("report", f"{run}x", "--project", folder)

    assert (study.code, "'staleness'" in study.err) == (2, True), study.err
    assert (report.code, run in report.err) == (2, True), report.err


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 375)])
def test_the_page_is_whole_without_a_network_in_a_real_browser(kaizen: Kaizen, evaluated, tmp_path, scheme, width):
    sync_api = pytest.importorskip("playwright.sync_api")
    folder, run = evaluated
    kaizen("report", run, "--project", folder, "--out", tmp_path / "r.html")
    complaints: list[str] = []

    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, offline=True)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((tmp_path / "r.html").as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth")
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
        charts = page.locator("svg.kz").count()
        browser.close()

    assert complaints == []
    assert wide <= width
    assert (sum(map(int, back.strip("rgb()").split(","))) < 200) is (scheme == "dark")
    assert charts >= 3
