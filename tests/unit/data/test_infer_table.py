"""A table is understood from its rows, or refused with what to do."""

import polars as pl
import pytest
from sklearn import datasets

from kaizenml.core.metric import Task
from kaizenml.core.schema import ColumnKind, Role
from kaizenml.data.delimited import read_delimited
from kaizenml.data.infer import infer_table
from kaizenml.errors import TargetError, UsageError

ROWS = 200
TABLE = pl.DataFrame(
    {
        "customer_id": [f"c{at:04d}" for at in range(ROWS)],
        "signed_on": [f"2020-{at // 28 + 1:02d}-{at % 28 + 1:02d}" for at in range(ROWS)],
        "age": [str(20 + at * 7 % 50) for at in range(ROWS)],
        "plan": ["basic", "gold", "team", "gold"] * 50,
        "mark": [f"M-{at * 37 % 200}" for at in range(ROWS)],
        "comment": [f"free text number {at * 37 % 200} of a person" for at in range(ROWS)],
        "country": ["DE"] * ROWS,
        "churned": ["yes", "no", "no", "no", "no"] * 40,
    }
)


def of(values, **columns):
    return pl.DataFrame(
        {"x": [str(at * 7 % 11) for at in range(len(values))], "y": [str(value) for value in values]} | columns
    )


def test_a_table_is_understood():
    found = infer_table(TABLE, target="churned")

    assert found.task is Task.BINARY
    assert (found.id, found.time) == ("customer_id", "signed_on")
    assert {item.column for item in found.ignored} == {"mark", "country"}  # prose is read
    assert found.suspects == ()
    assert [column.role for column in found.schema.columns] == [
        Role.ID, Role.TIME, Role.FEATURE, Role.FEATURE, Role.IGNORED, Role.FEATURE, Role.IGNORED, Role.TARGET,
    ]  # fmt: skip
    assert found.schema["age"].kind is ColumnKind.INTEGER
    assert found.schema["signed_on"].example == "2020-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("load", "task"),
    [
        (datasets.load_breast_cancer, Task.BINARY),
        (datasets.load_wine, Task.MULTICLASS),
        (datasets.load_digits, Task.MULTICLASS),
        (datasets.load_iris, Task.MULTICLASS),
        (datasets.load_diabetes, Task.REGRESSION),
    ],
)
def test_well_known_tables_pass_with_their_task_and_without_suspicion(load, task):
    csv = load(as_frame=True).frame.to_csv(index=False)

    found = infer_table(read_delimited("x.csv", csv.encode())[1], target="target")

    assert found.task is task
    assert found.suspects == ()
    assert (found.id, found.time) == (None, None)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1] * 50, Task.BINARY),
        ([1.0, 2.0] * 50, Task.BINARY),
        (["a", "b", "c", "a"] * 25, Task.MULTICLASS),
        ([1, 2, 3, 4] * 25, Task.MULTICLASS),
        ([1.0, 2.0, 3.0, 4.0] * 25, Task.MULTICLASS),
        ([1.0, 2.5, 3.0, 4.0] * 25, Task.REGRESSION),
        (list(range(100)), Task.REGRESSION),
        ([1, 2, 3, 4] * 24 + [9, 1, 2, 3], Task.REGRESSION),
        ([True, False] * 50, Task.BINARY),
    ],
)
def test_the_target_says_what_kind_of_task_it_is(values, task):
    assert infer_table(of(values), target="y").task is task


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1] * 50, "is 1 in every row"),
        (["no"] * 50, "is 'no' in every row"),
        (["a", "b"] * 25 + ["c", "c"], r"classes of too few rows: 'c' \(2\)"),
        (["a", ""] * 25, r"missing in 25 of 50 rows; the first are rows 2, 4, 6, 8, 10 and 20 more"),
        (["1.5", "2.5"] * 50 + ["lots"], r"missing in 1 of 101 rows \('lots' cannot be read as number\)"),
        (["2020-01-01", "2020-02-02"] * 25, "is a time"),
        ([f"text {at}" for at in range(60)], "has 60 different texts"),
        ([""] * 40, "missing in 40 of 40 rows"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(values, message):
    with pytest.raises(TargetError, match=message) as caught:
        infer_table(of(values), target="y")

    assert caught.value.hint


def test_columns_that_are_not_there_offer_the_closest_one():
    with pytest.raises(TargetError, match="Did you mean 'churned'"):
        infer_table(TABLE, target="churn")
    with pytest.raises(UsageError, match="Did you mean 'customer_id'"):
        infer_table(TABLE, target="churned", id="custmer_id")
    with pytest.raises(UsageError, match="no time column 'when'"):
        infer_table(TABLE, target="churned", time="when")
    with pytest.raises(UsageError, match="must be different"):
        infer_table(TABLE, target="churned", id="churned")


def test_ids_that_repeat_are_counted_with_an_example():
    raw = TABLE.with_columns(customer_id=pl.lit("c1"))

    with pytest.raises(UsageError, match=r"199 rows repeat one, such as 'c1'"):
        infer_table(raw, target="churned", id="customer_id")
    assert infer_table(raw, target="churned").id is None


def test_ids_that_are_missing_are_counted():
    raw = TABLE.with_columns(customer_id=pl.when(pl.int_range(pl.len()) > 2).then("customer_id"))

    with pytest.raises(UsageError, match="3 rows have no customer_id"):
        infer_table(raw, target="churned", id="customer_id")


def test_a_time_that_cannot_be_read_is_shown():
    with pytest.raises(UsageError, match="plan cannot be read as times, such as 'basic'"):
        infer_table(TABLE, target="churned", time="plan")


def test_few_rows_are_refused():
    with pytest.raises(UsageError, match="The table has 29 rows; 30 are the least"):
        infer_table(TABLE.head(29), target="churned")


def test_a_birth_date_is_not_the_time_of_the_rows():
    assert infer_table(TABLE.rename({"signed_on": "birth_date"}), target="churned").time is None


def test_words_that_end_in_id_are_no_ids():
    assert infer_table(TABLE.rename({"customer_id": "paid"}), target="churned").id is None


@pytest.mark.parametrize(
    ("leak", "words"),
    [
        (
            lambda late: [str(100 + at if is_late else at) for at, is_late in enumerate(late)],
            "area under the ROC curve",
        ),
        (lambda late: ["refunded" if is_late else "kept" for is_late in late], "avoids 100.0% of the wrong guesses"),
        (lambda late: ["2020-01-01" if is_late else "" for is_late in late], "has a value"),
    ],
)
def test_a_column_that_gives_a_class_away_is_suspected(leak, words):
    late = [at % 3 == 0 for at in range(90)]

    found = infer_table(of(late, leak=leak(late)), target="y")

    assert [suspect.column for suspect in found.suspects] == ["leak"]
    assert words in found.suspects[0].evidence


def test_a_column_that_gives_a_number_away_is_suspected():
    prices = [at * 1.37 + at % 7 for at in range(100)]

    found = infer_table(of(prices, gross=[str(price * 1.19) for price in prices]), target="y")

    assert [suspect.column for suspect in found.suspects] == ["gross"]


def test_a_name_may_give_itself_away():
    raw = TABLE.rename({"age": "churned_reason"})

    assert [suspect.column for suspect in infer_table(raw, target="churned").suspects] == ["churned_reason"]
