"""Small real releases, a plane in the process, and a server in a child: what the tests of serving stand on."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from serving_light import FARE, write_routes
from sklearn.linear_model import LogisticRegression

from kaizenml.core.endpoint import Route
from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.core.signature import Answer, Signature
from kaizenml.errors import RowError, UnsafeArtefactError
from kaizenml.serving.app import DataPlane
from kaizenml.serving.limits import Limits

AGES = Column("age", ColumnKind.INTEGER, is_nullable=False, example=40)
TOWN = Column("town", ColumnKind.CATEGORY, example="Rome")
MEMBER = Column("member", ColumnKind.BOOLEAN, is_nullable=False, example=True)

CLASSES = Signature(
    Task.BINARY, "late", (AGES, FARE, TOWN, MEMBER), ("False", "True"), target_type="boolean", id="ticket"
)
ROW = {"age": 40, "fare": 7.25, "town": "Rome", "member": True}


@dataclass
class LinearScorer:
    """A real scikit-learn model; a town that is not in its list is a row error, as is text that is no number."""

    signature: Signature = CLASSES
    sign: float = 1.0
    batches: list[int] = field(default_factory=list)

    def __post_init__(self):
        rng = np.random.default_rng(7)
        features = rng.normal(size=(200, 3))
        self.model = LogisticRegression().fit(features, self.sign * features[:, 0] > 0)

    def answer(self, rows):
        self.batches.append(len(rows))
        features = np.array([self._features(number, row) for number, row in enumerate(rows)])
        chances = self.model.predict_proba(features)
        return tuple(Answer(bool(high > 0.5), (float(low), float(high))) for low, high in chances)

    def _features(self, number, row):
        if row["town"] == "Nowhere":
            problem = {"row": number, "column": "town", "problem": "is not a town"}
            raise RowError(f"rows[{number}]: no such town.", "", {"rows": [problem]})
        fare = row["fare"] if row["fare"] is not None else 0.0
        return [float(row["age"]) / 40 - 1, float(fare) / 10, float(row["member"])]


def loader_of(scorers):
    def load(release, digest):
        if release not in scorers:
            raise UnsafeArtefactError(f"{release} may not be loaded.", "Sign it.")
        return scorers[release]

    return load


@contextlib.asynccontextmanager
async def running(place, scorers, *routes, wait=True, raise_app_exceptions=True, **options):
    """Run a plane inside the process, and give a client that reaches it without a socket."""
    write_routes(place.routes, *routes)
    plane = DataPlane(place.routes, place.status, place.spool, loader_of(scorers), **options)
    await plane.start()
    while wait and plane.table.generation == 0:
        await asyncio.sleep(0.005)
    transport = httpx.ASGITransport(plane, raise_app_exceptions=raise_app_exceptions)
    async with httpx.AsyncClient(transport=transport, base_url="http://plane") as client:
        client.plane = plane
        try:
            yield client
        finally:
            await plane.stop()


def towns(place, **options):
    """Run the endpoint `towns` over a real model."""
    return running(place, {"towns/1": LinearScorer()}, Route("towns", "towns/1"), **options)


def prices(place, scorer, **options):
    """Run the endpoint `prices` over a scorer of constants."""
    limits = options.pop("limits", Limits())
    return running(place, {"prices/1": scorer}, Route("prices", "prices/1"), limits=limits, **options)


async def until(claim, seconds=5.0):
    """Wait until the claim is true."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not become true in time"
        await asyncio.sleep(0.005)


class Child:
    """A real server in a process of its own."""

    def __init__(self, place, *options, is_ready=True):
        self.is_ready = is_ready
        script = Path(__file__).with_name("serving_child.py")
        read_end, write_end = os.pipe()
        command = [sys.executable, str(script), str(place.folder), str(write_end), *options]
        self.process = subprocess.Popen(command, pass_fds=[write_end])
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            self.url = pipe.readline().strip()
        assert self.url, "the child did not start"

    def wait_ready(self, seconds=10.0):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/health/ready") as response:
                if response.status == 200:
                    return
            time.sleep(0.02)
        raise AssertionError("the child did not become ready")

    def __enter__(self):
        if self.is_ready:
            self.wait_ready()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
