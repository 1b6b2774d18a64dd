"""What a gate asks beyond metrics: calibration, cost, baselines, functions of the project, behaviour."""

from __future__ import annotations

import msgspec
import polars as pl
import pytest
from loop_projects import house, run_in, write

import kaizenml as kz
from kaizenml.core.assessment import ASSESSMENT, Study
from kaizenml.core.behaviour import named, requirement_of
from kaizenml.core.metric import Task
from kaizenml.core.run import RunState
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.errors import NotFoundError, ProjectError, StateError, StepFailedError
from kaizenml.loop.behaving import Subject, Trial, behaves
from kaizenml.loop.evaluation_report import assessment_of, report, run_of
from kaizenml.loop.loading import load_folder
from kaizenml.loop.order import Order, Way
from kaizenml.loop.running import run
from kaizenml.training.problem import Problem

PASSING = """
project.gate(
    kz.baseline(against="dummy"), kz.calibrated(0.3), kz.latency(p99_seconds=30), kz.size("50MB"),
)


@project.check
def alarms(facts):
    \"\"\"Half of the alarms are right.\"\"\"
    assert facts.metrics["precision"].value > 0.5
    assert len(facts.rows) == len(facts.y) == len(facts.predicted)


def many_rows(facts):
    return len(facts.rows) >= 30, f"{len(facts.rows)} rows"


project.gate(many_rows)
project.behaves(
    kz.direction("amount", 0.1, expect="up"),
    kz.invariant("amount", change=lambda amount: amount + 1e-9),
    kz.minimum([{"amount": 0.99, "visits": 19}], expect=True),
    kz.minimum([{"amount": 0.01, "visits": 0}], expect=lambda value: value is False, name="the idle stay"),
)
project.evaluate(slices=["visits"], groups=["visits"], importance_seconds=0.2)
"""


def checks_of(done):
    return {check.name: check for check in done.verdict.checks}


@pytest.fixture(scope="module")
def passed(tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("passed"), PASSING, rows=400)
    return folder, run_in(folder)


def test_every_check_tells_its_evidence_in_words_and_numbers(passed):
    done, found = passed[1], checks_of(passed[1])

    assert done.state is RunState.FINISHED, found
    assert "beyond it is allowed" in found["calibrated"].evidence
    assert found["size"].limit == 50_000_000
    assert found["size"].value < 1_000_000
    assert 0 < found["latency"].value < 30
    assert "single rows are answered within" in found["latency"].evidence
    assert "of dummy" in found["baseline(dummy)"].evidence
    assert found["many_rows"].evidence == "80 rows"
    assert found["alarms"].evidence == "Half of the alarms are right."
    assert found["behaves(direction(amount +0.1))"].value == 0
    assert "1 simple rows are answered with true" in found["behaves(minimum(true))"].evidence
    assert "behaves(the idle stay)" in found


def test_what_was_found_is_kept_with_the_run_and_read_back(passed):
    folder, done = passed
    found = assessment_of(done, house(folder).blobs)

    assert {"roc.svg", "precision_recall.svg", "calibration.svg", "confusion.svg", ASSESSMENT} <= set(done.artefacts)
    assert found.metrics == done.metrics
    assert set(found.baselines) == {"dummy", "linear", "tree"}
    assert sum(map(sum, found.grids["confusion"].cells)) == found.rows == 80
    assert found.fairness[0].column == "visits"
    assert found.serving.rows >= 16
    assert house(folder).blobs.get(done.artefacts["roc.svg"]).startswith(b"<svg")


def test_the_report_shows_it_all_and_loads_nothing(passed):
    folder, done = passed
    shown = report(done, house(folder).blobs)

    assert "<script" not in shown
    assert "default-src 'none'" in shown
    for said in ("Half of the alarms are right.", "roc_auc", "Calibration", "Fairness: visits", "shop/1"):
        assert said in shown
    assert run_of(house(folder)).id == run_of(house(folder), "shop/1").id == run_of(house(folder), "shop:1").id
    with pytest.raises(NotFoundError):
        run_of(house(folder), "nobody")


FAILING = """
project.gate(kz.size(100), kz.latency(p99_seconds=1e-9))


@project.check
def never(facts):
    assert facts.metrics["accuracy"].value > 2, f"accuracy is {facts.metrics['accuracy'].value:.2f}"


project.behaves(
    kz.direction("amount", 0.1, expect="down"),
    kz.invariant("visits", change=[0, 19]),
    kz.minimum([{"amount": 0.99, "visits": 19}, {"amount": "many", "visits": 1}], expect=False, name="all stay"),
)
project.evaluate(importance_seconds=0)
"""


