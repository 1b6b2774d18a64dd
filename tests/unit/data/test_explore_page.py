"""The page says what JSON says, and nothing of the data becomes markup."""

import random
import re
from html.parser import HTMLParser

import msgspec
import polars as pl
import pytest

import kaizenml as kz
from kaizenml.data.clean import learn_plan, replay
from kaizenml.data.explore_page import page
from kaizenml.loop.exploring import Rows, exploration

EVIL = "<script>alert(1)</script>"


class Values(HTMLParser):
    """Every number of the page, and every tag."""

    def __init__(self):
        super().__init__()
        self.values, self.tags, self.text = [], set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.values += [float(value) for name, value in attrs if tag == "data" and name == "value"]

    def handle_data(self, data):
        self.text.append(data)


def parsed(html):
    found = Values()
    found.feed(html)
    return found


def rows_of(raw):
    plan = learn_plan(raw)
    clean = replay(plan, raw).frame
    return Rows(clean, clean, plan, "till@1")


@pytest.fixture
def found():
    rng = random.Random(3)
    words = [rng.choice([f"{EVIL}&\"'", "plain"]) for _ in range(400)]
    raw = pl.DataFrame(
        {
            EVIL: words,
            "\"'>": [rng.gauss(0, 1) if rng.random() < 0.8 else None for _ in words],
            "leak": [str(word == "plain") for word in words],
            "late": ["yes" if word == "plain" else "no" for word in words],
        }
    )
    project = kz.Project("till", source=kz.files("x.csv"), target="late")
    before = raw.with_columns(pl.col("\"'>") + 3)
    return exploration(project, rows_of(raw), rows_of(before))


def test_nothing_of_the_data_becomes_markup(found):
    html = page(found)

    assert EVIL not in html
    assert not parsed(html).tags & {"script", "img", "iframe", "link"}
    assert EVIL in "".join(parsed(html).text)
    assert {each.column for each in found.findings if each.kind == "leakage"} == {EVIL, "leak"}
    assert not re.findall(r"https?://", html)


def test_every_number_of_the_page_is_one_of_json(found):
    document = msgspec.json.decode(msgspec.json.encode(found))

    def numbers(value):
        if isinstance(value, dict):
            return [n for each in value.values() for n in numbers(each)]
        if isinstance(value, list):
            return [n for each in value for n in numbers(each)]
        return [float(value)] if isinstance(value, (int, float)) and not isinstance(value, bool) else []

    said = set(numbers(document)) | {float(len(document["findings"])), float(len(document["columns"]))}
    shown = parsed(page(found)).values
    assert len(shown) > 60
    assert [value for value in shown if value not in said] == []


def test_drift_is_told_with_its_size_and_what_moved(found):
    shift = found.drift.columns[0]

    assert (shift.column, shift.size) == ("\"'>", "large")
    assert "mean 3" in shift.sentence
    assert [each.where for each in found.findings if each.kind == "drift"] == ["shell"]


def test_every_finding_says_what_to_do(found):
    assert found.findings
    assert all(each.do and each.sentence for each in found.findings)


def test_personal_data_are_not_shown():
    people = [f"person{i}@example.org" for i in range(60)] * 2
    raw = pl.DataFrame({"contact": people, "x": list(range(120)), "late": ["yes", "no"] * 60})

    found = exploration(kz.Project("till", source=kz.files("x.csv"), target="late"), rows_of(raw))

    assert "example.org" not in page(found)
    assert b"example.org" not in msgspec.json.encode(found)


@pytest.mark.parametrize("target", ["nothing", "same"])
def test_a_target_that_cannot_be_learned_is_a_finding(target):
    raw = pl.DataFrame({"x": list(range(60)), "same": ["a"] * 60})

    found = exploration(kz.Project("till", source=kz.files("x.csv"), target=target), rows_of(raw))

    assert found.findings[0].kind == "target"
    assert target in page(found)


def test_a_table_without_rows_still_has_a_page():
    raw = pl.DataFrame({"x": [], "late": []}, schema={"x": pl.String, "late": pl.String})

    assert "<h1>" in page(exploration(kz.Project("till", source=kz.files("x.csv"), target="late"), rows_of(raw)))


def test_the_table_report_is_shut_in_a_frame(found):
    report = f'<!doctype html><script>1</script><p title="a">{EVIL}</p>'

    html = page(found, report)

    assert "<script>" not in html
    assert 'sandbox="allow-scripts" title="Table report" srcdoc="&lt;!doctype html&gt;' in html
    assert "default-src 'none'" in html
    assert "kaizenml[explore]" in page(found)
    assert "script-src" not in page(found)
