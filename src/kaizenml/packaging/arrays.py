"""Arrays inside a model file: looked at before numpy reserves the memory that their header asks for."""

from __future__ import annotations

import io
import math

from kaizenml.errors import UnsafeArtefactError
from kaizenml.packaging.archive import Limits, read_archive, shown

_SPARSE_MEMBERS = Limits(members=8)
_HINT = "It is damaged or forged; do not open it."


def check_array(name: str, content: bytes) -> None:
    """Refuse a ``.npy`` whose header asks for more than is there, or for Python objects.

    Raises
    ------
    UnsafeArtefactError
        Naming the member.
    """
    from numpy.lib import format as npy

    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(stream)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise UnsafeArtefactError(f"The array {shown(name)} of the model is damaged.", _HINT) from error
    there = len(content) - stream.tell()
    if dtype.hasobject or any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != there:
        raise UnsafeArtefactError(
            f"The array {shown(name)} of the model claims {dtype} of shape {shape}, and has {there:,} bytes.", _HINT
        )


def check_sparse(name: str, content: bytes) -> None:
    """Refuse a ``.npz`` that is a bomb, or holds an array that `check_array` refuses.

    Raises
    ------
    UnsafeArtefactError
        Naming the member.
    """
    for inner, array in read_archive(content, _SPARSE_MEMBERS, f"member {shown(name)}").items():
        check_array(f"{name}/{inner}", array)


def without_padding(content: bytes) -> bytes:
    """Return a ``.npy`` with zeros between the fields of its records, where otherwise old memory would be written."""
    import numpy as np

    if b"'descr': [" not in content[:128]:
        return content
    records = np.load(io.BytesIO(content), allow_pickle=False)
    clean = np.zeros(records.shape, records.dtype)
    for name in records.dtype.names:
        clean[name] = records[name]
    buffer = io.BytesIO()
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()