def test_a_check_that_fails_names_the_rows_where_it_does(tmp_path):
    folder = write(tmp_path, FAILING, rows=400)
    done = run_in(folder)
    found = checks_of(done)

    assert done.state is RunState.REFUSED
    assert {name for name, check in found.items() if not check.has_passed} == set(found)
    assert found["never"].evidence.startswith("accuracy is 0.")
    assert "id=" in found["behaves(direction(amount +0.1))"].evidence
    assert "→" in found["behaves(invariant(visits))"].evidence
    assert "row 0 is answered with true, not false" in found["behaves(all stay)"].evidence
    assert "row 1: rows[0]: column 'amount'" in found["behaves(all stay)"].evidence
    assert assessment_of(done, house(folder).blobs).importance is None


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("project.behaves(kz.invariant('amout', change=[1]))", NotFoundError, "no input column 'amout'"),
        ("project.behaves(kz.invariant('amount', change=['a']))", ProjectError, "cannot be changed"),
        ("project.behaves(kz.invariant('amount', change=lambda s: s.nothing()))", StepFailedError, "AttributeError"),
        ("project.behaves(kz.invariant('amount', change=lambda s: s.head(3)))", ProjectError, "3 values for"),
        ("project.behaves(kz.direction('amount', 1, expect='up', of='may'))", NotFoundError, "no class 'may'"),
        ("project.gate(kz.baseline(against='liner'))", NotFoundError, "no baseline 'liner'"),
        ("project.gate(kz.beats_baselines('acuracy'))", NotFoundError, "no metric 'acuracy'"),
        ("project.evaluate(slices=['amout'])", NotFoundError, "no slice column 'amout'"),
        ("project.gate(lambda facts: 'perhaps')", ProjectError, "neither yes nor no"),
        ("project.check(lambda facts: 1 / 0)", StepFailedError, "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_asked_ends_the_run_with_a_sentence(tmp_path, code, error, said):
    folder = write(tmp_path, code, rows=100)

    with pytest.raises(error, match=said):
        run_in(folder)


def test_what_cannot_be_declared_is_refused_at_once():
    project = kz.Project("shop", source=kz.files("*.csv"), target="y")
    wrong = [
        lambda: project.evaluate(also=["learning_curves"]),
        lambda: project.behaves(kz.invariant("a", change=[1]), kz.invariant("a", change=[2])),
        lambda: kz.invariant("a", change="b"),
        lambda: kz.direction("a", 1, expect="sideways"),
        lambda: kz.minimum([], expect=1),
        lambda: kz.size(0),
        lambda: kz.calibrated(0),
        lambda: kz.minimum([{}], expect=1, allow=1.5),
    ]

    for declare in wrong:
        with pytest.raises((ProjectError, NotFoundError)):
            declare()
    with pytest.raises(NotFoundError, match="no study 'learning_curves'") as refused:
        project.evaluate(also=["learning_curves"])
    assert "learning_curve" in refused.value.hint


def test_studies_are_made_where_they_are_asked_for(tmp_path):
    folder = write(tmp_path, "project.evaluate(importance_seconds=0)", rows=300)
    way = Way(also=(Study.LEARNING_CURVE, Study.STALENESS, Study.IMPORTANCE))
    assert msgspec.convert(msgspec.to_builtins(way), Way) == way

    done = run(load_folder(folder), folder, house(folder), Order("run-1", "person:ada", {}, way=way), lambda _: None)
    found = assessment_of(done, house(folder).blobs)

    assert {"learning_curve.svg", "importance.svg"} <= set(done.artefacts)
    assert found.importance.repeats == 10
    assert found.learning_curve.points[-1].rows == 240
    assert found.staleness is None
    assert "No staleness: the project has no time" in " ".join(found.notes)


def test_a_model_that_cannot_learn_from_shadows_ends_no_run(tmp_path):
    code = """
from sklearn.ensemble import HistGradientBoostingClassifier

project.steps["estimator"] = lambda: HistGradientBoostingClassifier(max_iter=5, monotonic_cst=[1, 1])
"""
    folder = write(tmp_path, code, rows=200)

    done = run_in(folder)

    assert "does not learn from shadow columns: ValueError" in " ".join(assessment_of(done, house(folder).blobs).notes)


def test_slices_are_searched_for_among_what_a_request_brings_only(tmp_path):
    """A column that is known only afterwards parts the rows best of all, and says nothing about the model."""
    code = """
@project.step
def select(raw):
    return raw.with_columns(after=pl.col("churned"))


project.ignore = ("after",)
project.evaluate(slices=["after"], importance_seconds=0)
"""
    folder = write(tmp_path, code, rows=600)

    found = assessment_of(run_in(folder), house(folder).blobs).slices

    assert {column for each in found.declared for column, _ in each.where} == {"after"}
    assert not {column for each in found.found for column, _ in each.where} & {"after", "churned", "id"}


def test_a_run_that_failed_has_no_report(tmp_path):
    folder = write(tmp_path, "project.evaluate(slices=['amout'])", rows=100)
    with pytest.raises(NotFoundError):
        run_in(folder)

    with pytest.raises(StateError, match="no evaluation; it is failed: There is no slice column"):
        assessment_of(run_of(house(folder), "run-1"), house(folder).blobs)
    with pytest.raises(StateError, match="No run has been evaluated yet"):
        run_of(house(folder))


def test_a_regression_has_residuals_and_no_confusion(tmp_path):
    folder = write(tmp_path, "project.target = 'amount'\nproject.steps.clear()\n", rows=300)
    done = run_in(folder)

    assert {"residuals.svg", "calibration.svg"} <= set(done.artefacts)
    assert "confusion.svg" not in done.artefacts


def test_the_champion_is_tried_beside_the_challenger():
    rows = pl.DataFrame({"amount": [0.1, 0.5, 0.9], "id": ["a", "b", "c"]})
    columns = (Column("amount", ColumnKind.NUMBER),)
    of = Problem(Task.REGRESSION, "y", columns, (), "id", None, 0, 0.2)
    up = Subject("it", lambda asked: asked["amount"].to_numpy(), lambda _: ())
    down = Subject("shop/1", lambda asked: -asked["amount"].to_numpy(), lambda _: ())
    rises = kz.direction("amount", 1, expect="up")

    found = behaves(requirement_of(rises), Trial({named(rises): rises}, rows, of, up, down))
    turned = behaves(requirement_of(rises), Trial({named(rises): rises}, rows, of, down, up))

    assert found.has_passed
    assert found.evidence.endswith("0 of 3 tries fail (0.0%); 0.0% may. shop/1 fails 3 of 3.")
    assert not turned.has_passed
    assert "id=a: amount 0.1 → 1.1 moves the answer from -0.1 to -1.1" in turned.evidence
