"""How long a walk through lineage takes where a project has 100,000 runs.

Usage: python benchmarks/records/bench_lineage.py
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime

from kaizenml.adapters.sql import open_records
from kaizenml.core.lineage import Link, Noun, Way, node
from kaizenml.core.walk import Graph
from kaizenml.loop.node_names import found_node
from kaizenml.loop.tracing import graph

ASKED = {
    "snapshot:shop@1": Way.DOWN, "snapshot:wide@1": Way.DOWN, "run:r99900": Way.BOTH, "release:shop/900": Way.UP,
    "endpoint:shop": Way.UP,
}  # fmt: skip
RUNS, RUNS_OF_A_SNAPSHOT, RUNS_OF_A_RELEASE, WIDE = 100_000, 20_000, 100, 1_000


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        records = open_records(f"sqlite:///{folder}/kaizen.db")
        with records.writing() as books:
            books.lineage.note(_links())
        for text, way in ASKED.items():
            took, counted = [], []
            for _ in range(20):
                began, worked = time.perf_counter(), time.thread_time()
                with records.reading() as books:
                    found: Graph = graph(books.lineage, found_node(books, text), way)
                took.append(time.perf_counter() - began)
                counted.append(time.thread_time() - worked)
            seen = f"{len(found.links):,} links, {found.left_off:,} more not followed"
            median, most, cpu = sorted(took)[10] * 1e3, max(took) * 1e3, sorted(counted)[10] * 1e3
            print(f"{text} {way}: median {median:.1f} ms, most {most:.1f} ms, processor {cpu:.1f} ms; {seen}")
        at = datetime.now(UTC)
        print(f"{RUNS:,} runs, on SQLite, {at:%Y-%m-%d}")


def _links() -> list[Link]:
    found = []
    for number in range(RUNS):
        snapshot = node(Noun.SNAPSHOT, f"shop@{number // RUNS_OF_A_SNAPSHOT + 1}")
        run = node(Noun.RUN, f"r{number}")
        found.append(Link(snapshot, "was read by", run))
        if number % RUNS_OF_A_RELEASE == 0:
            of = number // RUNS_OF_A_RELEASE
            model, release = node(Noun.MODEL, f"shop:{of}"), node(Noun.RELEASE, f"shop/{of}")
            found += [Link(run, "trained", model), Link(model, "is in", release)]
            found.append(Link(release, "served at", node(Noun.ENDPOINT, "shop")))
    for number in range(WIDE):  # a snapshot of which every run was released and served
        run, model = node(Noun.RUN, f"w{number}"), node(Noun.MODEL, f"wide:{number}")
        release = node(Noun.RELEASE, f"wide/{number}")
        found += [Link(node(Noun.SNAPSHOT, "wide@1"), "was read by", run), Link(run, "trained", model)]
        found += [Link(model, "is in", release), Link(release, "served at", node(Noun.ENDPOINT, "wide"))]
    files = (node(Noun.SOURCE, f"shop/{month}.csv") for month in range(12))
    return [*(Link(file, "was loaded into", node(Noun.SNAPSHOT, "shop@1")) for file in files), *found]


if __name__ == "__main__":
    main()
