"""A long load says how far it has come."""

import re

from kaizenml.core.digest import Digest
from kaizenml.data.incremental import Batch
from kaizenml.loop import load_progress
from kaizenml.loop.load_progress import Progress

BATCH = Batch("k", "data/a.csv", 2_000_000, Digest("0" * 64), lambda: ())


def test_rows_bytes_and_rows_per_second_are_told_while_a_load_lasts_and_at_its_end(monkeypatch):
    monkeypatch.setattr(load_progress, "TELL_SECONDS", -1.0)
    said = []
    progress = Progress(said.append)

    progress.told(1_000, 500_000, 2_000_000)
    progress.loaded(BATCH, 4_000)

    assert re.fullmatch(r"ingest: so far: 1,000 rows, 0\.5 MB of 2\.0, [\d,]+ rows/s", said[0])
    assert re.fullmatch(r"ingest: data/a\.csv: 4,000 rows, 2\.0 MB, [\d,]+ rows/s", said[1])


def test_a_short_load_is_silent_until_its_end():
    said = []

    Progress(said.append).told(1_000, 500_000)

    assert said == []
