"""A messy table is repaired or quarantined, nothing is lost, and one row alone gives what it gives in a batch."""

import random
from datetime import timedelta

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.core.plan import CleaningPlan, Repairs
from kaizenml.core.schema import ColumnKind
from kaizenml.data import clean
from kaizenml.data.clean import learn_plan, replay
from kaizenml.data.learn import counted_repairs, held_to
from kaizenml.errors import NotFoundError, SourceError


def column(*values, times=50):
    return pl.DataFrame({"x": pl.Series(list(values) * times, dtype=pl.String)})


def cleaned(*values, times=50):
    raw = column(*values, times=times)
    return replay(learn_plan(raw), raw).frame["x"].to_list()[: len(values)]


def plan_of(*values, times=50):
    return learn_plan(column(*values, times=times))["x"]


MESSY = pl.DataFrame(
    {
        "price": ["$1,234.50", " $7 ", "($20.00)", "-$5", "N/A"] * 40,
        "weight": ["1.234,5", "12,25", "7", "-", "0,5"] * 40,
        "rate": ["12%", "3.5 %", "100%", "", "0%"] * 40,
        "distance": ["12 km", "7km", "missing", "3.5 km", "1e2 km"] * 40,
        "count": ["1", "2", "NA", "3", "1"] * 40,
        "when": ["2020-01-02", "03/04/2020", "25/12/2020", "2020-01-02T03:04:05Z", "null"] * 40,
        "paid": ["yes", "No", " YES", "", "no"] * 40,
        "city": ["San  Francisco", "Oakland ", "San Francisco", "Oakland", "?"] * 39
        + ["San Francisco", "Oakland", "San Fransisco", "Oaklnad", "Oakland"],
    }
)


def test_a_messy_table_is_repaired_and_nothing_is_lost():
    done = replay(learn_plan(MESSY), MESSY)

    assert done.failures.is_empty()
    assert done.frame.height == MESSY.height
    assert done.frame["price"].to_list()[:5] == [1234.5, 7.0, -20.0, -5.0, None]
    assert done.frame["weight"].to_list()[:5] == [1234.5, 12.25, 7.0, None, 0.5]
    assert done.frame["rate"].to_list()[:5] == [0.12, 0.035, 1.0, None, 0.0]
    assert done.frame["distance"].to_list()[:5] == [12.0, 7.0, None, 3.5, 100.0]
    assert done.frame["count"].to_list()[:5] == [1, 2, None, 3, 1]
    assert done.frame["paid"].to_list()[:5] == [True, False, True, None, False]
    assert set(done.frame["city"].drop_nulls()) == {"San Francisco", "Oakland"}
    assert [str(day)[:10] for day in done.frame["when"][:4]] == ["2020-01-02", "2020-04-03", "2020-12-25", "2020-01-02"]


def test_a_cell_that_cannot_be_repaired_is_named_with_its_row():
    raw = pl.DataFrame({"n": ["1", "2", "3"] * 50 + ["many"], "d": ["2020-01-01"] * 150 + ["2020-13-45"]})

    done = replay(learn_plan(raw), raw)

    assert done.failures.rows() == [(150, "n", "many"), (150, "d", "2020-13-45")]
    assert done.frame.row(150) == (None, None)


def test_the_plan_is_a_page_of_json_and_comes_back_the_same():
    plan = learn_plan(MESSY)

    again = msgspec.json.decode(msgspec.json.encode(plan), type=CleaningPlan)

    assert again == plan
    assert again.digest == plan.digest


def test_the_plan_says_how_many_cells_it_repairs():
    plan = learn_plan(MESSY)

    assert plan["price"].repairs.nulls == 40
    assert plan["price"].repairs.restyled == 160
    assert plan["city"].repairs.respelled == 2
    assert plan["city"].repairs.blanks == 78


