import asyncio
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from serving_light import Place
from serving_samples import CLASSES, ROW, LinearScorer, running, towns

from kaizenml.core.endpoint import Route
from kaizenml.core.schema import Column, ColumnKind

HOSTILE = "\"><script>alert(1)</script>'&"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


class Page(HTMLParser):
    """What a browser would find: tags with their attributes, and the text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def columns(self):
        return [attrs["data-column"] for _, attrs in self.tags if "data-column" in attrs]


def get(place, path, scorer=None, headers=None, **options):
    async def scenario():
        scorers = {"towns/1": scorer or LinearScorer()}
        async with running(place, scorers, Route("towns", "towns/1"), **options) as client:
            return await client.get(path, headers=headers)

    return asyncio.run(scenario())


def test_the_page_has_a_field_for_every_column_and_the_id(place):
    page = Page(get(place, "/endpoints/towns/").text)

    assert page.columns() == ["ticket", "age", "fare", "town", "member"]
    assert ("script", {"src": "/static/try.js", "defer": None}) in page.tags


def test_nothing_in_a_signature_can_become_markup(place):
    column = Column(HOSTILE, ColumnKind.CATEGORY, example=HOSTILE)
    signature = replace(CLASSES, inputs=(column,), target=HOSTILE, classes=(HOSTILE, "b"), id=HOSTILE)

    page = Page(get(place, "/endpoints/towns/", LinearScorer(signature)).text)

    assert [attrs for tag, attrs in page.tags if tag == "script"] == [{"src": "/static/try.js", "defer": None}]
    assert page.columns() == [HOSTILE, HOSTILE]


def test_nothing_inline_may_run_on_a_page(place):
    response = get(place, "/endpoints/towns/")
    policy = response.headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<style" not in response.text
    assert " on" + "click" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("path", "kind"), [("/static/try.js", "text/javascript"), ("/static/try.css", "text/css")])
def test_the_script_and_the_style_are_files_of_their_own(place, path, kind):
    response = get(place, path)

    assert response.status_code == 200
    assert response.headers["content-type"].startswith(kind)


def test_a_path_without_its_slash_leads_to_the_page(place):
    response = get(place, "/endpoints/towns")

    assert response.status_code == 307
    assert response.headers["location"] == "/endpoints/towns/"


def test_the_first_page_lists_the_endpoints_for_programs_and_people(place):
    assert get(place, "/").json() == {"endpoints": ["towns"]}
    assert 'href="/endpoints/towns/"' in get(place, "/", headers={"accept": "text/html"}).text


def test_the_metrics_are_what_prometheus_reads(place):
    async def scenario():
        async with towns(place) as client:
            await client.post("/endpoints/towns/predict", json={"rows": [ROW, ROW]})
            await client.post("/endpoints/towns/predict", json={"rows": [{**ROW, "age": True}]})
            await client.post("/endpoints/towns/feedback", json={"labels": [{"id": "a", "value": True}]})
            return await client.get("/metrics")

    response = asyncio.run(scenario())
    lines = response.text.splitlines()

    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    labels = 'endpoint="towns",model="towns",version="1"'
    assert f'kaizen_predictions_total{{{labels},outcome="answered"}} 2' in lines
    assert f'kaizen_predictions_total{{{labels},outcome="invalid"}} 1' in lines
    assert f'kaizen_prediction_latency_seconds_bucket{{{labels},le="+Inf"}} 1' in lines
    assert f"kaizen_prediction_latency_seconds_count{{{labels}}} 1" in lines
    assert 'kaizen_labels_received_total{endpoint="towns"} 1' in lines
    assert 'kaizen_model_info{model="towns",version="1"} 1' in lines
    named = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    found = {line.split("{")[0].split()[0] for line in lines if not line.startswith("#")}
    assert {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in found} <= named


def test_latency_buckets_only_grow(place):
    async def scenario():
        async with towns(place) as client:
            for _ in range(5):
                await client.post("/endpoints/towns/predict", json={"rows": [ROW]})
            return (await client.get("/metrics")).text

    lines = [line for line in asyncio.run(scenario()).splitlines() if "_seconds_bucket" in line]
    counts = [int(line.rsplit(" ", 1)[1]) for line in lines]

    assert counts == sorted(counts)
    assert counts[-1] == 5
