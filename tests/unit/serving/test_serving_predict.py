import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from serving_light import ConstantScorer, Place
from serving_samples import CLASSES, ROW, LinearScorer, prices, running, towns, until

from kaizenml.core.endpoint import Route, answering
from kaizenml.serving.segments import closed_segments, read_segment


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def logged(place):
    return [entry for path in closed_segments(place.spool) for entry in read_segment(path)]


def test_a_row_is_answered_with_its_value_and_the_probability_of_each_class(place):
    async def scenario():
        async with towns(place) as client:
            return await client.post("/endpoints/towns/predict", json={"rows": [ROW]})

    response = asyncio.run(scenario())

    assert response.status_code == 200
    body = response.json()
    assert body["release"] == "towns/1"
    [prediction] = body["predictions"]
    assert set(prediction["probabilities"]) == {"False", "True"}
    assert sum(prediction["probabilities"].values()) == pytest.approx(1)
    assert prediction["value"] is (prediction["probabilities"]["True"] > 0.5)


def test_a_regression_is_answered_without_probabilities(place):
    async def scenario():
        async with prices(place, ConstantScorer(4.5)) as client:
            return await client.post("/endpoints/prices/predict", json={"rows": [{"fare": 1}]})

    [prediction] = asyncio.run(scenario()).json()["predictions"]

    assert prediction["value"] == 4.5
    assert "probabilities" not in prediction


def test_an_id_is_that_of_the_row_or_else_one_that_never_was(place):
    async def scenario():
        async with towns(place) as client:
            rows = [{**ROW, "ticket": "T1"}, {**ROW, "ticket": 17}, {**ROW, "ticket": None}, ROW]
            return await client.post("/endpoints/towns/predict", json={"rows": rows})

    ids = [prediction["id"] for prediction in asyncio.run(scenario()).json()["predictions"]]

    assert ids[:2] == ["T1", "17"]
    assert len(set(ids)) == 4
    assert len(ids[3]) > 16


def test_what_is_answered_is_in_the_log_as_it_was_received(place):
    async def scenario():
        async with towns(place) as client:
            rows = [{**ROW, "ticket": "T1"}, {**ROW, "ticket": "T2", "fare": None}]
            return await client.post("/endpoints/towns/predict", json={"rows": rows})

    body = asyncio.run(scenario()).json()
    [entry] = logged(place)

    assert entry.endpoint == "towns"
    assert entry.release == "towns/1"
    assert entry.role == "answer"
    assert entry.ids == ("T1", "T2")
    assert entry.rows == ({**ROW, "ticket": "T1"}, {**ROW, "ticket": "T2", "fare": None})
    assert list(entry.values) == [one["value"] for one in body["predictions"]]
    assert entry.probabilities[0][1] == body["predictions"][0]["probabilities"]["True"]
    assert entry.at == entry.data_at
    assert 0 < entry.seconds < 5


def test_a_row_that_the_release_refuses_is_not_in_the_log(place):
    async def scenario():
        async with towns(place) as client:
            return await client.post("/endpoints/towns/predict", json={"rows": [{**ROW, "town": "Nowhere"}]})

    response = asyncio.run(scenario())

    assert response.status_code == 422
    assert response.json()["error"]["details"]["rows"][0]["column"] == "town"
    assert logged(place) == []


def test_the_data_s_clock_is_set_in_a_replay_only(place):
    body = {"rows": [{"fare": 1}], "at": "2013-02-01T10:00:00+01:00"}

    async def scenario(is_replay):
        async with prices(place, ConstantScorer(), is_replay=is_replay) as client:
            return await client.post("/endpoints/prices/predict", json=body)

    assert asyncio.run(scenario(False)).status_code == 400
    assert asyncio.run(scenario(True)).status_code == 200
    [entry] = logged(place)
    assert entry.data_at == datetime(2013, 2, 1, 9, tzinfo=UTC)
    assert entry.at > entry.data_at


