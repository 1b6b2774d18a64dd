"""Questions about runs as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.query import All, AnyOf, Compare, Field, Missing, Not, OneOf, Order
from kaizenml.core.query_text import parsed
from kaizenml.errors import QueryError

AUC = Compare(Field("metrics", "auc"), ">", 0.8)
LGBM = Compare(Field("params", "model"), "=", "lgbm")


def test_an_empty_question_asks_for_all():
    assert parsed("  ").where is None


def test_and_binds_tighter_than_or_and_parentheses_tighter_still():
    first = parsed("metrics.auc > 0.8 AND params.model = 'lgbm' OR NOT metrics.auc > 0.8").where
    second = parsed("metrics.auc > 0.8 and (params.model = 'lgbm' or not metrics.auc > 0.8)").where

    assert first == AnyOf((All((AUC, LGBM)), Not(AUC)))
    assert second == All((AUC, AnyOf((LGBM, Not(AUC)))))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("params.estimator.learning_rate <> -1e-3", Compare(Field("params", "estimator.learning_rate"), "!=", -0.001)),
        ("metric.`val loss` == .5", Compare(Field("metrics", "val loss"), "=", 0.5)),
        ('tags."a b" like "x%"', Compare(Field("tags", "a b"), "like", "x%")),
        ("tags.note CONTAINS 'it''s'", Compare(Field("tags", "note"), "contains", "it's")),
        ("params.shuffle = true", Compare(Field("params", "shuffle"), "=", "true")),
        ("state in ('failed', 'refused')", OneOf(Field("run", "state"), ("failed", "refused"))),
        ("params.n NOT IN (1, 'two')", Not(OneOf(Field("params", "n"), (1.0, "two")))),
        ("tags.team is null", Missing(Field("tags", "team"))),
        ("attributes.status IS NOT NULL", Not(Missing(Field("run", "state")))),
        ("started >= '1970-01-02'", Compare(Field("run", "started"), ">=", 86_400e6)),
        ("run.started < '1970-01-01T01:00:00+01:00'", Compare(Field("run", "started"), "<", 0.0)),
    ],
)
def test_every_kind_of_comparison_is_read(text, meaning):
    assert parsed(text).where == meaning


def test_an_order_has_directions():
    found = parsed("ORDER BY metrics.auc DESC, started asc, name")

    assert found.where is None
    assert found.order == (
        Order(Field("metrics", "auc"), True),
        Order(Field("run", "started")),
        Order(Field("run", "name")),
    )


@pytest.mark.parametrize(
    ("text", "position", "says", "hint"),
    [
        ("metrics.auc > ", 14, "expected a value", ""),
        ("metrics.auc 0.8", 12, "expected a sign", ""),
        ("metrics.auc > 0.8 adn state = 'failed'", 18, "expected AND", "Did you mean AND?"),
        ("metrcs.auc > 0.8", 0, "'metrcs' is no kind of field", "metrics.auc"),
        ("stat = 'failed'", 0, "'stat' is no attribute", "state"),
        ("auc > 0.8", 0, "'auc' is no attribute", "metrics.auc"),
        ("metrics.acu > 0.8", 0, "no run has metrics.acu", "metrics.auc"),
        ("metrics.auc = 'high'", 14, "is a number", "quotation"),
        ("metrics.auc LIKE 'h%'", 12, "is for text", "<"),
        ("state = failed", 8, "expected a value", "'failed'"),
        ("state = 3", 8, "is text", "'3'"),
        ("started > 'yesterday'", 10, "is no time", "2026"),
        ("(state = 'failed'", 17, "expected )", ""),
        ("state = 'failed", 8, "cannot be read", "quotation"),
        ("state = 'a' ; DROP TABLE runs", 12, "cannot be read", ""),
        ("state NOT = 'a'", 10, "expected LIKE", ""),
        ("params.n IN ()", 13, "expected a value", ""),
        ("ORDER metrics.auc", 6, "expected BY", ""),
        ("AND", 0, "expected a field", ""),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_place_and_what_was_meant(text, position, says, hint):
    names = {"metrics": ["auc"], "params": ["n"], "tags": []}

    with pytest.raises(QueryError, match="cannot be understood") as caught:
        parsed(text, names)

    assert caught.value.details["position"] == position
    assert says in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.message.splitlines()[-1].index("^") == min(position, 40)


@pytest.mark.parametrize(
    "text", ["(" * 1000 + "state='a'" + ")" * 1000, "NOT " * 1000 + "state='a'", " OR ".join(["state='a'"] * 1000)]
)
def test_a_question_without_end_is_refused(text):
    with pytest.raises(QueryError, match="more than"):
        parsed(text)


@given(st.text(alphabet="metrics.aparam'\"`()=<>! ANDORNOTINBY,0.5e-", max_size=40))
def test_any_text_is_understood_or_refused_with_its_place(text):
    try:
        parsed(text)
    except QueryError as error:
        assert 0 <= error.details["position"] <= len(text)  # noqa: PT017  both ends are fine


@pytest.mark.parametrize("text", ["name = 'a\0b'", "name = '\ud800'", "\udcff"])
def test_what_no_database_has_in_its_text_is_refused_with_its_place(text):
    with pytest.raises(QueryError) as refused:
        parsed(text)

    assert refused.value.details["position"] == next(at for at, each in enumerate(text) if each in "\0\ud800\udcff")
