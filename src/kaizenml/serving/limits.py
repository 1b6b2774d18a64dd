"""How much one request, and all that wait together, may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the data plane.

    Attributes
    ----------
    rows
        Rows (or labels) in one request.
    body_bytes
        Bytes in one body.
    body_seconds
        How long a body may take to arrive.
    waiting
        Requests that may wait for the scorer; one more is refused.
    waiting_rows
        Rows that may wait for the scorer, over all requests.
    batch_rows
        Rows above which no further request joins a batch.
    deadline_seconds
        How long a request waits for its answer.
    inline_seconds
        Releases that have proved to answer a few rows within this time do so without a thread; 0: none does.
    """

    rows: int = 10_000
    body_bytes: int = 32 * 1024 * 1024
    body_seconds: float = 30.0
    waiting: int = 1024
    waiting_rows: int = 100_000
    batch_rows: int = 1024
    deadline_seconds: float = 10.0
    inline_seconds: float = 100e-6