def test_the_same_key_meets_the_same_release(place):
    route = Route("prices", "prices/1", "prices/2", share=0.5)
    scorers = {"prices/1": ConstantScorer(1.0), "prices/2": ConstantScorer(2.0)}

    async def scenario():
        async with running(place, scorers, route) as client:
            bodies = [{"rows": [{"fare": 1}], "key": f"k{number}"} for number in range(40)] * 2
            return [(await client.post("/endpoints/prices/predict", json=body)).json()["release"] for body in bodies]

    releases = asyncio.run(scenario())

    assert releases[:40] == releases[40:] == [answering(route, f"k{number}") for number in range(40)]
    assert set(releases) == {"prices/1", "prices/2"}


def test_without_a_key_the_first_row_s_id_chooses_the_release(place):
    route = Route("towns", "towns/1", "towns/2", share=0.5)
    scorers = {"towns/1": LinearScorer(), "towns/2": LinearScorer(sign=-1.0)}

    async def scenario():
        async with running(place, scorers, route) as client:
            bodies = [{"rows": [{**ROW, "ticket": f"T{number}"}, ROW]} for number in range(20)]
            return [(await client.post("/endpoints/towns/predict", json=body)).json()["release"] for body in bodies]

    assert asyncio.run(scenario()) == [answering(route, f"T{number}") for number in range(20)]


def test_a_shadow_scores_the_same_rows_and_is_never_heard(place):
    route = Route("prices", "prices/1", "prices/2", is_shadowed=True)
    scorers = {"prices/1": ConstantScorer(1.0), "prices/2": ConstantScorer(2.0)}

    async def scenario():
        async with running(place, scorers, route) as client:
            answer = await client.post("/endpoints/prices/predict", json={"rows": [{"fare": 3}]})
            await until(lambda: scorers["prices/2"].batches == [1])
            return answer.json()

    body = asyncio.run(scenario())
    answered, shadow = sorted(logged(place), key=lambda entry: entry.role)

    assert body["release"] == "prices/1"
    assert (answered.role, answered.release, answered.values) == ("answer", "prices/1", (1.0,))
    assert (shadow.role, shadow.release, shadow.values) == ("shadow", "prices/2", (2.0,))
    assert answered.ids == shadow.ids
    assert answered.rows == shadow.rows
    assert (answered.beside, shadow.beside) == ("prices/2", "prices/1")


def test_a_shadow_that_fails_is_counted_and_nothing_else(place):
    route = Route("prices", "prices/1", "prices/2", is_shadowed=True)
    scorers = {"prices/1": ConstantScorer(1.0), "prices/2": ConstantScorer(error=ValueError("dark"))}
    line = 'kaizen_shadow_predictions_total{endpoint="prices",model="prices",version="2",outcome="failed"} 3'

    async def scenario():
        async with running(place, scorers, route) as client:
            answers = [await client.post("/endpoints/prices/predict", json={"rows": [{"fare": 3}]}) for _ in range(3)]
            for _ in range(100):
                metrics = (await client.get("/metrics")).text
                if line in metrics:
                    break
                await asyncio.sleep(0.02)
            return [answer.status_code for answer in answers], metrics

    codes, metrics = asyncio.run(scenario())

    assert codes == [200, 200, 200]
    assert line in metrics
    assert [entry.role for entry in logged(place)] == ["answer"] * 3


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["age", "fare", "town", "member"], "data": [[40, 7.25, "Rome", True]]}},
        {"dataframe_records": [ROW]},
        {"instances": [ROW]},
        {"instances": [[40, 7.25, "Rome", True]]},
    ],
)
def test_mlflow_s_request_forms_are_answered(place, body):
    async def scenario():
        async with towns(place) as client:
            mine = await client.post("/endpoints/towns/predict", json={"rows": [ROW]})
            theirs = await client.post("/endpoints/towns/invocations", json=body)
            return mine.json()["predictions"][0]["value"], theirs

    value, theirs = asyncio.run(scenario())

    assert theirs.status_code == 200
    assert theirs.json() == {"predictions": [value]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"inputs": {"age": [40]}},
        {"instances": [ROW], "dataframe_records": [ROW]},
        {"instances": [[40]]},
        {"instances": []},
        {"dataframe_split": {"columns": ["age", "age"], "data": []}},
        {"dataframe_records": [ROW], "params": {"temperature": 1}},
    ],
)
def test_mlflow_s_forms_that_say_nothing_are_refused(place, body):
    async def scenario():
        async with towns(place) as client:
            return await client.post("/endpoints/towns/invocations", json=body)

    response = asyncio.run(scenario())

    assert response.status_code in (400, 422)
    assert set(response.json()["error"]) == {"code", "message", "hint", "details"}


