"""A Kafka topic, over its real wire protocol: every message once, whatever came in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from loop_sources import Home, needs

import kaizenml as kz
from kaizenml.errors import ProjectError, SourceError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """A broker within this process; gives its address."""
    needs("confluent_kafka")
    from confluent_kafka import Producer

    host = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "unused:1", "log_level": 0})
    found = host.list_topics(timeout=10).brokers
    yield ",".join(f"{each.host}:{each.port}" for each in found.values())
    host.flush(0)  # it lives for as long as this producer does


def send(broker: str, topic: str, rows: list[object]) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": broker, "log_level": 0})
    for number, row in enumerate(rows):
        text = row if isinstance(row, bytes) else json.dumps(row).encode()
        producer.produce(topic, text, key=str(number))
    assert producer.flush(20) == 0


def rows(*numbers: int, y: float = 1.0) -> list[object]:
    return [{"id": number, "y": y} for number in numbers]


def test_every_message_is_loaded_once(home: Home, broker: str) -> None:
    source = kz.kafka(broker, "orders")
    send(broker, "orders", rows(*range(2_000)))
    first, again = home.load(source), home.load(source)
    send(broker, "orders", rows(*range(2_000, 2_100)))
    third = home.load(source)

    assert (len(first.rows), len(again.rows), len(third.rows)) == (2_000, 2_000, 2_100)
    assert third.rows["id"].n_unique() == 2_100
    assert [event.facts["rows"] for event in home.arrived()] == [2_000, 100]


def test_a_long_topic_is_loaded_in_batches_that_need_no_repeating(home: Home, broker: str, monkeypatch) -> None:
    monkeypatch.setattr("kaizenml.data.kafka_source.MESSAGES_IN_BATCH", 300)
    send(broker, "long", rows(*range(1_000)))

    assert home.load(kz.kafka(broker, "long")).rows["id"].n_unique() == 1_000
    assert len(home.arrived()) == 4


def test_of_a_key_the_last_message_counts(home: Home, broker: str) -> None:
    send(broker, "versions", rows(1, 2))
    source = kz.kafka(broker, "versions", key="id")
    home.load(source)
    send(broker, "versions", rows(1, y=9.0))

    assert sorted(home.load(source).rows.rows()) == [("1", "9.0"), ("2", "1.0")]


def test_a_commit_that_the_ledger_does_not_know_is_adopted(home: Home, broker: str, monkeypatch) -> None:
    send(broker, "crash", rows(*range(50)))
    source = kz.kafka(broker, "crash")
    with monkeypatch.context() as patch:
        patch.setattr("kaizenml.loop.loading_data._Load._note", lambda *_a, **_k: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            home.load(source)
    send(broker, "crash", rows(*range(50, 60)))

    assert sorted(map(int, home.load(source).rows["id"])) == list(range(60))


@pytest.mark.parametrize(
    ("message", "said"), [(b"{", "no JSON"), (b"[1]", "a list, no object"), (b'{"id": [1]}', "column id holds a list")]
)
def test_a_bad_message_is_named_by_partition_and_offset(home: Home, broker: str, message: bytes, said: str) -> None:
    topic = f"bad-{len(message)}"
    send(broker, topic, [{"id": 1}])
    home.load(kz.kafka(broker, topic))
    send(broker, topic, [message])

    with pytest.raises(SourceError, match=rf"topic {topic}, message \d+/\d+.*{said}"):
        home.load(kz.kafka(broker, topic))

    assert len(home.arrived()) == 1


def test_a_broker_that_is_not_there_is_told_of(home: Home, broker: str, monkeypatch) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", "swordfish-swordfish")
    settings = {"sasl.password": "${KAFKA_PASSWORD}", "sasl.username": "ada", "sasl.mechanism": "PLAIN"}

    with pytest.raises(SourceError, match="cannot be read from 127") as refused:
        home.load(kz.kafka("127.0.0.1:1", "orders", settings=settings))

    assert "swordfish" not in f"{refused.value}{home.everything()}"


def test_a_password_in_the_code_is_refused() -> None:
    with pytest.raises(ProjectError) as refused:
        kz.kafka("h:1", "t", settings={"sasl.password": "swordfish"})

    assert "swordfish" not in str(refused.value)