def test_replaying_what_was_replayed_changes_nothing():
    plan = learn_plan(MESSY)
    once = replay(plan, MESSY).frame

    assert replay(plan, once).frame.equals(once)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", ""], ColumnKind.INTEGER),
        (["1", "2.0", ""], ColumnKind.NUMBER),
        (["1e3", "-2"], ColumnKind.NUMBER),
        (["0", "1"], ColumnKind.INTEGER),
        (["t", "F"], ColumnKind.BOOLEAN),
        (["no", "no"], ColumnKind.CATEGORY),
        (["$5", "$7"], ColumnKind.NUMBER),
        (["01234", "94305"], ColumnKind.CATEGORY),
        (["12345678901234567890123", "12345678901234567890124"], ColumnKind.CATEGORY),
        (["12A", "7B"], ColumnKind.CATEGORY),
        (["", "NA"], ColumnKind.CATEGORY),
        (["10:30", "11:45"], ColumnKind.CATEGORY),
    ],
)
def test_the_kind_is_what_the_values_say(values, kind):
    assert plan_of(*values).kind is kind


def test_a_column_takes_a_kind_when_98_of_100_values_can_be_read_so():
    enough = pl.DataFrame({"x": ["1", "2"] * 49 + ["one", "two"]})
    too_few = pl.DataFrame({"x": ["1"] * 97 + ["one", "two", "three"]})

    assert learn_plan(enough)["x"].kind is ColumnKind.INTEGER
    assert learn_plan(too_few)["x"].kind is ColumnKind.CATEGORY


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["1,234.5", "1,000,000", "3"], [1234.5, 1e6, 3.0]),
        (["1.234,5", "1.000.000,0", "3"], [1234.5, 1e6, 3.0]),
        (["1 234,5", "1\u00a0000,5", "3"], [1234.5, 1000.5, 3.0]),
        (["1'234.5", "12.5"], [1234.5, 12.5]),
        (["1,5", "22,75"], [1.5, 22.75]),
        (["EUR 5", "7.5 €"], [5.0, 7.5]),
        (["(5)", "7.5"], [-5.0, 7.5]),
        (["1,000", "22"], [1000, 22]),
        (["\u22125", "7"], [-5, 7]),
    ],
)
def test_numbers_are_read_as_people_write_them(values, numbers):
    assert cleaned(*values) == numbers


def test_groups_of_thousands_must_be_whole():
    raw = pl.DataFrame({"x": ["1,234.5"] * 100 + ["1,23.5"]})

    assert replay(learn_plan(raw), raw).failures.rows() == [(100, "x", "1,23.5")]


def test_amounts_in_two_currencies_stay_words_and_the_note_says_why():
    plan = plan_of("$5", "€6")

    assert plan.kind is ColumnKind.CATEGORY
    assert "cannot be compared" in plan.note


def test_per_cent_of_some_values_only_is_no_number():
    assert plan_of("5%", "7").kind is ColumnKind.CATEGORY


def test_infinity_is_a_failure_and_nan_is_a_null():
    raw = pl.DataFrame({"x": ["1.5"] * 100 + ["inf", "NaN"]})
    typed = pl.DataFrame({"x": [1.5] * 100 + [float("inf"), float("nan")]})

    for frame in (raw, typed):
        done = replay(learn_plan(frame), frame)
        assert done.failures.rows() == [(100, "x", "inf")]
        assert done.frame["x"].to_list()[100:] == [None, None]


@pytest.mark.parametrize(
    "text",
    [
        "2020-12-31", "2020-12-31 00:00", "2020-12-31T00:00:00", "2020-12-31T00:00:00.000Z",
        "2020-12-31 02:00:00+02:00",
        "2020/12/31", "31/12/2020", "12/31/2020", "31.12.2020", "31-12-2020", "31 Dec 2020", "Dec 31, 2020",
        "December 31, 2020", "31-Dec-2020", "12/31/2020 12:00 AM", "31.12.2020 00:00", "31/12/20",
        "Thu, 31 Dec 2020 00:00:00 +0000",
    ],
)  # fmt: skip
def test_a_date_is_read_in_many_formats(text):
    assert [moment.isoformat() for moment in cleaned(text)] == ["2020-12-31T00:00:00+00:00"]


def test_days_beyond_the_twelfth_decide_whether_the_day_comes_first():
    assert cleaned("03/04/2020", "25/12/2020")[0].month == 4
    assert cleaned("03/04/2020", "12/25/2020")[0].month == 3


