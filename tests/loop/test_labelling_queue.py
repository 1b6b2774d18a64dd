"""Tasks are handed out to one annotator at a time, labels are appended, and the queue comes and goes as JSON."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from kaizenml.core.labelling import LEASE_SECONDS, LabelTask, Place, Why
from kaizenml.data.label_queue import BLOCK, block_of, places_in, put_places, queue_of
from kaizenml.errors import ConflictError, NotFoundError, SourceError, StateError
from kaizenml.loop import label_choosing, label_files, labelling, labels
from kaizenml.loop.settings import settings
from kaizenml.loop.wiring import House, open_house


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def opened(folder: Path) -> House:
    return replace(open_house(settings(folder, {})), clock=Clock())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    return opened(tmp_path)


def tasks(count: int, **more: object) -> list[LabelTask]:
    return [
        LabelTask(f"t{at:03}", {"amount": at}, "no", 0.6, "till/1", priority=1 - at / count, **more)
        for at in range(count)
    ]


def test_the_most_uncertain_comes_first_and_asking_again_gives_the_same(house: House) -> None:
    assert labelling.fill(house, "till", tasks(5), choices=["yes", "no"], share=0) == 5

    first = labelling.next_task(house, "till", "person:ada")

    assert first is not None
    assert (first.task.id, first.task.suggestion, first.choices) == ("t000", "no", ("yes", "no"))
    assert labelling.next_task(house, "till", "person:ada").task.id == "t000"
    assert labelling.next_task(house, "till", "person:bob").task.id == "t001"


def test_a_label_is_appended_with_who_when_and_the_suggestion_shown(house: House) -> None:
    labelling.fill(house, "till", tasks(2), choices=["yes", "no"], share=0)
    labelling.next_task(house, "till", "person:ada")
    house.clock.at += timedelta(seconds=3)

    assert labelling.give(house, "till", "t000", "yes", "person:ada")
    assert not labelling.give(house, "till", "t000", "yes", "person:ada")

    rows = house.tables.read("human-labels-till").to_dicts()
    assert rows == [
        {
            "task": "t000", "value": "yes", "by": "person:ada", "at": house.clock.at, "row": '{"amount":0}',
            "suggestion": "no", "probability": 0.6, "model": "till/1", "why": "imported", "seconds": 3.0,
        }
    ]  # fmt: skip
    assert labelling.next_task(house, "till", "person:ada").task.id == "t001"
    assert labelling.status(house, "till").finished == 1


def test_what_cannot_be_is_refused_with_what_to_do(house: House) -> None:
    with pytest.raises(StateError, match="import FILE"):
        labelling.next_task(house, "till", "person:ada")
    labelling.fill(house, "till", tasks(2), choices=["yes", "no"], share=0)
    with pytest.raises(NotFoundError, match="till"):
        labelling.next_task(house, "tall", "person:ada")
    with pytest.raises(StateError, match="holds no task"):
        labelling.give(house, "till", "t000", "yes", "person:ada")
    labelling.next_task(house, "till", "person:ada")
    with pytest.raises(StateError, match="holds 't000'"):
        labelling.give(house, "till", "t001", "yes", "person:ada")
    with pytest.raises(NotFoundError, match="Did you mean 'yes'"):
        labelling.give(house, "till", "t000", "yess", "person:ada")


def test_a_lease_that_ran_out_is_lost_only_when_somebody_took_it(house: House) -> None:
    labelling.fill(house, "till", tasks(2), share=0)
    labelling.next_task(house, "till", "person:ada")
    house.clock.at += timedelta(seconds=LEASE_SECONDS + 1)
    labelling.next_task(house, "till", "person:bob")

    with pytest.raises(ConflictError, match="ran out"):
        labelling.give(house, "till", "t000", "x", "person:ada")
    assert labelling.next_task(house, "till", "person:ada").task.id == "t001"
    house.clock.at += timedelta(seconds=LEASE_SECONDS + 1)
    assert labelling.give(house, "till", "t001", "x", "person:ada")


def test_a_skipped_task_is_for_others(house: House) -> None:
    labelling.fill(house, "till", tasks(1), share=0)
    labelling.next_task(house, "till", "person:ada")
    labelling.skip(house, "till", "t000", "person:ada")

    assert labelling.next_task(house, "till", "person:ada") is None
    assert labelling.next_task(house, "till", "person:bob").task.id == "t000"


def test_a_task_that_wants_two_labels_gets_them_from_two(house: House) -> None:
    labelling.fill(house, "till", tasks(1, wanted=2), share=0)
    for who in ("person:ada", "person:bob", "person:cyd"):
        labelling.next_task(house, "till", who)
    labelling.give(house, "till", "t000", "x", "person:ada")

    assert labelling.next_task(house, "till", "person:ada") is None
    assert labelling.next_task(house, "till", "person:cyd") is None
    labelling.give(house, "till", "t000", "x", "person:bob")
    assert labels.human_labels(house, "till").select("id", "value", "annotators").rows() == [("t000", "x", 2)]


def test_threads_never_hold_the_same_task_and_finish_every_one(house: House) -> None:
    labelling.fill(house, "till", tasks(24), share=0.1)
    held: set[str] = set()
    twice: list[str] = []
    guard = threading.Lock()

    def work(who: str) -> None:
        while found := labelling.next_task(house, "till", who):
            with guard:
                twice.extend({found.task.id} & held)
                held.add(found.task.id)
            labelling.give(house, "till", found.task.id, "x", who)

    threads = [threading.Thread(target=work, args=(f"person:p{at}",)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert twice == []
    rows = house.tables.read("human-labels-till")
    assert sorted(rows["task"]) == [f"t{at:03}" for at in range(24)]
    assert labelling.status(house, "till").finished == 24


def test_filling_again_leaves_out_what_is_labelled_and_keeps_the_choices(house: House) -> None:
    labelling.fill(house, "till", tasks(3), choices=["x"], share=0)
    labelling.next_task(house, "till", "person:ada")
    labelling.give(house, "till", "t000", "x", "person:ada")

    assert labelling.fill(house, "till", tasks(4), share=0) == 3
    assert labelling.next_task(house, "till", "person:ada").task.id == "t001"
    assert labelling.status(house, "till").choices == ("x",)


def test_disagreement_goes_to_somebody_else_before_everything_else(house: House) -> None:
    labelling.fill(house, "till", tasks(3, wanted=2), choices=["x", "y"], share=0)
    for who, value in (("person:ada", "x"), ("person:bob", "y")):
        labelling.next_task(house, "till", who)
        labelling.give(house, "till", "t000", value, who)

    assert label_choosing.fill_review(house, "till") == 1

    assert labelling.next_task(house, "till", "person:ada").task.id == "t001"
    reviewed = labelling.next_task(house, "till", "person:cyd")
    assert (reviewed.task.id, reviewed.task.why, reviewed.task.row) == ("t000", Why.REVIEW, {"amount": 0})
    labelling.give(house, "till", "t000", "y", "person:cyd")
    found = labels.human_labels(house, "till").row(0, named=True)
    assert (found["value"], found["annotators"]) == ("y", 3)
    agreement, quality = labels.agreed(house, "till")
    assert agreement.disputed == ("t000",)
    assert quality["person:bob"] > quality["person:ada"]


def test_a_round_trip_through_label_studio_keeps_everything(house: House, tmp_path: Path) -> None:
    labelling.fill(house, "till", tasks(3), choices=["yes", "no"], share=0)
    labelling.next_task(house, "till", "person:ada")
    house.clock.at += timedelta(seconds=2)
    labelling.give(house, "till", "t000", "yes", "person:ada")
    other = opened(tmp_path / "other")

    written = label_files.export_file(house, "till")
    assert label_files.import_file(other, "till", written, id_column=None, share=0) == (2, 1, 0)
    assert label_files.import_file(other, "till", written, id_column=None, share=0) == (2, 1, 0)

    columns = pl.exclude("why")
    assert labels.given(other, "till").select(columns).equals(labels.given(house, "till").select(columns))
    again = [json.loads(text) for text in (written, label_files.export_file(other, "till"))]
    assert again[0] == again[1]
    assert labelling.next_task(other, "till", "person:bob").task.suggestion == "no"


def test_a_file_of_label_studio_is_read(house: House) -> None:
    content = json.dumps([
        {
            "id": 7, "data": {"text": "<b>so</b>", "key": "k7"},
            "annotations": [
                {"completed_by": 1, "created_at": "2026-01-02T03:04:05.6Z", "lead_time": 2.5, "was_cancelled": False,
                 "result": [{"from_name": "s", "to_name": "t", "type": "choices", "value": {"choices": ["good"]}}]},
                {"completed_by": {"email": "b@x.org"}, "was_cancelled": True, "result": []},
            ],
        },
        {"id": 8, "data": {"text": "ok", "key": "k8"}, "annotations": []},
    ]).encode()  # fmt: skip

    assert label_files.import_file(house, "texts", content, id_column="key") == (1, 1, 1)

    label = labels.given(house, "texts").row(0, named=True)
    assert (label["task"], label["value"], label["by"], label["seconds"]) == ("k7", "good", "person:1", 2.5)
    assert label["at"] == datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "no JSON"),
        (b"{}", "no list"),
        (b"[1]", "Task 1 of the file has no data"),
        (b'[{"data": {}}]', "has no key"),
        (b'[{"id": 1, "data": {}}, {"id": 1, "data": {}}]', "Task 2 of the file has the key"),
        (b'[{"id": 1, "data": {}, "annotations": [{"result": []}]}]', "has 0 choices"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_whole(house: House, content: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        label_files.import_file(house, "texts", content, id_column=None)
    assert house.tables.version("human-labels-texts") is None


def test_finished_blocks_behind_one_that_is_held_are_not_read_again(tmp_path: Path) -> None:
    house = opened(tmp_path)
    count = 3 * BLOCK
    labelling.fill(house, "till", tasks(count), share=0)
    labelling.next_task(house, "till", "person:idle")
    with house.records.reading() as books:
        deck = queue_of(books, "till").decks[0]
        first = block_of(house.blobs, deck.id, 0)
    with house.records.writing() as books:
        queue = queue_of(books, "till")
        for block in (0, 1):
            done = {str(at): Place(("person:ada",)) for at in range(BLOCK)}
            done |= places_in(books, "till", deck.id, block)
            put_places(books, "till", deck.id, block, done)
        queue.decks[0].finish(1)
        books.notes.put("label-queue", "till", asdict(queue))
    read: list[str] = []

    class Watched:
        def get(self, digest: str) -> bytes:
            read.append(digest)
            return house.blobs.get(digest)

    found = labelling.next_task(replace(house, blobs=Watched()), "till", "person:bob")

    assert found is not None
    assert found.task.id == f"t{2 * BLOCK:03}"
    assert len(read) == 4  # the list of blocks and a block, twice: the held one and the free one
    labelling.skip(house, "till", first[0].id, "person:idle")
    labelling.give(house, "till", found.task.id, "x", "person:bob")
    assert labelling.next_task(house, "till", "person:bob").task.id == first[0].id
    labelling.give(house, "till", first[0].id, "x", "person:bob")
    with house.records.reading() as books:
        after = queue_of(books, "till").decks[0]
    assert (after.first, after.full) == (2, [])
    assert labelling.progress(house, "till", "person:bob").mine == 2
