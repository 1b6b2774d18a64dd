"""Messages of a Kafka topic, each a JSON object that is a row."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from kaizenml.core.digest import Digest
from kaizenml.core.source import KafkaSource
from kaizenml.data.incremental import Batch, Before, at_once, cursor_in, key_of, newest
from kaizenml.data.ingest import check_names
from kaizenml.data.redaction import Expanded, expanded
from kaizenml.data.version import frame_digest
from kaizenml.errors import SourceError, bounded

#: So many messages become one batch, so that a long topic is loaded in steps that need no repeating.
MESSAGES_IN_BATCH = 100_000
#: A topic that gives nothing for so long, although it has more, is told of.
PATIENCE_SECONDS = 30.0

Offsets = dict[str, int]


@dataclass(frozen=True, slots=True)
class KafkaReader:
    """The messages from where the last batch ended up to where the topic ended when the load began."""

    source: KafkaSource
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        """The identity of the rows."""
        return self.source.stream

    @property
    def name(self) -> str:
        """What people call it."""
        return f"topic {self.source.topic}"

    def batches(self, before: Before) -> Iterator[Batch]:
        """Return what is behind the offsets that are loaded, a batch at a time."""
        offsets = reached([cursor_in(key, self.stream) for key in before.keys if key.startswith(f"{self.stream}:")])
        settings = _settings(self.source, self.environment)
        client = _client(settings, self.name)
        try:
            ends, missed = _window(client, self.source.topic, offsets, settings)
            while any(offsets[part] < end for part, end in ends.items()):
                texts, offsets, size = _messages(client, self.source.topic, offsets, ends, settings)
                if texts:
                    yield self._batch(texts, offsets, size, missed)
                    missed = 0
        finally:
            client.close()

    def settled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the newest message of each key."""
        return newest(rows, self.source.key)

    def _batch(self, texts: list[tuple[str, bytes]], offsets: Offsets, size: int, missed: int) -> Batch:
        frame = rows_of(texts, self.name)
        check_names(Path(self.name), frame.columns)
        digest = Digest(frame_digest(frame))
        facts = {"cursor": offsets, "late": 0, "seen": 0} | ({"missed": missed} if missed else {})
        return Batch(key_of(self.stream, offsets, digest), self.name, size, digest, at_once(frame), facts)


def reached(cursors: list[Any]) -> Offsets:
    """Return for each partition the offset that comes next, from the cursors of all batches."""
    found: Offsets = {}
    for cursor in cursors:
        for part, offset in cursor.items():
            found[part] = max(offset, found.get(part, 0))
    return found


