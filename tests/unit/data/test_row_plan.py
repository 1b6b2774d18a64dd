"""One row in plain Python is what it is in a batch through Polars, whatever stands in it."""

import pickle
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.core.plan import Bounds, CleaningPlan, ColumnPlan, Correction, NumberStyle, TimeStyle
from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import replay, rows_to_raw
from kaizenml.data.row_plan import MEMO_SIZE, RowPlan
from kaizenml.data.texts import TYPED_NULLS, WORD_NULLS
from kaizenml.errors import RowError

NULLS = tuple(sorted(TYPED_NULLS))
EURO = NumberStyle(",", ".", ("€", "EUR", "kr."), ("€", "km/h", "Straße"), is_percent=True, has_parentheses=True)
NUMBERS = {
    "plain": NumberStyle(),
    "grouped": NumberStyle(".", ",", ("$", "US$"), ()),
    "euro": EURO,
    "spaced": NumberStyle(",", " ", (), ("kg",)),
    "swiss": NumberStyle(".", "'", ("CHF",), ()),
    "percent": NumberStyle(is_percent=True),
}
TIMES = {
    "iso": TimeStyle(),
    "german": TimeStyle(("%d.%m.%Y", "%d.%m.%Y %H:%M"), "Europe/Berlin"),
    "american": TimeStyle(("%m/%d/%Y", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S"), "America/New_York"),
    "short": TimeStyle(("%d-%b-%y", "%-d.%-m.%Y", "%I:%M %p %d %B %Y")),
    "compact": TimeStyle(("%Y%m%d", "%Y-%m-%d %H:%M:%S%.3f")),
}


def spelt(wrong: str, right: str) -> Correction:
    return Correction(wrong, right, 1, 9, 1)


COLUMNS = [
    *(ColumnPlan(f"number {name}", ColumnKind.NUMBER, NULLS, style) for name, style in NUMBERS.items()),
    *(ColumnPlan(f"integer {name}", ColumnKind.INTEGER, NULLS, style) for name, style in NUMBERS.items()),
    *(ColumnPlan(f"time {name}", ColumnKind.TIME, NULLS, time=style) for name, style in TIMES.items()),
    ColumnPlan(
        "flag",
        ColumnKind.BOOLEAN,
        NULLS,
        true_tokens=("true", "yes", "1", "ja", "да"),
        false_tokens=("false", "no", "0", "nein", "нет"),
    ),
    ColumnPlan(
        "city",
        ColumnKind.CATEGORY,
        tuple(sorted(WORD_NULLS | {"keine", "unß"})),
        spelling=(spelt("Pariz", "Paris"), spelt("Café", "Kaffee"), spelt("true", "yes")),
    ),
    ColumnPlan("raw city", ColumnKind.CATEGORY, ("", "null"), folds_blanks=False, spelling=(spelt("a", "b"),)),
    ColumnPlan("text", ColumnKind.TEXT, ("", "ẞ", "kelvin")),
    ColumnPlan("code", ColumnKind.TEXT, ()),
    ColumnPlan("nine", ColumnKind.NUMBER, ("-999", "")),
    ColumnPlan("clipped number", ColumnKind.NUMBER, NULLS, EURO, clip=Bounds(-3.5, 100.25)),
    ColumnPlan("clipped above", ColumnKind.NUMBER, NULLS, NUMBERS["percent"], clip=Bounds(high=0.5)),
    ColumnPlan("clipped integer", ColumnKind.INTEGER, NULLS, clip=Bounds(-2.5, 10.5)),
]
PLAN = CleaningPlan(tuple(COLUMNS))
BY_NAME = {column.name: column for column in COLUMNS}

BLANKS = st.sampled_from(["", " ", "  ", "\t", "\n", "\u00a0", "\u2003", "\u3000", "\x1c", "\u200b", "\u0085"])
DIGITS = st.integers(-(10**7), 10**7)
WRITTEN = st.one_of(
    DIGITS.map(str),
    DIGITS.map("{:,}".format),
    DIGITS.map(lambda value: f"{value:,}.5".replace(",", "_").replace(".", ",").replace("_", ".")),
    DIGITS.map(lambda value: f"{value:,}".replace(",", " ")),
    DIGITS.map(lambda value: f"{value:,}".replace(",", "'")),
    st.floats(-1e9, 1e9).map(repr),
    st.floats(-1e3, 1e3).map(lambda value: f"{value:.2f}"),
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.from_regex(r"[+-]?[0-9]{0,4}[.,]?[0-9]{0,3}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(
        ["1,5,5", "0x10", "1_000", "１２", "12３", "٣", "1e400", "--5", "9" * 30, "-9223372036854775808", "-0"]
    ),
)
AROUND = st.sampled_from(
    [
        "{}",
        "€ {}",
        "{} €",
        "EUR{}",
        "eur {}",
        "${}",
        "-${}",
        "({})",
        "(€{})",
        "{}%",
        "{} %",
        "{}kg",
        "CHF {}",
        "{} km/H",
        "−{}",
        "+{}",
        "{} STRASSE",
        "({} %)",
        "- {}",
        "US${}",
        "(-{})",
        "Kr.{}",
        "K{}",
    ]
)
MOMENTS = st.datetimes(datetime(900, 1, 1), datetime(3100, 1, 1)) | st.datetimes(
    datetime(2020, 1, 1), datetime(2026, 12, 31)
)
FORMS = st.sampled_from(
    [
        "%d.%m.%Y",
        "%d.%m.%Y %H:%M",
        "%m/%d/%Y",
        "%d/%m/%Y",
        "%m/%d/%Y %H:%M:%S",
        "%d-%b-%y",
        "%Y-%m-%d",
        "%Y%m%d",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M:%S.%f",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%d %H:%M:%S+02:00",
        "%I:%M %p %d %B %Y",
        "%Y-%m-%dt%H:%M:%S.%f-05:30",
        "%Y-%m-%d %H:%M:%S.%f123",
        "%Y-%m-%d %H:%M:%S+0200",
        "%Y-%m",
        "%Y-%m-%d %H:%M:%S-25:00",
        "%Y-%m-%d %H:%M:%S.",
        "%H:%M",
        "%Y-%m-%d %H:%M:60",
        "%Y-%m-%d 24:00",
        "%Y-02-30",
    ]
)
TIME_TEXTS = st.builds(lambda moment, form: moment.strftime(form), MOMENTS, FORMS) | st.sampled_from(
    [
        "2024-03-31 02:30:00",
        "31.03.2024 02:30",
        "27.10.2024 02:30",
        "03/10/2024 02:30:00",
        "11/03/2024 01:30:00",
        "1.2.2024",
    ]
)
TOKENS = st.sampled_from(
    [
        *NULLS,
        "NaN",
        "N/A",
        "Keine",
        "unSS",
        "Yes",
        "JA",
        "ДА",
        "Нет",
        "TRUE",
        "Pariz",
        "Café",
        "Café",
        "a",
        "b",
        "Kelvin",
        "ß",
        "İ",
        "ſ",
        "naïve",
        "東京",
        "が",
        "Ⅷ",
        "1",
        "0",
        "Τέλος",
        "ΟΔΟΣ",
        "-999",
        "-999.0",
    ]
)
TEXTS = st.one_of(
    st.builds(lambda form, text: form.format(text), AROUND, WRITTEN), WRITTEN, TIME_TEXTS, TOKENS, st.text(max_size=12)
)
SPACED = st.builds(lambda left, text, right: f"{left}{text}{right}", BLANKS, TEXTS, BLANKS)
NATIVE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.sampled_from([2**53, 2**53 + 1, -(2**63), 2**63 - 1, 2**63, 2**64 + 1, 10**400, -(10**400), -999]),
    st.floats(),
    st.datetimes(datetime(999, 1, 1), datetime(3001, 1, 1)),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.dates(date(1000, 1, 1), date(2999, 12, 31)),
)
CELLS = SPACED | TEXTS | NATIVE


def through_polars(plan: CleaningPlan, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[Any]]:
    cleaned = replay(plan, rows_to_raw(rows, plan))
    return cleaned.frame.rows(named=True), cleaned.failures.rows()


def in_python(compiled: RowPlan, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[Any]]:
    found = [compiled(row) for row in rows]
    return [values for values, _ in found], [(row, *each) for row, (_, some) in enumerate(found) for each in some]


def exact(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Equal when values are, to their last bit and type: repr tells -0.0 from 0.0, and 1 from 1.0 and True."""
    return [{name: repr(value) for name, value in row.items()} for row in rows]


ONCE = RowPlan(PLAN)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(list(BY_NAME)), cell=CELLS)
def test_a_cell_alone_is_what_it_is_in_polars(name: str, cell: Any) -> None:
    plan = CleaningPlan((BY_NAME[name],))
    values, failures = in_python(RowPlan(plan), [{name: cell}])
    wanted, refused = through_polars(plan, [{name: cell}])
    assert (exact(values), failures) == (exact(wanted), refused)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(list(BY_NAME)), cells=st.lists(SPACED | TEXTS | st.none(), min_size=2, max_size=60))
def test_texts_row_by_row_are_what_they_are_in_a_batch(name: str, cells: list[Any]) -> None:
    plan, rows = CleaningPlan((BY_NAME[name],)), [{name: cell} for cell in cells]
    values, failures = in_python(RowPlan(plan), rows)
    wanted, refused = through_polars(plan, rows)
    assert (exact(values), failures) == (exact(wanted), refused)


@settings(max_examples=20, deadline=None)
@given(row=st.fixed_dictionaries(dict.fromkeys(BY_NAME, CELLS)))
def test_a_whole_row_and_its_frame_are_what_they_are_in_polars(row: dict[str, Any]) -> None:
    cleaned = replay(PLAN, rows_to_raw([row], PLAN))
    values, failures = ONCE(row)
    assert failures == [(column, text) for _, column, text in cleaned.failures.rows()]
    frame = ONCE.frame([values])
    assert frame.equals(cleaned.frame)
    assert frame.schema == cleaned.frame.schema


def test_a_text_is_read_once_and_not_remembered_for_ever() -> None:
    compiled = RowPlan(CleaningPlan((BY_NAME["number plain"],)))
    for number in (*range(MEMO_SIZE + 10), 3):
        assert compiled({"number plain": f"{number}.5"}) == ({"number plain": number + 0.5}, [])


def test_a_cell_that_nothing_can_read_is_named_each_time() -> None:
    compiled = RowPlan(CleaningPlan((BY_NAME["integer plain"],)))
    for _ in range(2):
        assert compiled({"integer plain": " five  six "}) == (
            {"integer plain": None},
            [("integer plain", "five six")],
        )


def test_per_cents_are_the_same_to_the_last_bit_alone_and_among_many() -> None:
    plan = CleaningPlan((BY_NAME["number percent"],))
    rows = [{"number percent": f"{tenths / 10} %"} for tenths in range(1_000)]
    many = through_polars(plan, rows)[0]
    assert in_python(RowPlan(plan), rows)[0] == many
    assert [through_polars(plan, [row])[0][0] for row in rows[:200]] == many[:200]


def test_hours_that_a_zone_skips_or_repeats_are_those_of_polars() -> None:
    compiled = RowPlan(CleaningPlan((BY_NAME["time german"],)))
    skipped, repeated = compiled({"time german": "31.03.2024 02:30"}), compiled({"time german": "27.10.2024 02:30"})
    assert skipped == ({"time german": None}, [("time german", "31.03.2024 02:30")])
    assert repeated[0]["time german"] == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    assert compiled({"time german": "27.10.2025 02:30"})[0]["time german"] == datetime(2025, 10, 27, 1, 30, tzinfo=UTC)


def test_a_list_where_a_value_belongs_is_refused() -> None:
    with pytest.raises(RowError, match="city is a list"):
        ONCE({"city": ["Paris"]})


def test_a_compiled_plan_travels_as_its_plan() -> None:
    assert pickle.loads(pickle.dumps(ONCE))({"city": " Pariz"})[0]["city"] == "Paris"


def test_common_cells_never_ask_polars(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = RowPlan(PLAN)
    compiled({"time german": "05.06.2024"})  # the day's distance from UTC, once
    monkeypatch.setattr("kaizenml.data.row_plan.replay", None)
    row = {
        "number euro": "(1.234,5 €)",
        "integer grouped": "$ 1,234",
        "integer plain": "7.0",
        "time iso": "2024-01-02T03:04:05.5Z",
        "time german": "05.06.2024 07:08",
        "flag": "Ja",
        "city": " Café\u00a0",
        "number plain": "n/a",
        "code": "plain  text",
    }
    values, failures = compiled(row)
    assert not failures
    assert {name: values[name] for name in row} == {
        "number euro": -1234.5,
        "integer grouped": 1234,
        "integer plain": 7,
        "time iso": datetime(2024, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC),
        "time german": datetime(2024, 6, 5, 5, 8, tzinfo=UTC),
        "flag": True,
        "city": "Kaffee",
        "number plain": None,
        "code": "plain text",
    }