def test_feedback_is_in_the_log_when_it_is_accepted(place):
    labels = [{"id": "T1", "value": True, "at": "2013-02-01T10:00:00Z"}, {"id": 17, "value": False}]

    async def scenario():
        async with towns(place) as client:
            return await client.post("/endpoints/towns/feedback", json={"labels": labels})

    response = asyncio.run(scenario())
    [entry] = logged(place)

    assert response.json() == {"accepted": 2}
    assert [label.id for label in entry.labels] == ["T1", "17"]
    assert [label.value for label in entry.labels] == [True, False]
    assert entry.labels[0].at == datetime(2013, 2, 1, 10, tzinfo=UTC)
    assert entry.labels[1].at == entry.received_at


def test_words_for_true_and_false_are_kept_as_what_they_mean(place):
    labels = [{"id": "T1", "value": "Yes"}, {"id": "T2", "value": "no"}, {"id": "T3", "value": 1}]

    async def scenario():
        async with towns(place) as client:
            return await client.post("/endpoints/towns/feedback", json={"labels": labels})

    assert asyncio.run(scenario()).json() == {"accepted": 3}
    [entry] = logged(place)
    assert [label.value for label in entry.labels] == [True, False, True]


def test_a_label_that_the_target_cannot_be_is_refused_by_name_with_what_is_known(place):
    labels = [{"id": "T1", "value": True}, {"id": "T2", "value": "maybe"}]

    async def scenario():
        async with towns(place) as client:
            return await client.post("/endpoints/towns/feedback", json={"labels": labels})

    answer = asyncio.run(scenario())
    error = answer.json()["error"]
    assert (answer.status_code, error["message"]) == (422, "labels[1]: value is 'maybe', not true or false.")
    assert error["hint"] == "Known: False, True."
    assert logged(place) == []


@pytest.mark.parametrize(
    "labels", [[], [{"id": "a", "value": None}], [{"id": "", "value": 1}], [{"id": "a"}], [{"id": "a", "value": [1]}]]
)
def test_labels_that_are_no_truth_are_refused_and_not_kept(place, labels):
    async def scenario():
        async with towns(place) as client:
            return await client.post("/endpoints/towns/feedback", json={"labels": labels})

    assert asyncio.run(scenario()).status_code in (400, 422)
    assert logged(place) == []


def test_the_schema_names_the_columns_and_its_example_runs(place):
    async def scenario():
        async with towns(place) as client:
            schema = (await client.get("/endpoints/towns/schema")).json()
            return schema, await client.post("/endpoints/towns/predict", json=schema["example"])

    schema, answer = asyncio.run(scenario())

    assert [column["name"] for column in schema["inputs"]] == [column.name for column in CLASSES.inputs]
    assert schema["inputs"][0] == {"name": "age", "kind": "integer", "nullable": False, "example": 40}
    assert schema["output"] == {"target": "late", "type": "boolean", "classes": ["False", "True"]}
    assert "http://plane/endpoints/towns/predict" in schema["curl"]
    assert msgspec.json.decode(schema["curl"].split("-d ")[1].strip("'")) == schema["example"]
    assert answer.status_code == 200
