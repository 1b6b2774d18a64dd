"""Named arrays as a safetensors file: a length, a JSON header, and the numbers as they lie in memory.

Source: the format's description at https://huggingface.co/docs/safetensors (version 0.x): little-endian length of the
header in 8 bytes; offsets count from the header's end; no gaps, no overlaps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from kaizenml.errors import UnsafeArtefactError, UsageError
from kaizenml.packaging.archive import check_depth, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
    "BOOL": "|b1",
}
_MOST_HEADER_BYTES = 10_000_000
_HINT = "It is damaged or forged; do not use it."


def write(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the arrays as a safetensors file, in their order.

    Raises
    ------
    UsageError
        For an array of a type that the format, or this writer, does not know.
    """
    import numpy as np

    header: dict[str, object] = {}
    pieces, at = [], 0
    for name, array in arrays.items():
        kind = next((key for key, code in _TYPES.items() if np.dtype(code) == array.dtype), None)
        if kind is None:
            raise UsageError(f"The array {name!r} is of type {array.dtype}.", f"Use one of {', '.join(_TYPES)}.")
        content = np.ascontiguousarray(array, dtype=_TYPES[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + len(content)]}
        pieces.append(content)
        at += len(content)
    said = json.dumps(header, separators=(",", ":")).encode()
    said += b" " * (-len(said) % 8)
    return len(said).to_bytes(8, "little") + said + b"".join(pieces)


def read(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays in a safetensors file, each a copy.

    Raises
    ------
    UnsafeArtefactError
        When the header is too long, says what is not there, or leaves bytes between.
    """
    import numpy as np

    header, data = _header(content)
    header.pop("__metadata__", None)
    found: dict[str, NDArray[Any]] = {}
    at = 0
    for name, facts in header.items():
        dtype, shape, start, end = _place(name, facts)
        if start != at or end > len(data) or end - start != prod(shape) * np.dtype(dtype).itemsize:
            raise UnsafeArtefactError(f"The array {shown(name)} does not lie where the header says.", _HINT)
        found[name] = np.frombuffer(data[start:end], dtype).reshape(shape).copy()
        at = end
    if at != len(data):
        raise UnsafeArtefactError(f"The weights have {len(data) - at:,} bytes that belong to no array.", _HINT)
    return found


def _header(content: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(_MOST_HEADER_BYTES, len(content) - 8):
        raise UnsafeArtefactError("The weights are cut off, or their header is too long.", _HINT)
    said = content[8 : 8 + length]
    check_depth(said, 8, "the weights' header")
    try:
        header = json.loads(said)
    except (ValueError, RecursionError) as error:
        raise UnsafeArtefactError(f"The header of the weights is not JSON: {error}.", _HINT) from error
    if not isinstance(header, dict):
        raise UnsafeArtefactError("The header of the weights is no table.", _HINT)
    return header, content[8 + length :]


def _place(name: str, facts: object) -> tuple[str, list[int], int, int]:
    try:
        kind, shape, (start, end) = (facts[key] for key in ("dtype", "shape", "data_offsets"))  # type: ignore[index]
        numbers = [*shape, start, end]
        if not all(type(number) is int and 0 <= number < 1 << 48 for number in numbers) or len(shape) > 8:
            raise ValueError
        return _TYPES[kind], list(shape), start, end
    except (TypeError, KeyError, ValueError) as error:
        raise UnsafeArtefactError(f"The header of the weights says nonsense of {shown(name)}.", _HINT) from error
