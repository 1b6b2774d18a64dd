"""Weights in the safetensors format: as its description says, and nothing read that the header does not account for."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from kaizenml.errors import UnsafeArtefactError, UsageError
from kaizenml.packaging.safetensors import read, write

ARRAYS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.bias": np.array([], dtype=np.float64),
    "count": np.array(7, dtype=np.int64),
    "flags": np.array([True, False]),
    "half": np.array([[1.5]], dtype=np.float16),
}


def made(header, data=b""):
    said = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(said)) + said + data


def entry(start=0, end=4, dtype="F32", shape=(1,)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


def test_what_is_written_is_read_again_with_types_and_shapes():
    again = read(write(ARRAYS))

    assert list(again) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert again[name].dtype == array.dtype
        assert again[name].shape == array.shape
        assert np.array_equal(again[name], array)


def test_a_file_put_together_by_hand_from_the_description_is_read():
    content = made({"__metadata__": {"format": "pt"}, "x": entry(0, 8, shape=(2, 1))}, struct.pack("<ff", 1.5, -2.0))

    assert read(content)["x"].tolist() == [[1.5], [-2.0]]


def test_the_library_itself_agrees():
    library = pytest.importorskip("safetensors.numpy")

    assert {name: each.tolist() for name, each in library.load(write(ARRAYS)).items()} == {
        name: each.tolist() for name, each in ARRAYS.items()
    }
    assert read(library.save({"a": ARRAYS["a.weight"]}))["a"].tolist() == ARRAYS["a.weight"].tolist()


def test_an_array_of_another_type_is_not_written():
    with pytest.raises(UsageError, match="complex"):
        write({"x": np.zeros(2, dtype=complex)})


FORGED = {
    "nothing": b"",
    "a header longer than the file": struct.pack("<Q", 1 << 40) + b"{}",
    "a header that is no JSON": made(b"{,}"),
    "a header that is no table": made(b"[]"),
    "a deep header": made(b"[" * 5_000 + b"]" * 5_000),
    "an array outside": made({"x": entry(0, 400, shape=(100,))}, b"\0" * 4),
    "an array of another size": made({"x": entry(shape=(2,))}, b"\0" * 4),
    "arrays that overlap": made({"x": entry(0, 4), "y": entry(0, 4)}, b"\0" * 4),
    "a gap": made({"x": entry(4, 8)}, b"\0" * 8),
    "bytes behind": made({"x": entry()}, b"\0" * 8),
    "a negative shape": made({"x": entry(shape=(-1, -1))}, b"\0" * 4),
    "a shape that overflows": made({"x": entry(shape=(1 << 62, 4))}, b"\0" * 4),
    "a shape of truth": made({"x": entry(shape=(True,))}, b"\0" * 4),
    "an unknown type": made({"x": entry(dtype="O")}, b"\0" * 4),
    "a type that is a list": made({"x": entry(dtype=["F32"])}, b"\0" * 4),
    "no offsets": made({"x": {"dtype": "F32", "shape": [1]}}, b"\0" * 4),
    "a word for an array": made({"x": "F32"}, b"\0" * 4),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_file_is_refused(how):
    with pytest.raises(UnsafeArtefactError):
        read(FORGED[how])
