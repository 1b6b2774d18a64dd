import io
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind, Role
from kaizenml.core.signature import Answer, GoldenRows, Signature
from kaizenml.errors import UnsafeArtefactError, UsageError
from kaizenml.packaging.archive import Limits, check_depth, read_archive, write_archive
from kaizenml.packaging.bundle import Bundle, Manifest, pack, unpack

SIGNATURE = Signature(
    Task.BINARY,
    "late",
    (Column("hour", ColumnKind.INTEGER, example=3), Column("origin", ColumnKind.CATEGORY, Role.FEATURE, False, "JFK")),
    ("no", "yes"),
)
GOLDEN = GoldenRows(({"hour": 3, "origin": "JFK"}, {"hour": None, "origin": "é\n"}), (Answer("no", (0.75, 0.25)),) * 2)
MANIFEST = Manifest("0.1.0", "3.11.7", "skops", {"numpy": "2.4.6"}, "run-1", "flights@3")
BUNDLE = Bundle(MANIFEST, b"PK\x03\x04model", SIGNATURE, GOLDEN, {"plan.json": b"{}"}, {"features.py": b"x = 1\n"})

cells = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
cells |= st.text(st.characters(codec="utf-8"))
names = st.text(st.characters(codec="utf-8"), max_size=20)
kinds = st.sampled_from(list(ColumnKind))
columns = st.builds(Column, names, kinds, st.sampled_from(list(Role)), st.booleans(), cells)
signatures = st.builds(
    Signature, st.sampled_from(list(Task)), names, st.lists(columns, max_size=4).map(tuple), st.lists(names).map(tuple)
)
answers = st.builds(Answer, cells, st.lists(st.floats(0, 1), max_size=3).map(tuple))
goldens = st.lists(st.tuples(st.dictionaries(names, cells, max_size=4), answers), max_size=4).map(
    lambda pairs: GoldenRows(tuple(row for row, _ in pairs), tuple(answer for _, answer in pairs))
)
parts = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_-]{0,8}\.json", fullmatch=True), st.just(b'{"a": [1]}'), max_size=3
)
code = st.dictionaries(st.from_regex(r"([a-z]{1,3}/){0,2}[a-z_]{1,5}\.py", fullmatch=True), st.binary(), max_size=3)
bundles = st.builds(Bundle, st.just(MANIFEST), st.binary(), signatures, goldens, parts, code)


@given(bundles)
@settings(deadline=None, max_examples=80)
def test_what_is_packed_is_unpacked(bundle):
    assert unpack(pack(bundle)) == bundle


@given(bundles)
@settings(deadline=None, max_examples=20)
def test_packing_what_was_unpacked_gives_the_same_bytes(bundle):
    content = pack(bundle)

    assert pack(unpack(content)) == content


def test_the_order_in_which_parts_were_added_does_not_matter():
    one = replace(BUNDLE, parts={"a.json": b"1", "b.json": b"2"}, code={"x.py": b"", "y.py": b""})
    other = replace(BUNDLE, parts={"b.json": b"2", "a.json": b"1"}, code={"y.py": b"", "x.py": b""})

    assert pack(one) == pack(other)


def test_a_bundle_says_nothing_of_the_time_or_the_machine():
    with zipfile.ZipFile(io.BytesIO(pack(BUNDLE))) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == sorted(archive.namelist())
        assert {member.external_attr >> 16 for member in archive.infolist()} == {0o100644}


@pytest.mark.parametrize("cut", [0, 1, 21, 100, -1, -22, -100])
def test_a_truncated_bundle_is_refused(cut):
    with pytest.raises(UnsafeArtefactError):
        unpack(pack(BUNDLE)[:cut])


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_bytes_that_are_no_bundle_are_refused(content):
    with pytest.raises(UnsafeArtefactError):
        unpack(content)


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_a_bundle_with_a_flipped_byte_is_refused_or_unchanged_in_meaning(data):
    content = bytearray(pack(BUNDLE))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))

    try:
        found = unpack(bytes(content))
    except UnsafeArtefactError:
        return
    assert found == BUNDLE


@pytest.mark.parametrize(
    "name", ["../plan.json", "/plan.json", "Plan.json", "plan.txt", "a/b.json", "plan.json\n", "", "con:.json"]
)
def test_a_part_with_an_unsafe_name_cannot_be_packed(name):
    with pytest.raises(UsageError):
        pack(replace(BUNDLE, parts={name: b"{}"}))


@pytest.mark.parametrize("path", ["../x.py", "/x.py", "a/../x.py", "x.so", "a\\x.py", "a//x.py", "./x.py", "x\n.py"])
def test_a_module_with_an_unsafe_path_cannot_be_packed(path):
    with pytest.raises(UsageError):
        pack(replace(BUNDLE, code={path: b""}))


def test_modules_that_differ_in_case_alone_cannot_be_packed():
    with pytest.raises(UsageError, match="two members"):
        pack(replace(BUNDLE, code={"a.py": b"", "A.py": b""}))


def test_a_part_that_is_not_json_cannot_be_packed():
    with pytest.raises(UsageError, match="not JSON"):
        pack(replace(BUNDLE, parts={"plan.json": b"{"}))


def test_nan_in_golden_rows_cannot_be_packed():
    with pytest.raises(UsageError, match="golden rows"):
        pack(replace(BUNDLE, golden=GoldenRows(({"a": float("nan")},), (Answer(1.0),))))


def test_a_bundle_of_a_later_format_is_refused_by_its_number():
    with pytest.raises(UnsafeArtefactError, match="format 2"):
        unpack(pack(replace(BUNDLE, manifest=replace(MANIFEST, format=2))))


def test_a_bundle_without_a_model_is_refused():
    members = read_archive(pack(BUNDLE))
    del members["model"]

    with pytest.raises(UnsafeArtefactError, match="no model"):
        unpack(write_archive(members))


def test_a_member_that_belongs_nowhere_is_named():
    members = read_archive(pack(BUNDLE)) | {"setup.sh": b"rm -rf /"}

    with pytest.raises(UnsafeArtefactError, match=r"setup\.sh"):
        unpack(write_archive(members))


def test_a_member_that_shrinks_too_far_is_stored_so_that_it_can_be_read_again():
    content = write_archive({"zeros": bytes(5 << 20)})

    assert read_archive(content) == {"zeros": bytes(5 << 20)}


def test_more_members_than_allowed_are_refused():
    content = write_archive({f"{i}": b"" for i in range(9)})

    with pytest.raises(UnsafeArtefactError, match="members"):
        read_archive(content, Limits(members=8))


def test_json_that_nests_too_deep_is_refused_before_it_is_parsed():
    check_depth(b'["]]]]{{{{", {"a": "\\"["}]', 2, "x")

    with pytest.raises(UnsafeArtefactError, match="deeper"):
        check_depth(b"[" * 100_000, 64, "x")
