"""Requests are read by the rules of protobuf's JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from kaizenml.core.mlflow.errors import WireError
from kaizenml.interfaces.http.mlflow.dialect import mlflow_table
from kaizenml.interfaces.http.mlflow.reading import Message, _told, read_body, read_query
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import open_house, read_settings


class Pair(Message):
    key: str | None = None
    value: str | None = None
    run_id: str | None = None


class Told(Message):
    needed = ("run_id",)

    run_id: str | None = None
    run_uuid: str | None = None
    step: int | None = None
    value: float | None = None
    is_on: bool | None = None
    tags: list[Pair] | None = None
    names: list[str] | None = None


def read(text: str) -> Told:
    return read_body(Told, text.encode(), {})


def test_numbers_may_come_as_text() -> None:
    told = read('{"run_id": "a", "step": "12", "value": "1.5", "extra": {"deep": 1}}')

    assert (told.step, told.value) == (12, 1.5)


@pytest.mark.parametrize(("text", "value"), [("Infinity", math.inf), ("-Infinity", -math.inf), ("NaN", math.nan)])
def test_what_is_no_number_travels_as_text(text: str, value: float) -> None:
    assert repr(read(f'{{"run_id": "a", "value": "{text}"}}').value) == repr(value)


def test_fields_may_be_spelled_in_camel_case_at_any_depth() -> None:
    told = read('{"runId": "a", "tags": [{"key": "k", "runId": "b"}]}')

    assert told.run_id == "a"
    assert told.tags is not None
    assert told.tags[0].run_id == "b"


def test_both_spellings_of_a_field_are_refused() -> None:
    with pytest.raises(WireError, match="specifies both 'run_id' and 'runId'"):
        read('{"runId": "a", "run_id": "a"}')


def test_json_within_a_json_text_is_read_too() -> None:
    assert read(json.dumps('{"run_id": "a"}')).run_id == "a"


@pytest.mark.parametrize("text", ["", "{}", "null", "not json", '{"run_id": ""}', '{"run_id": null}'])
def test_what_is_needed_and_missing_is_named(text: str) -> None:
    with pytest.raises(WireError, match="Missing value for required parameter 'run_id'") as caught:
        read(text)

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_an_old_client_may_send_run_uuid_alone() -> None:
    assert read('{"run_uuid": "a"}').run_uuid == "a"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"run_id": 7}', "Invalid value 7 for parameter 'run_id' supplied:  Hint: Value was of type 'int'"),
        ('{"run_id": "a", "step": "x"}', "Invalid value \"x\" for parameter 'step'"),
        ('{"run_id": "a", "tags": {}}', "Invalid value {} for parameter 'tags'"),
        ('{"run_id": "a", "value": true}', "Invalid value true for parameter 'value'"),
    ],
)
def test_a_wrong_type_is_named_with_its_value(text: str, said: str) -> None:
    with pytest.raises(WireError) as caught:
        read(text)

    assert said in caught.value.message


def test_a_body_that_is_a_list_is_refused() -> None:
    with pytest.raises(WireError, match="must be a JSON object"):
        read("[1]")


def test_json_nested_without_end_is_refused() -> None:
    with pytest.raises(WireError, match="Missing value"):
        read("[" * 100_000)


def test_query_arguments_are_text_lists_and_booleans() -> None:
    told = read_query(Told, b"run_id=a%20b&names=x&names=y&is_on=TRUE&step=3&unknown=1", {})

    assert (told.run_id, told.names, told.is_on, told.step) == ("a b", ["x", "y"], True, 3)


def test_a_boolean_argument_that_is_none_is_refused() -> None:
    with pytest.raises(WireError, match="Invalid boolean value: 1, must be 'true' or 'false'"):
        read_query(Told, b"run_id=a&is_on=1", {})


def test_fields_of_the_path_are_taken() -> None:
    assert read_body(Told, b'{"step": 1}', {"run_id": "a"}).run_id == "a"


def leaves(kind: type[Message]) -> list[type[Message]]:
    """Return the kinds below one that are read: no other is made from them."""
    below = kind.__subclasses__()
    return [leaf for each in below for leaf in leaves(each)] if below else [kind]


def test_how_a_message_is_read_is_known_before_the_first_request(tmp_path: Path) -> None:
    mlflow_table(LoopService(open_house(read_settings(tmp_path))))
    before = _told.cache_info().misses

    for kind in leaves(Message):
        if kind.__module__.startswith("kaizenml."):
            _told(kind)

    assert _told.cache_info().misses == before
