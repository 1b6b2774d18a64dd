"""What every adapter of the `Clients` port does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kaizenml.adapters.sql.records import SqlRecords
from kaizenml.core.digest import digest_of_bytes
from kaizenml.core.mlflow.filter import RUNS, Question, parsed, sortings
from kaizenml.core.mlflow.rows import ACTIVE, DELETED, Document, File, What
from kaizenml.loop import mlflow_experiments as experiments
from kaizenml.loop import mlflow_metrics as metrics
from kaizenml.loop import mlflow_runs as runs
from kaizenml.loop.mlflow_search import search

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_document_is_found_as_it_was_put_and_replaced(records: SqlRecords) -> None:
    first = Document(What.RUN, "r", '{"a":"é\\n"}', "1", "ada", "RUNNING", began_at=5)
    second = Document(What.RUN, "r", "{}", "2", "bob", "FINISHED", DELETED, 6, 7)

    with records.writing() as books:
        books.clients.put(first)
        assert books.clients.find(What.RUN, "r") == first
        books.clients.put(second)

    with records.reading() as books:
        assert books.clients.find(What.RUN, "r") == second
        assert books.clients.find(What.MODEL, "r") is None


def test_documents_are_listed_by_scope_name_and_state(records: SqlRecords) -> None:
    made = [Document(What.MODEL, f"m-{n}", "{}", str(n % 2), f"run-{n % 3}", "READY") for n in range(6)]
    with records.writing() as books:
        for each in reversed(made):
            books.clients.put(each)
        books.clients.forget(What.MODEL, "m-5")

    with records.reading() as books:
        assert books.clients.all(What.MODEL) == made[:5]
        assert books.clients.all(What.MODEL, scopes=["1"]) == [made[1], made[3]]
        assert books.clients.all(What.MODEL, name="run-0", state="READY") == [made[0], made[3]]
        assert books.clients.all(What.MODEL, scopes=[]) == []


def test_many_documents_are_put_and_found_at_once(records: SqlRecords) -> None:
    made = {f"m-{n}": Document(What.MODEL, f"m-{n}", "{}", "1") for n in range(1100)}
    with records.writing() as books:
        books.clients.put(Document(What.MODEL, "m-7", "before"))
        books.clients.put_all(list(made.values()))
        books.clients.put_all([])

    with records.reading() as books:
        assert books.clients.find_all(What.MODEL, [*made, "other"]) == made
        assert books.clients.find_all(What.RUN, made) == {}


def test_files_lie_in_folders_and_names_that_only_begin_alike_do_not(records: SqlRecords) -> None:
    paths = ["1/a/x.txt", "1/a/b/y.txt", "1/ab/z.txt", "1/a-b", "1/a"]
    with records.writing() as books:
        for path in paths:
            books.clients.keep_file(File(path, digest_of_bytes(path.encode()), len(path)))
        books.clients.keep_file(File("1/a/x.txt", digest_of_bytes(b"new"), 3))

    with records.writing() as books:
        assert [each.path for each in books.clients.files("1/a")] == ["1/a/b/y.txt", "1/a/x.txt"]
        assert books.clients.find_file("1/a/x.txt") == File("1/a/x.txt", digest_of_bytes(b"new"), 3)
        assert len(books.clients.files("")) == 5
        assert books.clients.drop_files("1/a") == 3
        assert [each.path for each in books.clients.files("")] == ["1/a-b", "1/ab/z.txt"]


def test_an_experiment_is_a_project_of_its_own(records: SqlRecords) -> None:
    with records.writing() as books:
        experiments.make_default(books, NOW)
        first = experiments.create(books, NOW, "Churn / Q3")
        second = experiments.create(books, NOW, "churn: q3")
        projects = [experiments.project_of(books, each) for each in ("0", first, second)]

    assert projects == ["default", "churn-q3", "churn-q3-2"]


@pytest.fixture
def told(records: SqlRecords) -> SqlRecords:
    with records.writing() as books:
        experiments.make_default(books, NOW)
        for number in range(4):
            run = runs.create(books, NOW, "0", "ada", 1000 + number, f"run {number}", [("team", "blue")][: number % 2])
            id_ = run.info.run_id
            values = [("loss", number / 2, 1000, 0), ("b10", float("nan"), 1000, 0)][: 1 + number % 2]
            metrics.log(books, NOW, id_, values, [("depth", str(8 + number))])
    return records


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", [3, 2, 1, 0]),
        ("metrics.loss > 0.4", [3, 2, 1]),
        ("metrics.b10 != 7", [3, 1]),
        ("metrics.b10 < 7", []),
        ("params.depth = '10'", [2]),
        ("params.depth LIKE '1%' AND metrics.loss < 1.5", [2]),
        ("tags.team IS NULL", [2, 0]),
        ("run_name ILIKE 'RUN _' AND start_time >= 1002", [3, 2]),
        ("run_name LIKE 'RUN _'", []),
        ("status = 'RUNNING' AND user_id != 'bob'", [3, 2, 1, 0]),
        ("end_time > 0", []),
        ("params.depth = '''; DROP TABLE runs; --'", []),
    ],
)
def test_runs_are_found_by_what_they_told(told: SqlRecords, words: str, found: list[int]) -> None:
    with told.reading() as books:
        bodies, token = search(books, ["0"], [ACTIVE], 10, words, [], "")

    assert [int(body.partition('"run_name":"run ')[2][0]) for body in bodies] == found
    assert token == ""


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (["metrics.loss"], [0, 1, 2, 3]),
        (["metrics.b10", "start_time"], [1, 3, 0, 2]),
        (["params.depth"], [2, 3, 0, 1]),  # as text: "10" comes before "8"
        (["tags.team DESC", "run_name DESC"], [3, 1, 2, 0]),
        (["end_time", "start_time ASC"], [0, 1, 2, 3]),
    ],
)
def test_runs_come_in_the_order_that_is_asked_for(told: SqlRecords, order: list[str], found: list[int]) -> None:
    with told.reading() as books:
        question = Question(parsed("", RUNS), sortings(order, RUNS))
        bodies = books.clients.search(question, scopes=["0"], stages=[ACTIVE], limit=10, after=0)

    assert [int(body.partition('"run_name":"run ')[2][0]) for body in bodies] == found


def test_pages_follow_each_other_without_gap_or_repeat(told: SqlRecords) -> None:
    seen, token = [], ""
    with told.reading() as books:
        for _ in range(10):
            bodies, token = search(books, ["0"], [ACTIVE], 3, "", ["metrics.loss DESC"], token)
            seen += bodies
            if not token:
                break

    assert len(seen) == len(set(seen)) == 4


def test_a_measurement_told_twice_is_kept_once(told: SqlRecords) -> None:
    with told.writing() as books:
        id_ = books.clients.all(What.RUN)[0].id
        for _ in range(3):
            metrics.log(books, NOW, id_, 2 * [("again", 1.5, 7, 3), ("again", float("nan"), 7, 3)])

    with told.reading() as books:
        assert len(books.series.read(id_, "again")) == 2
        assert len(metrics.history(books, id_, "again")) == 2


def test_a_run_may_begin_on_any_clock(records: SqlRecords) -> None:
    with records.writing() as books:
        experiments.make_default(books, NOW)
        for start in (0, -5, 2**62, int((NOW + timedelta(days=1)).timestamp() * 1000)):
            run = runs.create(books, NOW, "0", "", start, "", [])
            assert books.runs.get(run.info.run_id).started_at.tzinfo is not None
            assert runs.get(books, run.info.run_id).info.start_time == start