def test_dates_that_could_be_either_are_noted_as_ambiguous():
    plan = plan_of("03/04/2020", "05/06/2020")

    assert plan.kind is ColumnKind.TIME
    assert "ambiguous" in plan.note


def test_eight_digits_are_a_date_only_in_a_column_that_is_called_so():
    raw = pl.DataFrame({"order_date": ["20200131", "20201231"] * 20, "number": ["20200131", "20201231"] * 20})

    plan = learn_plan(raw)

    assert plan["order_date"].kind is ColumnKind.TIME
    assert replay(plan, raw).frame["order_date"][0].isoformat() == "2020-01-31T00:00:00+00:00"
    assert plan["number"].kind is ColumnKind.INTEGER


def test_na_among_codes_of_countries_is_namibia():
    assert cleaned("NA", "DE", "FR") == ["NA", "DE", "FR"]


def test_unknown_is_null_where_rare_and_a_category_where_frequent():
    assert cleaned("unknown", "red", "blue", times=20)[0] == "unknown"
    assert replay(learn_plan(column("red", "blue")), pl.DataFrame({"x": ["unknown"]})).frame["x"].to_list() == [None]


def test_letters_are_composed_and_blanks_folded():
    assert cleaned("Zu\u0308rich", " a \t b ") == ["Zürich", "a b"]


def test_kept_text_stays_text():
    raw = pl.DataFrame({"id": [" 007 ", "008"] * 20})
    plan = learn_plan(raw, keep_text=["id"])

    assert plan["id"].kind is ColumnKind.TEXT
    assert replay(plan, raw).frame["id"].to_list()[:2] == ["007", "008"]


def test_typed_columns_keep_their_kind():
    raw = pl.DataFrame(
        {"i": [1, None], "f": [1.0, 2.0], "b": [True, None], "t": [None, None], "s": ["1", "2"]}
    ).with_columns(pl.col("t").cast(pl.Datetime("ms")))

    kinds = [column.kind for column in learn_plan(raw).columns]

    assert kinds == [ColumnKind.INTEGER, ColumnKind.NUMBER, ColumnKind.BOOLEAN, ColumnKind.TIME, ColumnKind.INTEGER]


def test_integers_stay_integers_and_a_fraction_is_a_failure():
    plan = learn_plan(pl.DataFrame({"x": ["1", "2", ""] * 20}))

    done = replay(plan, pl.DataFrame({"x": [5.0, 5.5, None]}))

    assert done.frame["x"].to_list() == [5, None, None]
    assert done.failures.rows() == [(1, "x", "5.5")]


def test_a_missing_column_is_refused_by_name():
    with pytest.raises(NotFoundError, match="price"):
        replay(learn_plan(MESSY), MESSY.rename({"price": "prize"}))


def test_lists_and_durations_are_refused_by_name():
    with pytest.raises(SourceError, match="Column x holds List"):
        learn_plan(pl.DataFrame({"x": [[1], [2]]}))
    with pytest.raises(SourceError, match="Column x holds Duration"):
        learn_plan(pl.DataFrame({"x": [timedelta(days=1)]}))


def test_an_empty_table_has_a_plan():
    empty = pl.DataFrame(schema={"a": pl.String, "b": pl.Int64})

    assert replay(learn_plan(empty), empty).frame.schema == empty.schema


CELLS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", " ", "NA", "-", "1", " 2.5", "1,234.5", "1.234,5", "$3", "(4)", "5%", "7 km", "1e5", "nan", "inf", "yes",
         "No", "2020-01-02", "03/04/2020", "13/04/2020", "2020-01-02T03:04:05+02:00",
         "Jan 5, 2020", "red", "RED", "gren",
         "green", "\u00a0x\u2009", "Zu\u0308rich", "0", "007", "20", "99999999999999999999"]
    ),
    st.text(max_size=6),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12), st.booleans())