def rows_of(texts: list[tuple[str, bytes]], name: str) -> pl.DataFrame:
    """Return messages as rows; every value is text as it stands, so that its type is learned as for CSV.

    Parameters
    ----------
    texts
        Where each message is (partition and offset), and its content.

    Raises
    ------
    SourceError
        Naming the message that is no object, and the column that holds no single value.
    """
    rows: list[dict[str, str | None]] = []
    names: dict[str, None] = {}
    for where, content in texts:
        row = _object(content, f"{name}, message {where}")
        names.update(dict.fromkeys(row))
        rows.append({column: text_of_value(value, f"{name}, message {where}", column) for column, value in row.items()})
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def text_of_value(value: object, where: str, column: str) -> str | None:
    """Return a value of JSON as text: ``true``, ``3``, ``0.5``; a null stays one."""
    if isinstance(value, (dict, list)):
        raise SourceError(
            f"{where}: column {column} holds {'an object' if isinstance(value, dict) else 'a list'}, no single value.",
            "Send one value for each column.",
            {"where": where, "column": column},
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _object(content: bytes, where: str) -> dict[str, object]:
    try:
        row = json.loads(content)
    except ValueError as error:
        raise SourceError(f"{where} is no JSON: {error}.", 'Messages are objects: {"column": value, …}.') from None
    if not isinstance(row, dict):
        raise SourceError(f"{where} is a {type(row).__name__}, no object.", 'Write {"column": value, …}.')
    return row


def _settings(source: KafkaSource, environment: Mapping[str, str]) -> dict[str, Expanded]:
    given = {"bootstrap.servers": source.servers, **dict(source.settings)}
    return {name: expanded(value, environment) for name, value in given.items()}


def _hide(settings: dict[str, Expanded], text: object) -> str:
    said = str(text)
    for value in settings.values():
        said = value.hide(said)
    return said


def _client(settings: dict[str, Expanded], name: str) -> Any:
    try:
        from confluent_kafka import Consumer, KafkaException
    except ImportError:
        raise SourceError(
            f"Reading {name} needs confluent-kafka, which is not installed.",
            "Install it: pip install 'kaizenml[kafka]'",
        ) from None
    own = {
        "group.id": "kaizenml", "enable.auto.commit": False, "enable.partition.eof": False,
        "isolation.level": "read_committed", "log_level": 0, "error_cb": lambda _error: None,
    }  # fmt: skip
    try:
        return Consumer({key: value.text for key, value in settings.items()} | own)
    except KafkaException as error:
        raise SourceError(f"{name}: {_hide(settings, error)}.", "Check the settings of kz.kafka(…).") from None


def _window(client: Any, topic: str, offsets: Offsets, settings: dict[str, Expanded]) -> tuple[Offsets, int]:
    """Return where each partition ends, after moving `offsets` to what it still has; and how many are gone."""
    from confluent_kafka import KafkaException, TopicPartition

    try:
        described = client.list_topics(topic, timeout=10).topics.get(topic)
        if described is None or described.error or not described.partitions:
            raise SourceError(f"There is no topic {topic!r}.", "Check its name, and that it has messages.")
        ends, missed = {}, 0
        for part in sorted(described.partitions):
            low, high = client.get_watermark_offsets(TopicPartition(topic, part), timeout=10)
            begun = offsets.get(str(part))
            if begun is not None and begun > high:
                raise SourceError(
                    f"Topic {topic} ends at offset {high} of partition {part}; {begun} was loaded already.",
                    "It was made anew: give the new one another name.",
                )
            missed += max(low - begun, 0) if begun is not None else 0
            offsets[str(part)] = max(low, begun or 0)
            ends[str(part)] = high
    except KafkaException as error:
        servers = settings["bootstrap.servers"]
        raise SourceError(
            f"Topic {topic} cannot be read from {servers.hide(servers.text)}: {_hide(settings, error)}.",
            "Check servers, credentials and that the broker runs.",
        ) from None
    return ends, missed


def _messages(
    client: Any, topic: str, offsets: Offsets, ends: Offsets, settings: dict[str, Expanded]
) -> tuple[list[tuple[str, bytes]], Offsets, int]:
    """Return the messages up to the ends, at most a batch of them, and the offsets behind them."""
    from confluent_kafka import TopicPartition

    open_parts = [part for part in ends if offsets[part] < ends[part]]
    client.assign([TopicPartition(topic, int(part), offsets[part]) for part in open_parts])
    found: list[tuple[str, bytes]] = []
    after, size, heard = dict(offsets), 0, time.monotonic()
    while len(found) < MESSAGES_IN_BATCH and any(after[part] < ends[part] for part in open_parts):
        messages = client.consume(min(10_000, MESSAGES_IN_BATCH - len(found)), timeout=0.5)
        for message in messages:
            heard = time.monotonic()
            _check(message, topic, settings)
            part, offset = str(message.partition()), message.offset()
            if offset < ends[part]:
                found += [(f"{part}/{offset}", message.value())] if message.value() is not None else []
                size += len(message.value() or b"")
                after[part] = offset + 1
        for place in client.position([TopicPartition(topic, int(part)) for part in open_parts]):
            if place.offset >= ends[str(place.partition)]:  # control records at the end carry no message
                after[str(place.partition)] = max(after[str(place.partition)], ends[str(place.partition)])
        if time.monotonic() - heard > PATIENCE_SECONDS:
            waiting = bounded(part for part in open_parts if after[part] < ends[part])
            raise SourceError(f"Topic {topic} gave nothing for {PATIENCE_SECONDS:.0f} s (partition {waiting}).",
                              "Check that the broker runs, and run again.")  # fmt: skip
    return found, after, size


def _check(message: Any, topic: str, settings: dict[str, Expanded]) -> None:
    if message.error():
        said = _hide(settings, message.error())
        raise SourceError(f"Topic {topic} cannot be read: {said}.", "Check the broker and the credentials; run again.")
