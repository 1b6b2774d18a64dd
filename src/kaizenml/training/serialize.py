"""Values as bytes, on their way from step to step and into the cache: a frame as Arrow IPC, the rest as a pickle.

Opening a pickle runs code: what is opened here comes from a step of the same run, or from a cache whose seal was looked
at (`adapters/step_cache.py`), in a process that runs the project's code anyway.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import cloudpickle
import polars as pl

from kaizenml.errors import KaizenError

_FRAME, _PICKLE = b"F", b"P"


class UnkeepableError(KaizenError):
    """A value that cannot be written down."""

    code = "unkeepable"


def serialized(value: object) -> bytes:
    """Return a value as bytes.

    Raises
    ------
    UnkeepableError
        When it cannot be written down, as an open file cannot.
    """
    if type(value) is pl.DataFrame and pl.Object not in value.dtypes:
        made = io.BytesIO(_FRAME)
        made.seek(1)
        value.write_ipc(made, compression="uncompressed", compat_level=pl.CompatLevel.newest())
        return made.getvalue()
    try:
        return _PICKLE + bytes(cloudpickle.dumps(value, protocol=5))
    except Exception as error:
        kind = type(value)
        raise UnkeepableError(
            f"A {kind.__module__}.{kind.__qualname__} cannot be kept: {str(error)[:200]}.",
            "Return data, such as a frame, an array, a fitted model or plain values; or write"
            " @project.step(cache=False), and the value stays in memory.",
        ) from error


def deserialized(content: bytes) -> Any:
    """Return the value in the bytes."""
    if content[:1] == _FRAME:
        return pl.read_ipc(content[1:])
    return pickle.loads(memoryview(content)[1:])
