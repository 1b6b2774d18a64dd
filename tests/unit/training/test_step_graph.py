"""The graph of steps: an order in which each has its inputs, or why there is none."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kaizenml as kz
from kaizenml.core.step import StepOptions
from kaizenml.errors import NotFoundError, ProjectError, RowError, StepFailedError
from kaizenml.project import defaults_of, inputs_of
from kaizenml.training.graph import called, downstream, graph, needed_for


def execute(nodes, given):
    values = dict(given)
    for node in nodes:
        values[node.name] = called(node, {**{name: values[name] for name in node.inputs}, **node.parameters})
    return values


def test_every_step_comes_after_its_inputs_however_they_were_written_down():
    def c(b, a):
        return a + b

    def b(a):
        return a * 10

    def a(raw):
        return raw + 1

    nodes = graph({"c": c, "b": b, "a": a}, ("raw",))

    assert [node.name for node in nodes] == ["a", "b", "c"]
    assert execute(nodes, {"raw": 1}) == {"raw": 1, "a": 2, "b": 20, "c": 22}


@given(st.lists(st.lists(st.integers(0, 100), max_size=3), min_size=1, max_size=12), st.randoms())
def test_any_graph_without_a_circle_is_ordered(wanted, rng):
    inputs = {f"s{i}": sorted({f"s{j % i}" for j in each}) if i else [] for i, each in enumerate(wanted)}
    names = list(inputs)
    rng.shuffle(names)
    scope: dict = {}
    for name in names:
        exec(f"def {name}({', '.join(inputs[name])}): return 1", scope)

    order = [node.name for node in graph({name: scope[name] for name in names}, ())]

    assert sorted(order) == sorted(names)
    assert all(order.index(before) < order.index(name) for name in names for before in inputs[name])


def test_a_circle_is_named():
    def a(b): ...
    def b(c): ...
    def c(a): ...

    with pytest.raises(ProjectError, match="need each other") as refused:
        graph({"a": a, "b": b, "c": c}, ())

    assert all(name in refused.value.message for name in "abc")


def test_an_input_that_nothing_makes_is_named_with_its_step():
    def features(row): ...

    with pytest.raises(ProjectError, match="`features` asks for `row`") as refused:
        graph({"features": features}, ("raw",))

    assert "raw" in refused.value.hint


def test_the_steps_of_the_project_are_named_before_the_built_in_ones():
    def built(raw): ...
    def mine(raw): ...
    def broken(quite_another): ...

    built.is_built_in = True

    with pytest.raises(ProjectError) as told:
        graph({"built": built, "mine": mine, "broken": broken}, ("raw",))

    assert told.value.hint.endswith("name one of: mine, broken, built, raw.")


def test_a_condition_that_is_nothing_is_told_the_close_match():
    def a(raw, wanted=True): ...

    with pytest.raises(ProjectError, match="neither a step nor one of its parameters") as told:
        graph({"a": a}, ("raw",), options={"a": StepOptions(when="wantd")})

    assert told.value.hint == "Did you mean 'wanted'?"


def test_a_step_that_gives_no_value_when_it_is_called_is_refused():
    async def later(raw): ...

    async def parts(raw):
        yield raw

    for function in (later, parts):
        with pytest.raises(ProjectError, match="`later` is an `async def`"):
            graph({"later": function}, ("raw",))


def test_a_parameter_reaches_its_step_only():
    def a(raw, rate=0.1):
        return raw * rate

    def b(a, rate=2):
        return a * rate

    assert execute(graph({"a": a, "b": b}, ("raw",), {"a.rate": 10}), {"raw": 1})["b"] == 20


@pytest.mark.parametrize("path", ["a.rat", "b.rate", "rate", "a.raw"])
def test_a_parameter_that_no_step_has_is_refused(path):
    def a(raw, rate=0.1): ...

    with pytest.raises(NotFoundError, match="no step parameter"):
        graph({"a": a}, ("raw",), {path: 1})


def test_a_step_that_raises_is_named_with_its_line():
    def broken(raw):
        return 1 / raw

    with pytest.raises(StepFailedError, match=r"`broken` \(line \d+\) raised ZeroDivisionError"):
        execute(graph({"broken": broken}, ("raw",)), {"raw": 0})


def test_a_step_that_ends_the_program_has_not_come_to_its_end():
    def broken(raw):
        raise SystemExit(0)

    with pytest.raises(StepFailedError, match=r"`broken` \(line \d+\) raised SystemExit: 0"):
        execute(graph({"broken": broken}, ("raw",)), {"raw": 0})


def test_an_error_of_our_own_passes_as_it_is():
    def broken(raw):
        raise RowError("bad")

    with pytest.raises(RowError):
        execute(graph({"broken": broken}, ("raw",)), {"raw": 0})


def test_only_what_the_goals_need_is_run_for_them():
    def a(raw): ...
    def b(a): ...
    def c(raw): ...
    def d(b, c): ...

    nodes = graph({"a": a, "b": b, "c": c, "d": d}, ("raw",))

    assert [node.name for node in needed_for(nodes, ["b"])] == ["a", "b"]
    assert {node.name for node in needed_for(nodes, ["d"])} == {"a", "b", "c", "d"}
    assert downstream(nodes, "a") == {"a", "b", "d"}


def test_a_goal_that_is_no_step_is_told_the_close_match():
    def features(raw): ...

    with pytest.raises(NotFoundError, match="featurs") as refused:
        needed_for(graph({"features": features}, ("raw",)), ["featurs"])

    assert "features" in refused.value.hint


def test_the_arguments_of_a_plain_function_are_those_of_its_signature():
    def plain(rows, rate=1, *more, size, depth=None, **rest): ...

    def wrapped(rows, rate=1): ...

    wrapped.note = "reads its signature"

    def only_named(*, a=1, b): ...

    for function in (plain, wrapped, only_named, lambda: 0):
        found = inspect.signature(function).parameters.values()
        named = [each for each in found if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]

        assert inputs_of(function) == tuple(each.name for each in named if each.default is each.empty)
        assert defaults_of(function) == {each.name: each.default for each in named if each.default is not each.empty}


@pytest.mark.parametrize(
    "options",
    [{"retries": -1}, {"backoff": -1}, {"timeout": 0}, {"timeout": -3.5}, {"memory": -5}, {"cpus": -1}, {"gpus": -1},
     {"timeout": "soon"}, {"memory": "much"}],
    ids=["retries", "backoff", "no time", "less time", "memory", "cpus", "gpus", "time in words", "memory in words"],
)  # fmt: skip
def test_options_of_a_step_that_cannot_be_are_refused(options):
    project = kz.Project("lab", source=kz.files("none.csv"), target="y")

    with pytest.raises(ProjectError, match="|".join(options)):
        project.step(lambda: None, name="a", **options)