def test_one_row_alone_gives_what_it_gives_in_a_batch(rows, is_foreign):
    raw = pl.DataFrame(rows, schema={"price": pl.String, "when": pl.String}, orient="row")
    plan = learn_plan(MESSY.select("price", "when")) if is_foreign else learn_plan(raw)

    batch = replay(plan, raw)
    alone = [replay(plan, raw[at : at + 1]) for at in range(raw.height)]

    assert pl.concat([done.frame for done in alone]).equals(batch.frame)
    assert [(at, *row[1:]) for at, done in enumerate(alone) for row in done.failures.rows()] == batch.failures.rows()


@settings(max_examples=40, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=20))
def test_every_cell_is_a_value_a_null_token_or_a_failure(cells):
    raw = pl.DataFrame({"x": pl.Series(cells, dtype=pl.String)})
    plan = learn_plan(raw)

    done = replay(plan, raw)

    tokens = plan["x"].null_tokens
    silent = {at for at, cell in enumerate(cells) if cell is None or " ".join(cell.split()).lower() in tokens}
    lost = set(done.frame["x"].is_null().arg_true()) - silent - set(done.failures["row"])
    assert not {at for at in lost if cells[at].strip()}


def held(kinds, raw, before=None):
    return held_to(kinds, learn_plan(raw), raw, before)


def test_a_few_bad_cells_do_not_change_the_kind_that_a_contract_asks_for():
    raw = pl.DataFrame({"n": ["1", "2", "3"] * 50 + ["2.5"], "x": ["1", "2"] * 60 + ["z"] * 31})

    plan = held({"n": ColumnKind.INTEGER, "x": ColumnKind.NUMBER}, raw)
    done = replay(plan, raw)

    assert [column.kind for column in plan.columns] == [ColumnKind.INTEGER, ColumnKind.NUMBER]
    assert done.failures.filter(pl.col("column") == "n").rows() == [(150, "n", "2.5")]
    assert plan["x"].repairs.unreadable == 31


def test_a_column_that_is_mostly_bad_is_read_as_it_was_before():
    before = learn_plan(pl.DataFrame({"price": ["$1,234.50", "$7"] * 50}))
    raw = pl.DataFrame({"price": ["$2,000.00"] * 50 + ["ask us"] * 50})

    done = replay(held({"price": ColumnKind.NUMBER}, raw, before), raw)

    assert done.frame["price"].to_list() == [2000.0] * 50 + [None] * 50


def test_codes_stay_words_where_the_contract_says_so():
    raw = pl.DataFrame({"zip": ["10115", "20095", "80331"] * 20})

    done = replay(held({"zip": ColumnKind.CATEGORY}, raw), raw)

    assert done.frame["zip"].to_list() == raw["zip"].to_list()


def test_a_plan_that_agrees_with_the_contract_is_left_alone():
    plan = learn_plan(MESSY)

    assert held_to({column.name: column.kind for column in plan.columns}, plan, MESSY) == plan


def test_repairs_are_counted_alike_when_the_plan_is_learned_and_afterwards():
    plan = learn_plan(MESSY)

    assert {name: counted_repairs(plan[name], MESSY[name]) for name in plan.names} == {
        column.name: column.repairs for column in plan.columns
    }
    assert counted_repairs(plan["price"], pl.Series("price", ["$1", "2", "x", " 3 ", "-"])) == Repairs(1, 1, 1, 0, 1)


def test_a_column_of_few_texts_is_read_as_each_of_its_rows_is(monkeypatch):
    rng = random.Random(4)
    some = ["1,5 km", "", None, " 12 ", "n/a", "seven", "-3", "1.000"]
    raw = pl.DataFrame(
        {
            "n": pl.Series([rng.choice(some) for _ in range(500)], dtype=pl.String),
            "t": [rng.choice(["2024-01-31", "31/01/2024", None, "x"]) for _ in range(500)],
            "w": [rng.choice(["Red", "red ", "unknown", None]) for _ in range(500)],
            "id": [f"r{at}" for at in range(500)],
        }
    )
    plan = learn_plan(raw)
    expected = replay(plan, raw)
    monkeypatch.setattr(clean, "MANY_ROWS", 1)
    monkeypatch.setattr(clean, "PEEKED_ROWS", 100)

    found = replay(plan, raw)

    assert found.frame.equals(expected.frame)
    assert found.frame.schema == expected.frame.schema
    assert found.failures.equals(expected.failures)
