"""Compiled code, read without what does not matter, held against the standard library's reading."""

import dis

import pytest

from kaizenml.training.reach.bytecode import _JUMP_NAMES, _handlers, _target, canonical, constant, instructions


def tangled(path, rows):
    for at in range(300):
        try:
            with open(path) as file:
                if at and rows:
                    continue
                return [line for line in file if line]
        except (OSError, ValueError) as error:
            path = error
        finally:
            print(path)
    while rows:
        rows = rows[1:]
    return {name: lambda name=name: (name, path) for name in rows}


CODES = [tangled.__code__, *(each for each in tangled.__code__.co_consts if hasattr(each, "co_code"))]


@pytest.mark.parametrize("code", CODES)
def test_jumps_lead_where_the_standard_library_says(code):
    known = {one.offset: one.argval for one in dis.get_instructions(code) if one.opcode in dis.hasjrel}

    assert {one.offset: _target(one, code) for one in instructions(code) if one.name in _JUMP_NAMES} == known


@pytest.mark.parametrize("code", CODES)
def test_handlers_are_those_of_the_standard_library(code):
    known = [(one.start, one.end, one.target, one.depth << 1 | one.lasti) for one in dis._parse_exception_table(code)]

    assert list(_handlers(code.co_exceptiontable)) == known


def test_constants_that_look_alike_are_told_apart():
    alike = [
        1,
        1.0,
        True,
        "1",
        b"1",
        (1,),
        (1.0,),
        frozenset({1}),
        0.0,
        -0.0,
        None,
        "None",
        1j,
        ...,
        ("a", "b"),
        ("a,b",),
    ]

    assert len({constant(each) for each in alike}) == len(alike)


def test_code_counts_by_what_it_does():
    one = compile("def f(a):\n    '''Doc.'''\n    b = a\n    return [b for c in a]", "one", "exec")
    two = compile("\n\ndef f(a):\n    x = (\n        a)\n\n    return [\n   x for y in a]", "two", "exec")
    three = compile("def f(a):\n    b = a\n    return [c for c in a]", "three", "exec")
    inner = [next(each for each in code.co_consts if hasattr(each, "co_code")) for code in (one, two, three)]

    assert canonical(inner[0]).digest == canonical(inner[1]).digest != canonical(inner[2]).digest
