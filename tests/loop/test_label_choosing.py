"""Rows to label are chosen by what the champion says of them, in a worker, with a share by chance."""

from __future__ import annotations

import random
from pathlib import Path

import httpx
import pytest
from test_labelling_pages import serving
from test_labels_join import CODE, ran, say, truth, write

from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Kind
from kaizenml.core.job import JobState, Work
from kaizenml.core.labelling import CONTROL_SHARE, HumanLabel, Why, entropy, margin, priority
from kaizenml.data.label_queue import block_of, queue_of
from kaizenml.loop import label_choosing, labels, worker
from kaizenml.loop.scoring import load_release
from kaizenml.loop.wiring import House

BLANK = range(200, 400)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A project of which half the rows have a target, with a champion that learned from those."""
    made = write(tmp_path / "p", CODE.format(target="churned"), blank=BLANK, rows=400)
    say(made, ("0", truth(0)[2], "ada"))
    done, _, _ = ran(tmp_path / "p", made)
    with made.records.writing() as books:
        books.endpoints.save(Endpoint("shop", "shop", done.release), seen=0)
    return made


def queued(house: House, deck: str = "main") -> list:
    with house.records.reading() as books:
        one = next(one for one in queue_of(books, "shop").decks if one.name == deck)
    return [task for at in range(one.blocks) for task in block_of(house.blobs, one.id, at)]


def test_rows_without_a_target_are_queued_by_the_champions_own_probabilities(house: House) -> None:
    assert label_choosing.fill_open(house, "shop", share=0) == len(BLANK)

    tasks = queued(house)
    with house.records.reading() as books:
        release = books.releases.get("shop/1")
        bundle = books.models.get(release.model_version).bundle
    scorer = load_release(house.blobs, "shop/1", bundle)
    for task, answer in zip(tasks, scorer.answer([dict(task.row) for task in tasks]), strict=True):
        assert (task.suggestion, task.model) == (str(answer.value).lower(), "shop/1")
        assert task.probability == pytest.approx(max(answer.probabilities), abs=1e-12)
        unsure = (entropy(answer.probabilities) + margin(answer.probabilities)) / 2
        assert priority(unsure, 0, 0) <= task.priority <= priority(unsure, 1, 1)
        assert "churned" not in task.row
    first, last = (sum(task.probability for task in part) / 20 for part in (tasks[:20], tasks[-20:]))
    assert first < last
    assert {task.why for task in tasks} == {Why.UNCERTAIN}


def test_the_share_by_chance_is_recorded_and_does_not_follow_the_scores(house: House) -> None:
    label_choosing.fill_open(house, "shop", share=0.3, by="person:ada")

    tasks = queued(house)
    chosen = [task for task in tasks if task.why is Why.CONTROL]
    with house.records.reading() as books:
        told = books.events.find(Kind.QUEUE_FILLED, project="shop")[0]
    assert 0.15 * len(tasks) < len(chosen) < 0.45 * len(tasks)
    assert (told.facts["control"], told.facts["share"], told.actor) == (len(chosen), 0.3, "person:ada")
    mean = sum(task.priority for task in tasks) / len(tasks)
    assert sum(task.priority for task in chosen) / len(chosen) == pytest.approx(mean, abs=0.1)
    assert CONTROL_SHARE == 0.1


def test_a_program_asks_for_rows_and_a_worker_chooses_them(house: House) -> None:
    with serving(house) as client:
        base = "/api/v1/projects/shop/labels"
        asked = client.post(f"{base}/fill", json={"by": "ada", "wanted": 2, "choices": ["true", "false"]})
        again = client.post(f"{base}/fill", json={"by": "ada"})
        assert (asked.status_code, asked.json()["done"]["id"]) == (202, again.json()["done"]["id"])
        assert client.post(f"{base}/next", json={"by": "ada"}).status_code == 409

        job = worker.claim(house, {Work.LABEL})
        assert job is not None
        worker.do(house, job, lambda _: None)

        assert client.post(f"{base}/next", json={"by": "ada"}).json()["done"]["task"]["model"] == "shop/1"
    with house.records.reading() as books:
        ended = books.jobs.get(job.id)
    assert (ended.state, ended.result["queued"]) == (JobState.DONE, len(BLANK))
    assert {task.wanted for task in queued(house)} == {2}


def test_a_program_asks_for_a_review_and_for_the_agreement(house: House) -> None:
    label_choosing.fill_open(house, "shop", share=0)
    tasks = queued(house)
    said = [
        HumanLabel(task.id, "true" if who == "ada" or number else "false", who, house.clock.now(), task.row)
        for who in ("ada", "bob")
        for number, task in enumerate(tasks[:6])
    ]
    labels.append(house, "shop", said, key="both")

    with serving(house) as client:
        base = "/api/v1/projects/shop/labels"
        asked = client.post(f"{base}/review", json={"by": "eve"})
        job = worker.claim(house, {Work.LABEL})
        assert job is not None
        worker.do(house, job, lambda _: None)
        agreed = client.get(f"{base}/agreement").json()

    assert (asked.status_code, asked.json()["done"]["facts"]["deck"]) == (202, "review")
    assert tasks[0].id in {task.id for task in queued(house, "review")}
    assert agreed["agreement"]["disputed"] == [tasks[0].id]
    assert agreed["agreement"]["pairs"][0]["agreed"] == pytest.approx(5 / 6)
    assert set(agreed["quality"]) == {"ada", "bob"}


def test_label_studio_goes_in_and_out_over_http(house: House) -> None:
    base = "/api/v1/projects/shop/labels"
    result = [{"type": "choices", "value": {"choices": ["true"]}}]
    tasks = [{"id": 1, "data": {"amount": 1}, "annotations": [{"result": result}]}, {"id": 2, "data": {"amount": 2}}]
    with serving(house) as client:
        client.timeout = httpx.Timeout(20)
        took = client.post(f"{base}/import", json={"tasks": tasks, "choices": ["true", "false"]})
        assert took.json()["done"] == {"queued": 1, "labels": 1, "cancelled": 0}
        written = client.get(f"{base}/export").json()
        refused = client.post(f"{base}/import", json={"tasks": [{"data": {}}]})
    assert {one["data"]["kaizen_id"] for one in written} == {"0", "1", "2"}
    assert (refused.status_code, "Task 1" in refused.json()["error"]["message"]) == (400, True)


def test_flipped_labels_are_queued_for_review_by_somebody_else(house: House) -> None:
    rng = random.Random(4)
    label_choosing.fill_open(house, "shop", share=0)
    tasks = queued(house)
    flipped = {task.id for task in rng.sample(tasks, 10)}
    wrong = {"yes": "false", "no": "true"}
    right = {"yes": "true", "no": "false"}
    given = [
        HumanLabel(
            task.id,
            (wrong if task.id in flipped else right)[truth(int(task.id))[2]],
            "bob",
            house.clock.now(),
            task.row,
        )
        for task in tasks
    ]
    labels.append(house, "shop", given, key="all")

    queued_count = label_choosing.fill_review(house, "shop")

    review = queued(house, "review")
    found = {task.id for task in review}
    assert queued_count == len(review)
    assert len(found & flipped) >= 7
    assert len(found - flipped) <= 10
    assert all((task.why, task.but_not) == (Why.REVIEW, ("bob",)) for task in review)
