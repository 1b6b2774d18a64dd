"""What the first page says of the loop."""

from __future__ import annotations

import doctest
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from control_house import CLIENT, NOW, House, _alert, _release, _run, filled_house, serving

from kaizenml.adapters.sql import open_records
from kaizenml.core.approval import Approval, Review
from kaizenml.core.finding import Severity
from kaizenml.core.gate import Check, Verdict
from kaizenml.core.job import Job, Work
from kaizenml.core.release import ReleaseState
from kaizenml.core.run import RunState
from kaizenml.interfaces.web import html, stages
from kaizenml.interfaces.web.html import Html, joined, tag
from kaizenml.interfaces.web.overview import overview
from kaizenml.interfaces.web.stages import Tone
from kaizenml.interfaces.web.words import age, counted, share, shortened


def test_the_page_shows_the_whole_loop() -> None:
    with serving(filled_house()) as url:
        text = CLIENT.get(url).text

    for words in (
        "flights@3: 27,004 rows, 312 kept aside", "flights:3: roc_auc 0.712", "passed 2 checks",
        "flights/3 waits for a person", "flights/3 at 25 %", "1 open alert", "retrained: dep_delay moved",
        "Live roc_auc", "rollout.started", 'href="#event-9"',
    ):  # fmt: skip
        assert words in text


def test_a_replay_shows_both_clocks() -> None:
    class Replay(House):
        def loop_state(self) -> dict[str, object]:
            return {"data_now": "2013-02-01T10:00:00+00:00"}

    with serving(Replay(filled_house().records)) as url:
        assert "2026-03-01 12:00:00 UTC, on the data&#x27;s clock 2013-02-01 10:00" in CLIENT.get(url).text


def test_every_module_can_be_imported_first() -> None:
    for name in ("web.pages", "web.parts", "http.app", "http.docs", "http.routes"):
        script = f"import kaizenml.interfaces.{name}"
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_page_is_well_formed() -> None:
    class Check(HTMLParser):
        opened: list[str]

        def handle_starttag(self, name: str, attrs: object) -> None:  # noqa: ARG002
            if name not in ("meta", "link"):
                self.opened.append(name)

        def handle_startendtag(self, name: str, attrs: object) -> None:
            pass

        def handle_endtag(self, name: str) -> None:
            assert self.opened.pop() == name

    with serving(filled_house()) as url:
        check = Check()
        check.opened = []
        check.feed(CLIENT.get(url).text)

    assert check.opened == []


def test_an_empty_home_says_how_to_begin() -> None:
    with serving(House(open_records("sqlite:///:memory:"))) as url:
        text = CLIENT.get(url).text

    assert "kaizen new" in text
    assert "Nothing has happened yet." in text


def test_an_overview_has_every_stage_in_order() -> None:
    with filled_house().records.reading() as books:
        (project,) = overview(books, NOW).projects

    names = [stage.name for stage in project.stages]
    assert names == ["data", "train", "gate", "approve", "serve", "watch", "improve"]
    assert project.quality is not None
    assert len(project.quality.values) == 20


def test_a_project_without_anything_is_idle_everywhere() -> None:
    found = [
        stages.data([]), stages.train([], []), stages.gate([]), stages.approve([]), stages.serve(None, None),
        stages.watch([], []), stages.improve([], []),
    ]  # fmt: skip

    assert {stage.tone for stage in found} == {Tone.IDLE}


def test_a_run_is_shown_as_it_is() -> None:
    job = Job("j", "k", "flights", Work.RUN, {}, NOW)
    failed = replace(_run(""), state=RunState.FAILED, error="ValueError: no rows\nTraceback")

    assert stages.train([replace(failed, state=RunState.RUNNING)], []).tone is Tone.BUSY
    assert stages.train([], [job]).said == "a run is queued"
    assert stages.train([failed], []).said == "failed: ValueError: no rows"


def test_what_the_gate_held_back_is_shown_with_the_reason() -> None:
    failing = Verdict((Check("at_least roc_auc", False, 0.5, 0.65, "too low"),))
    held = replace(_release(3, ReleaseState.PROPOSED), verdict=failing)
    forced = replace(held, verdict=replace(failing, overridden_by="eve", overridden_because="demo"))

    assert stages.gate([held]).said == "held back: at_least roc_auc"
    assert (stages.gate([held]).tone, stages.gate([forced]).tone) == (Tone.BAD, Tone.WAITING)
    assert stages.approve([held]).tone is Tone.IDLE
    asked = replace(_release(3, ReleaseState.GATED), review=Review(needed=3))
    given = Approval("person:eve", asked.created_at, asked.digest, asked.created_at)
    assert stages.approve([replace(asked, approvals=(given,))]).said == "flights/3 waits for 2 people"
    assert stages.approve([replace(held, state=ReleaseState.DECLINED, declined_because="no")]).said == "declined: no"


def test_the_worst_alert_gives_the_tone() -> None:
    warning = _alert("moved")

    assert stages.watch([warning], []).tone is Tone.WAITING
    assert stages.watch([warning, replace(warning, severity=Severity.CRITICAL)], []).tone is Tone.BAD


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "just now"), (59, "just now"), (61, "1 min ago"), (7200, "2 h ago"), (864000, "10 d ago")],
)
def test_ages_are_short(seconds: float, said: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == said


def test_words_are_short() -> None:
    assert (counted(1, "row"), counted(2000, "row")) == ("1 row", "2,000 rows")
    assert (share(0.05), share(1.0), share(0.333333)) == ("5 %", "100 %", "33.3 %")
    assert shortened("x" * 20, 10) == "x" * 9 + "…"
    assert (shortened("one\ntwo"), shortened(" \n ")) == ("one", "")


def test_only_what_was_made_as_html_is_html() -> None:
    inner = tag("b", "<i>", title='"')

    assert inner == '<b title="&quot;">&lt;i&gt;</b>'
    assert joined(inner, "<u>", 3, None) == f"{inner}&lt;u&gt;3"
    assert isinstance(joined(), Html)
    assert doctest.testmod(html).failed == 0
