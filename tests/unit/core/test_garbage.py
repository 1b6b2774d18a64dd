"""What names a digest keeps its blob; nothing else does."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.garbage import digests_in, digests_in_chunks, names_blobs, reached

DIGESTS = [f"{number:064x}" for number in range(12)]


def text_of(parts: list[str]) -> bytes:
    return "".join(parts).encode()


PARTS = st.lists(st.sampled_from([*DIGESTS[:3], "a", "f" * 63, '"', ",", "é", "{", "x"]), max_size=12)


@given(PARTS)
def test_a_digest_is_64_hexadecimal_digits_and_no_more(parts):
    runs = re.split(r"[^0-9a-f]", text_of(parts).decode())

    assert digests_in(text_of(parts)) == {run for run in runs if len(run) == 64}


@given(PARTS, st.lists(st.integers(0, 400), max_size=8))
def test_digests_are_found_however_a_text_is_cut(parts, cuts):
    text = text_of(parts)
    at = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    chunks = [text[low:high] for low, high in pairwise(at)]

    assert digests_in_chunks(chunks) == digests_in(text)


@given(
    st.dictionaries(st.sampled_from(DIGESTS), st.lists(st.sampled_from(DIGESTS), max_size=4)),
    st.lists(st.sampled_from(DIGESTS), max_size=3),
)
def test_what_is_reached_is_what_a_walk_over_all_pairs_reaches(leads_to, named):
    walked = set(named) & set(leads_to)
    while more := {new for old in walked for new in leads_to[old] if new in leads_to} - walked:
        walked |= more

    assert reached(named, leads_to, lambda each: leads_to[each]) == walked


def test_json_may_name_blobs_and_a_model_may_not():
    assert names_blobs(b'{"blocks": []}')
    assert names_blobs(b' \n["x"]')
    assert not names_blobs(b"PK\x03\x04")
    assert not names_blobs(b"")
