"""Whatever is sent, the answer is a 4xx that says why, nothing is logged, and the next request is answered."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1] / "unit" / "serving"))

from serving_light import ConstantScorer, Place
from serving_samples import ROW, LinearScorer, prices, running, towns

from kaizenml.core.endpoint import Route
from kaizenml.errors import UsageError
from kaizenml.serving.limits import Limits
from kaizenml.serving.segments import closed_segments, read_segment

PATH = "/endpoints/towns/predict"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def sent(place, body, path=PATH, method="POST", headers=None, **options):
    """Send the body, then a good row; return both responses."""

    async def scenario():
        async with towns(place, **options) as client:
            response = await client.request(method, path, content=body, headers=headers)
            token = {k: v for k, v in (headers or {}).items() if k == "Authorization"}
            after = await client.post(PATH, json={"rows": [ROW]}, headers=token)
            return response, after

    return asyncio.run(scenario())


def refused(place, body, status, *words, **options):
    response, after = sent(place, body, **options)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"code", "message", "hint", "details"}
    for word in words:
        assert word in response.text, error
    if not options.get("token"):
        assert after.status_code == 200
    logged = [entry for path in closed_segments(place.spool) for entry in read_segment(path)]
    assert len(logged) <= 1
    return error


def row(**cells):
    return json.dumps({"rows": [ROW, {**ROW, **cells}]}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"rows"',
        b"{}",
        b'{"rows": null}',
        b'{"rows": {}}',
        b'{"rows": [1]}',
        b'{"rows": [null]}',
        b'{"rows": [[1, 2]]}',
        b'{"rows": []}',
        b'{"rows": [{}]} trailing',
        b'{"rowz": [{}]}',
        b'{"rows": [{"age": 1}], "key": 3}',
        b'{"rows": [{"age": 1}], "at": "yesterday"}',
        b'{"rows": [{"age": "\xff"}]}',
        b'{"rows": [{"\xc3\x28": 1}]}',
        b'\xff\xfe{\x00"\x00',
        b'{"rows": [{"age": "\\ud800"}]}',
        b'{"rows": [{"age": "\x00"}]}',
        b'{"rows": [{"age": 0x10}]}',
        b'{"rows": [{"age": ' + b"9" * 5000 + b"}]}",
        b'{"rows": ' + b"[" * 200_000,
        b'{"rows": [' + b'{"a":' * 200_000,
        b'{"rows": [{"age": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}]}",
    ],
)
def test_a_body_that_is_not_the_json_asked_for_is_refused(place, body):
    error = refused(place, body, 400)

    assert error["message"]
    assert error["hint"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"rows": [{"age": NaN}]}', ["rows[0]", "'age'", "NaN"]),
        (b'{"rows": [{"age": 1}, {"age": -Infinity}]}', ["rows[1]", "'age'", "Infinity"]),
        (b'{"rows": [{"age": 1e999}]}', ["rows[0]", "'age'", "too large"]),
        (row(age=[1]), ["rows[1]", "'age'", "a list"]),
        (row(age={"a": 1}), ["rows[1]", "'age'", "an object"]),
        (row(age=True), ["rows[1]", "'age'", "true", "an integer"]),
        (row(fare=False), ["rows[1]", "'fare'", "false", "a number"]),
        (row(town=True), ["rows[1]", "'town'", "text"]),
        (row(age=2**63), ["rows[1]", "'age'", "64 bits"]),
        (row(age=-(2**80)), ["rows[1]", "'age'", "64 bits"]),
        (row(age=None), ["rows[1]", "'age'", "null"]),
        (row(farre=1), ["rows[1]", "'farre'", "did you mean 'fare'?"]),
        (row(late=True), ["rows[1]", "'late'", "is not a column"]),
        (row(ticket=True), ["rows[1]", "'ticket'"]),
        (b'{"rows": [{"age": 1, "fare": 1, "member": true}]}', ["rows[0]", "'town'", "is missing"]),
        (b'{"rows": [{}]}', ["rows[0]", "'age'", "is missing", "3 more"]),
        (row(**{"x" * 100_000: 1}), ["rows[1]", "is not a column"]),
        (row(town="Nowhere"), ["no such town"]),
    ],
)
def test_a_row_that_does_not_fit_is_named_with_its_column(place, body, words):
    error = refused(place, body, 422, *words)

    assert error["code"] == "rows"
    assert {"row", "column", "problem"} == set(error["details"]["rows"][0])
    assert len(error["message"]) < 500


def test_text_is_for_the_release_to_judge(place):
    response, _ = sent(place, row(age="41"))

    assert response.status_code == 200


def test_more_rows_than_one_request_may_bring_are_refused_with_both_numbers(place):
    body = b'{"rows": [' + b",".join([b"{}"] * 10_001) + b"]}"

    refused(place, body, 413, "10,001", "10,000")


def test_many_bad_rows_do_not_make_a_long_answer(place):
    response, _ = sent(place, b'{"rows": [' + b",".join([b'{"zzz": 1}'] * 10_000) + b"]}")

    assert response.status_code == 422
    assert len(response.content) < 10_000


def test_a_large_body_is_refused_from_its_length_alone(place):
    headers = {"content-length": str(10**12)}

    refused(place, b"{}", 413, "1,000,000,000,000", headers=headers)


def test_a_large_body_without_a_length_is_refused_when_it_is_too_long(place):
    sent_bytes = 0

    async def pieces():
        nonlocal sent_bytes
        for _ in range(100):
            sent_bytes += 1000
            yield b" " * 1000

    async def scenario():
        async with towns(place, limits=Limits(body_bytes=5000)) as client:
            return await client.post(PATH, content=pieces())

    response = asyncio.run(scenario())

    assert response.status_code == 413
    assert sent_bytes <= 7000


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", PATH, 405, "POST"),
        ("DELETE", "/endpoints/towns/", 405, "GET"),
        ("POST", "/metrics", 405, "GET"),
        ("POST", "/endpoints/town/predict", 404, "towns"),
        ("POST", "/endpoints/" + "x" * 60_000 + "/predict", 404, "endpoint"),
        ("POST", "/endpoints//predict", 404, "path"),
        ("GET", "/endpoints/towns/../../etc/passwd", 404, "path"),
        ("GET", "/static/..%2fapp.py", 404, "path"),
        ("GET", "/nothing", 404, "path"),
        ("GET", "/endpoints/%0d%0aset-cookie:a=b", 404, "endpoint"),
        ("GET", "/endpoints/\u00e9\u4e2d/schema", 404, "endpoint"),
    ],
)
def test_a_path_or_verb_that_is_not_served_is_refused(place, method, path, status, word):
    error = refused(place, b"", status, word, path=path, method=method)

    assert len(error["message"]) < 500


def test_a_wrong_verb_is_told_the_right_one(place):
    response, _ = sent(place, b"", method="GET")

    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "s3cret"}, {"Authorization": "Basic s3cret"}]
)
@pytest.mark.parametrize("action", ["predict", "feedback", "invocations"])
def test_without_the_token_nothing_is_taken(place, headers, action):
    response, _ = sent(place, row(), path=f"/endpoints/towns/{action}", headers=headers, token="s3cret")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "s3cret" not in response.text


def test_with_the_token_it_is(place):
    response, after = sent(place, row(), headers={"Authorization": "Bearer s3cret"}, token="s3cret")

    assert (response.status_code, after.status_code) == (200, 200)


def test_a_page_of_another_site_may_send_nothing(place):
    refused(place, row(), 403, "evil.example", headers={"Origin": "https://evil.example"})
    response, _ = sent(place, row(), headers={"Origin": "http://plane"})

    assert response.status_code == 200


@pytest.mark.parametrize("kind", ["text/csv", "application/json; charset=latin-1", "multipart/form-data"])
def test_a_body_in_another_form_is_refused(place, kind):
    refused(place, row(), 415, headers={"Content-Type": kind})


@pytest.mark.parametrize(
    "scorer",
    [
        ConstantScorer(error=ValueError("secret path /etc")),
        ConstantScorer(error=SystemExit(3)),
        ConstantScorer(error=StopIteration()),
        ConstantScorer(error=RecursionError()),
        ConstantScorer(error=UsageError("secret")),
        ConstantScorer(value=float("nan")),
        ConstantScorer(value=float("inf")),
        LinearScorer(signature=ConstantScorer().signature),
    ],
)
def test_a_release_that_fails_gives_a_number_and_no_traceback(place, scorer):
    async def scenario():
        async with prices(place, scorer) as client:
            body = {"rows": [{"fare": 1}]}
            first, second = [await client.post("/endpoints/prices/predict", json=body) for _ in range(2)]
            return first, second, (await client.get("/metrics")).text

    first, second, metrics = asyncio.run(scenario())

    assert (first.status_code, second.status_code) == (500, 500)
    error = first.json()["error"]
    assert error["details"]["incident"] in error["message"]
    assert "secret" not in first.text
    assert "Traceback" not in first.text
    assert 'outcome="failed"} 2' in metrics
    assert closed_segments(place.spool) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ROW_LIKE = st.dictionaries(st.sampled_from([*ROW, "ticket", "late", ""]), JSON, max_size=6)
BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.lists(ROW_LIKE, max_size=3).map(lambda rows: json.dumps({"rows": rows}).encode()),
    st.lists(ROW_LIKE, max_size=3).map(lambda rows: json.dumps({"labels": rows}).encode()),
    st.lists(ROW_LIKE, max_size=3).map(lambda rows: json.dumps({"instances": rows}).encode()),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bodies=st.lists(BODIES, min_size=10, max_size=20), action=st.sampled_from(["predict", "feedback", "invocations"])
)
def test_no_body_whatsoever_makes_the_server_fail(tmp_path_factory, bodies, action):
    place = Place(tmp_path_factory.mktemp("plane"))

    class Forgiving(LinearScorer):
        def _features(self, *_):
            return [0.0, 0.0, 0.0]

    async def scenario():
        async with running(place, {"towns/1": Forgiving()}, Route("towns", "towns/1")) as client:
            return [(await client.post(f"/endpoints/towns/{action}", content=body)).status_code for body in bodies]

    codes = asyncio.run(scenario())

    assert all(code == 200 or 400 <= code < 500 for code in codes)
    answered = [entry for path in closed_segments(place.spool) for entry in read_segment(path)]
    assert len(answered) == codes.count(200)


def test_a_body_that_never_arrives_is_not_waited_for_for_ever(place):
    async def pieces():
        yield b'{"rows":'
        await asyncio.sleep(5)

    async def scenario():
        async with towns(place, limits=Limits(body_seconds=0.05)) as client:
            return await client.post(PATH, content=pieces())

    assert asyncio.run(scenario()).status_code == 408


def test_a_moment_outside_of_the_calendar_is_refused(place):
    body = json.dumps({"rows": [ROW], "at": "0001-01-01T00:00:00+10:00"}).encode()

    refused(place, body, 400, is_replay=True)


def test_a_label_from_outside_of_the_calendar_is_refused(place):
    label = json.dumps({"labels": [{"id": "a", "value": True, "at": "9999-12-31T23:59:59-10:00"}]}).encode()

    refused(place, label, 400, path="/endpoints/towns/feedback")
