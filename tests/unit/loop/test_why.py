"""What made a prediction: its row, its preparation, its score, who stood behind it, what the score is of."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from answered_shop import NOW, ROWS, answer, answered_shop, copied, log
from loop_projects import house, run_in, write

from kaizenml.core.endpoint import Endpoint
from kaizenml.core.job import JobState, Work
from kaizenml.core.prediction import Feedback, Label
from kaizenml.core.release import ReleaseState
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.core.why import Change, Why
from kaizenml.errors import NotFoundError, StateError, UsageError
from kaizenml.loop import releasing, versioning, why_ordering, worker
from kaizenml.loop.collecting import collect
from kaizenml.loop.explaining import explained
from kaizenml.loop.explaining import why as why_of
from kaizenml.loop.observing import LOSSES
from kaizenml.loop.why_ordering import answered, queue_why, waited_for
from kaizenml.loop.wiring import House
from kaizenml.packaging.bundle import pack, unpack
from kaizenml.training.nearest import distances, nearest


def whole(found: Why) -> bool:
    assert found.attribution is not None
    added = sum(each.adds for each in found.attribution.contributions)
    return abs(found.attribution.base + added - found.attribution.score) < 1e-9


@pytest.mark.parametrize("name", ["new-1", "shop/new-1", "prediction:shop/new-1"])
def test_a_prediction_says_what_made_it(name: str) -> None:
    found = explained(answered_shop(), name)
    assert (found.prediction, found.at, found.role, found.answers) == ("shop/new-1", NOW, "answer", 1)
    assert found.raw == ROWS[1]
    assert found.value is False
    assert set(found.probabilities) == {"false", "true"}
    assert (found.label, found.again, found.missing) == ("no", 0.0, {})
    made = found.made_by
    assert (made.release, made.model, made.run, made.snapshot) == ("shop/1", "shop:1", "run-1", "shop@1")
    assert made.evidence[0].name == "beats_baselines(roc_auc)"
    assert made.author == "person:ada"
    assert whole(found)


def test_each_step_of_the_preparation_says_what_it_changed(tmp_path: Path) -> None:
    row = {"id": "new-x", "amount": " 0.5 ", "visits": 19, "colour": "red"}
    of = copied(answered_shop(), tmp_path / "shop")
    log(of, "predictions", [answer(of, [row])], 9)
    found = explained(of, "new-x")
    steps = {step.name: {change.column: change for change in step.changes} for step in found.steps}
    assert list(steps) == ["clean", "features", "take", "encode"]
    assert steps["clean"] == {
        "amount": Change("amount", " 0.5 ", 0.5, "read as a number"),
        "colour": Change("colour", "red", None, "not read"),
        "id": Change("id", "new-x", None, "not read"),
    }
    assert steps["features"] == {
        "each": Change("each", None, 0.025, "made"), "visits": Change("visits", 19, 15, "changed"),
    }  # fmt: skip
    assert found.features == {"amount": 0.5, "visits": 15.0, "each": 0.025}
    assert steps["encode"].keys() == {"amount", "visits", "each"}


def test_the_nearest_rows_are_of_those_that_the_model_was_trained_on() -> None:
    of = answered_shop()
    found = explained(of, "new-3")
    with of.records.reading() as books:
        losses = books.runs.get("run-1").artefacts[LOSSES]
    tested = set(pl.read_parquet(io.BytesIO(of.blobs.get(losses)))["key"])
    rows = pl.read_csv(of.settings.folder / "data" / "t.csv").filter(~pl.col("id").cast(pl.String).is_in(list(tested)))
    rows = rows.with_columns(each=pl.col("amount") / (pl.col("visits") + 1), visits=pl.col("visits").clip(0, 15))
    spans = {name: pl.col(name).max() - pl.col(name).min() for name in found.features}
    apart = sum((pl.col(name) - value).abs() / spans[name] for name, value in found.features.items())
    expected = rows.with_columns(apart=apart / 3).sort("apart").head(5)
    assert [each.id for each in found.nearest] == expected["id"].to_list()
    assert [each.distance for each in found.nearest] == pytest.approx(expected["apart"].to_list())
    assert "Gower" in found.distance


def test_of_several_answers_it_is_the_newest_that_went_to_a_caller(tmp_path: Path) -> None:
    of = copied(answered_shop(), tmp_path / "shop")
    assert explained(of, "new-7").role == "answer"
    assert explained(of, "new-7").answers == 2
    with of.records.writing() as books:
        books.releases.add(replace(books.releases.get("shop/1"), number=2))
    later = answer(of, [{**ROWS[7], "visits": 0}], release="shop/2")
    log(of, "predictions", [replace(later, at=NOW.replace(hour=13))], 9)
    assert explained(of, "new-7").made_by.release == "shop/2"
    assert explained(of, "new-7", release="shop/1").raw["visits"] == 7
    with pytest.raises(NotFoundError, match="shop/3") as told:
        explained(of, "new-7", release="shop/3")
    assert "shop/" in told.value.hint


def test_what_nobody_knows_is_met_with_the_close_one() -> None:
    with pytest.raises(NotFoundError) as told:
        explained(answered_shop(), "nwe-1")
    assert "new-1" in told.value.hint


def test_the_answer_of_a_retired_release_is_told_as_any(tmp_path: Path) -> None:
    of = copied(answered_shop(), tmp_path / "shop")
    with of.records.writing() as books:
        release = books.releases.get("shop/1")
        books.releases.move(replace(release, state=ReleaseState.RETIRED), seen=release.state)
    found = explained(of, "new-1")
    assert found.made_by.state == "retired"
    assert whole(found)


def test_an_erased_row_is_not_found_and_an_erased_training_row_ends_what_is_told_of_them(tmp_path: Path) -> None:
    of = copied(answered_shop(), tmp_path / "shop")
    collect(of)
    with of.records.reading() as books:
        declared = books.declarations.get("shop")
    versioning.erase(of, declared, "id", "new-1", because="asked", by="person:ada", gives_up=False)
    with pytest.raises(NotFoundError) as told:
        explained(of, "new-1")
    assert "erased" in told.value.hint
    assert explained(of, "new-2").missing == {}  # its training rows are those of the pinned version

    with of.records.writing() as books:
        run = books.runs.get("run-1")
        books.snapshots.add(replace(books.snapshots.get("shop@1"), number=9, digest=run.code.digest))
        books.runs.save(replace(run, id="run-9", snapshot="shop@9"))
        books.releases.add(replace(books.releases.get("shop/1"), number=9, run="run-9"))
    log(of, "predictions", [answer(of, [{**ROWS[2], "id": "after"}], release="shop/9")], 9)
    found = explained(of, "after")
    assert "cannot be made again" in found.missing["nearest"]
    assert found.nearest == ()
    assert found.attribution is not None
    assert "golden rows" in found.attribution.background
    assert whole(found)


def without_libraries(of: House) -> str:
    """Make a release whose model needs libraries that are not here; return its name."""
    with of.records.writing() as books:
        version = books.models.get("shop:1")
        bundle = unpack(of.blobs.get(version.bundle))
        old = replace(bundle, manifest=replace(bundle.manifest, needs={"scikit-learn": "0.1"}))
        books.models.add(replace(version, number=2, bundle=of.blobs.put(pack(old))))
        books.releases.add(replace(books.releases.get("shop/1"), number=2, model_version="shop:2"))
    return "shop/2"


def without_model(of: House) -> str:
    with of.records.writing() as books:
        books.releases.add(replace(books.releases.get("shop/1"), number=3, model_version=""))
    return "shop/3"


def unknown(_: House) -> str:
    return "shop/8"


@pytest.mark.parametrize(
    ("made", "reason"),
    [(without_libraries, "scikit-learn"), (without_model, "no model version"), (unknown, "not in these records")],
)
def test_what_needs_no_model_is_told_where_the_model_cannot_be_asked(
    tmp_path: Path, made: Callable[[House], str], reason: str
) -> None:
    of = copied(answered_shop(), tmp_path / "shop")
    line = answer(of, [{**ROWS[2], "id": "odd"}])
    log(of, "predictions", [replace(line, release=made(of))], 9)
    found = explained(of, "odd")
    assert reason in found.missing["model"]
    assert found.raw["id"] == "odd"
    assert found.made_by.release.startswith("shop/")
    assert (found.attribution, found.again, found.steps) == (None, None, ())
    assert list(found.probabilities.values()) == list(line.probabilities[0])


def test_the_same_name_at_two_endpoints_must_be_told_apart(tmp_path: Path) -> None:
    of = copied(answered_shop(), tmp_path / "shop")
    with of.records.writing() as books:
        books.endpoints.save(replace(books.endpoints.get("shop"), name="other"), seen=0)
    log(of, "predictions", [replace(answer(of, ROWS[:1]), endpoint="other")], 9)
    with pytest.raises(UsageError, match="2 predictions") as told:
        explained(of, "new-0")
    assert "other/new-0" in told.value.hint
    assert explained(of, "other/new-0").prediction == "other/new-0"


def test_a_project_asks_by_its_folder() -> None:
    assert why_of("new-2", folder=answered_shop().settings.folder).prediction == "shop/new-2"


def worked(of: House) -> None:
    while (job := worker.claim(of, [Work.WHY])) is not None:
        worker.do(of, job, lambda _: None)


def test_a_worker_answers_and_asking_again_is_the_same_job_until_something_has_changed(tmp_path: Path) -> None:
    of = copied(answered_shop(), tmp_path / "shop")
    job = queue_why(of, "shop", "new-1", release="", by="person:ada")
    assert queue_why(of, "shop", "new-1", release="", by="person:ben").id == job.id
    assert not waited_for(of, job, seconds=0).is_over
    worked(of)
    done = waited_for(of, job, seconds=5)
    document = answered(of, done)
    assert isinstance(document, dict)
    assert document["prediction"] == "shop/new-1"
    assert document["attribution"]["method"] == "linear"
    assert queue_why(of, "shop", "new-1", release="", by="person:ada").id == job.id

    log(of, "feedback", [Feedback(NOW, "shop", (Label("new-1", "yes", NOW),))], 9)
    assert queue_why(of, "shop", "new-1", release="", by="person:ada").id != job.id


def test_the_job_names_no_row_and_what_was_found_goes_when_rows_are_erased(tmp_path: Path) -> None:
    of = copied(answered_shop(), tmp_path / "shop")
    collect(of)
    first, second = (queue_why(of, "shop", name, release="", by="person:ada") for name in ("new-1", "new-2"))
    job = worker.claim(of, [Work.WHY])
    assert job is not None
    worker.do(of, job, lambda _: None)
    with of.records.reading() as books:
        declared = books.declarations.get("shop")
        assert "new-1" not in str(books.jobs.get(first.id))
    versioning.erase(of, declared, "id", "new-1", because="asked", by="person:ada", gives_up=False)
    with pytest.raises(StateError, match="is done"):
        answered(of, waited_for(of, first, seconds=5))
    worked(of)
    with of.records.reading() as books:
        failed = books.jobs.get(second.id)
        assert failed.state is JobState.FAILED
        assert "not known any more" in failed.error
        assert set(books.notes.all(why_ordering.FOUND).values()) == {None}
        assert set(books.notes.all(why_ordering.ASKED).values()) == {None}
    again = queue_why(of, "shop", "new-2", release="", by="person:ada")
    assert again.id != second.id
    worked(of)
    assert answered(of, waited_for(of, again, seconds=5))


def test_of_the_answers_the_newest_are_kept(tmp_path: Path) -> None:
    of = copied(answered_shop(), tmp_path / "shop")
    job = queue_why(of, "shop", "new-1", release="", by="person:ada")
    with of.records.writing() as books:
        for number in range(60):
            project = ("zoo", "shop")[number % 2]
            books.notes.put(why_ordering.FOUND, f"why-{project}-20250101-0000{number:02d}-000000", {"a": number})
        why_ordering.keep(books, job, {"a": 1})
        kept = [each["a"] for each in books.notes.all(why_ordering.FOUND).values() if isinstance(each, dict)]
    assert sorted(kept) == [1, *range(60 - why_ordering.MOST_KEPT + 1, 60)]


def test_a_prediction_that_nobody_knows_is_not_queued() -> None:
    with pytest.raises(NotFoundError):
        queue_why(answered_shop(), "shop", "nobody", release="", by="person:ada")
    with pytest.raises(NotFoundError):
        queue_why(answered_shop(), "shop", "new-1", release="shop/7", by="person:ada")


def test_where_prose_is_all_there_is_no_distance_is_declared() -> None:
    row = pl.DataFrame({"text": ["a word"], "n": [1.0]})
    rows = pl.DataFrame({"text": ["a word", "another"], "n": [3.0, float("nan")]})
    prose, number = Column("text", ColumnKind.TEXT), Column("n", ColumnKind.NUMBER)
    assert nearest(row, rows, [prose], 5) == []
    assert nearest(row, rows, [prose, number], 5) == [(0, 1.0)]


def test_near_is_meant_as_by_gower() -> None:
    columns = [Column("a", ColumnKind.NUMBER), Column("b", ColumnKind.CATEGORY), Column("c", ColumnKind.BOOLEAN)]
    nan = float("nan")
    rows = pl.DataFrame({"a": [0.0, 10.0, 4.0, nan], "b": ["x", "y", "(missing)", "x"], "c": [1.0, 0.0, 1.0, 1.0]})
    row = pl.DataFrame({"a": [2.0], "b": ["x"], "c": [1.0]})
    assert distances(row, rows, columns).tolist() == pytest.approx([0.2 / 3, 2.8 / 3, 0.1, 0.0])
    outside = pl.DataFrame({"a": [500.0], "b": ["z"], "c": [nan]})
    assert distances(outside, rows, columns).tolist() == pytest.approx([1.0, 1.0, 1.0, 1.0])


def test_a_prediction_names_the_commit_and_who_approved_it_and_why(tmp_path: Path) -> None:
    folder = write(tmp_path / "shop", "")
    git = ["git", "-C", str(folder), "-c", "user.name=Bob Roe", "-c", "user.email=bob@example.org"]
    for words in (["init", "-q"], ["add", "project.py"], ["commit", "-qm", "A project"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    of = house(folder)
    run_in(folder)
    releasing.approve(of, "shop/1", "person:eve", because="it is better")
    with of.records.writing() as books:
        books.endpoints.save(Endpoint("shop", "shop", champion="shop/1", generation=1), seen=0)
    log(of, "predictions", [answer(of, ROWS[:1])], 1)

    made = explained(of, "new-0").made_by

    assert (made.commit, made.author, made.approved_by) == (commit, "person:ada", "person:eve")
    assert [(each.by, each.because) for each in made.approvals] == [("person:eve", "it is better")]
    with of.records.reading() as books:
        assert made.digest == books.releases.get("shop/1").digest
        assert made.code == books.runs.get("run-1").code.digest
