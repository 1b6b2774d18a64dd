"""What tables in a bucket do that is not the business of the port: writers at once, lost answers, refusals."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from kaizenml.adapters.delta_bucket import BucketPlace, BucketTables
from kaizenml.adapters.delta_compaction import start
from kaizenml.adapters.delta_log import KEY
from kaizenml.adapters.tables import DeltaTables
from kaizenml.core.place import Bucket, place_of
from kaizenml.errors import IntegrityError, KaizenError, NotFoundError, UnavailableError
from s3_server import BUCKET, SECRET, LostAnswers, S3Server, free_port

WRITER = """
import sys
from pathlib import Path
import polars as pl
from kaizenml.adapters.delta_bucket import BucketTables
from kaizenml.adapters.tables import DeltaTables
from kaizenml.core.place import place_of

tables = DeltaTables(BucketTables(place_of(sys.argv[1]), Path(sys.argv[2])))
for number in range(15):
    tables.append("t", pl.DataFrame({"writer": [sys.argv[3]], "number": [number]}), key=f"{number}")
    tables.append("t", pl.DataFrame({"writer": [sys.argv[3]], "mine": [number]}), key=f"{sys.argv[3]} {number}")
"""


def bucket_at(url: str) -> Bucket:
    found = place_of(url)
    assert isinstance(found, Bucket)
    return found


@pytest.fixture
def places(s3: S3Server, tmp_path: Path) -> BucketTables:
    return BucketTables(bucket_at(s3.url()), tmp_path)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


def batch(number: int) -> pl.DataFrame:
    return pl.DataFrame({"row": [f"{number}/{n}" for n in range(3)]})


def filled(places: BucketTables, batches: int) -> DeltaTables:
    tables = DeltaTables(places)
    for number in range(batches):
        tables.append("t", batch(number), key=str(number))
    return tables


def test_processes_that_append_and_compact_at_once_lose_and_double_nothing(s3: S3Server, tmp_path: Path) -> None:
    url = s3.url()
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, str(tmp_path), name], stderr=subprocess.PIPE)
        for name in "ab"
    ]
    tables = DeltaTables(BucketTables(bucket_at(url), tmp_path))
    while any(writer.poll() is None for writer in writers):
        if tables.version("t") is not None:
            tables.compact("t")

    assert [writer.communicate()[1].decode() for writer in writers] == ["", ""]
    stored = DeltaTables(BucketTables(bucket_at(url), tmp_path)).read("t")
    assert sorted(stored["number"].drop_nulls()) == list(range(15))
    assert sorted(stored["mine"].drop_nulls()) == sorted([*range(15), *range(15)])


def test_of_many_writers_exactly_one_wins_a_version(places: BucketTables) -> None:
    filled(places, 1)
    won: list[list[bool]] = []
    for number in range(2):
        name = f"_delta_log/{100 + number:020d}.json"
        with ThreadPoolExecutor(12) as threads:
            won.append(list(threads.map(partial(places("t").create, name), [b"%d" % n for n in range(12)])))

    assert [sorted(made) for made in won] == [[False] * 11 + [True]] * 2


def test_a_commit_whose_answer_got_lost_is_made_once_and_keeps_its_rows(s3: S3Server, tmp_path: Path) -> None:
    way = LostAnswers(s3, lambda line: line.startswith(b"PUT ") and b"_delta_log/" in line and way.lost in (0, 2))
    try:
        tables = DeltaTables(BucketTables(bucket_at(f"s3://{BUCKET}/{tmp_path.name}?endpoint={way.address}"), tmp_path))

        first = tables.append("t", batch(0), key="0")
        second = tables.append("t", batch(1), key="1")

        assert way.lost > 0
        assert second == first + 1
        assert tables.append("t", batch(1), key="1") == second
        assert sorted(tables.read("t")["row"]) == sorted([*batch(0)["row"], *batch(1)["row"]])
    finally:
        way.close()


def test_a_commit_of_which_nothing_is_ever_heard_loses_no_rows(s3: S3Server, tmp_path: Path) -> None:
    base = f"s3://{BUCKET}/{tmp_path.name}?endpoint="
    straight = DeltaTables(BucketTables(bucket_at(f"{base}{s3.address}"), tmp_path))
    straight.append("t", batch(0), key="0")
    way = LostAnswers(s3, lambda line: b"_delta_log/" in line and line.startswith(b"PUT "))
    try:
        away = DeltaTables(BucketTables(bucket_at(f"{base}{way.address}&timeout=1"), tmp_path))
        with pytest.raises(UnavailableError, match="does not answer"):
            away.append("t", batch(1), key="1")
    finally:
        way.close()

    assert sorted(straight.read("t")["row"]) == sorted([*batch(0)["row"], *batch(1)["row"]])
    assert straight.append("t", batch(1), key="1") == straight.version("t")


def test_who_deletes_waits_for_who_restores_and_spares_what_it_brought_back(places: BucketTables) -> None:
    tables = filled(places, 12)
    tables.compact("t")
    old = tables.read("t", version=5)
    claimed = places("t").guard.restoring()
    claimed.__enter__()
    done: list[int] = []
    thread = threading.Thread(
        target=lambda: done.append(DeltaTables(places).vacuum("t", keep=[], since=soon() + timedelta(hours=1)).files)
    )
    thread.start()
    while not places("t").guard.gone():
        assert thread.is_alive()
    assert done == []

    with pytest.raises(NotFoundError, match="kaizen data gc"):
        tables.restore("t", 5, key="too late")
    tables._one("t").restore(5, "in time")  # as who had looked before the names were written down
    claimed.__exit__(None, None, None)
    thread.join(60)

    assert tables.read("t").equals(old)
    assert done == [7], "of the 12 merged files, the 5 of version 5 are needed again"
    assert len(places("t").guard.gone()) == 7


def test_what_a_killed_vacuum_had_noted_goes_with_the_next(places: BucketTables) -> None:
    tables = filled(places, 12)
    tables.compact("t")
    with places("t").guard.deleting() as going:
        going.note([file.name for file in places("t").listed() if file.name.endswith(".parquet")])

    assert len(tables.read("t")) == len(tables.read("t", version=12)) == 36
    assert tables.vacuum("t", keep=[], since=soon() + timedelta(hours=1)).files == 12
    assert len(tables.read("t")) == 36


def test_a_process_merges_the_files_while_one_at_a_time_holds_the_lock(places: BucketTables) -> None:
    tables = filled(places, 12)
    newest = tables.version("t") or 0

    process = start(places("t"))

    assert process is not None
    assert process.wait(60) == 0
    assert tables.version("t") == newest + 1
    assert len(tables.read("t")) == 36
    assert start(places("nothing")) is None


def test_keys_are_known_to_a_new_process_after_compaction_and_checkpoints(places: BucketTables) -> None:
    tables = filled(places, 105)
    versions = {str(n): tables.append("t", batch(n), key=str(n)) for n in range(105)}
    tables.compact("t")

    fresh = DeltaTables(places)

    assert [file for file in places("t").listed("_delta_log") if file.name.endswith(".checkpoint.parquet")]
    assert {key: fresh.append("t", batch(999), key=key) for key in versions} == versions
    assert len(fresh.read("t")) == 315
    assert len(fresh.read("t", version=versions["50"])) == 153
    assert KEY.encode() in places("t").read(f"_delta_log/{versions['7']:020d}.json")


def test_a_missing_or_damaged_file_is_an_error_of_ours(places: BucketTables) -> None:
    tables = DeltaTables(places)
    for name in ("gone", "torn"):
        tables.append(name, batch(0), key="k")
    files = {name: [f.name for f in places(name).listed() if f.name.endswith(".parquet")] for name in ("gone", "torn")}
    places("gone").delete(files["gone"])
    places("torn").put(files["torn"][0], b"PAR1 nothing else PAR1")

    for name in ("gone", "torn"):
        with pytest.raises(IntegrityError, match=f"Table {name} is damaged"):
            tables.read(name)


def refusals(bucket: Bucket, folder: Path) -> list[str]:
    """Return what is told of a place that refuses, whatever is asked of its table."""
    told = []
    for ask in (
        lambda tables: tables.append("t", batch(0), key="new"),
        lambda tables: tables.read("t"),
        lambda tables: tables.version("t"),
    ):
        with pytest.raises(KaizenError) as refused:
            ask(DeltaTables(BucketTables(bucket, folder)))
        assert refused.value.hint
        assert SECRET not in f"{refused.value}{refused.value.__cause__}"
        told.append(refused.value.message)
    return told


def test_refusals_are_told_clearly_and_without_secrets(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = bucket_at(s3.url())
    DeltaTables(BucketTables(bucket, tmp_path)).append("t", batch(0), key="0")

    assert all("There is no bucket 'nowhere'" in each for each in refusals(bucket_at(s3.url("nowhere")), tmp_path))
    nobody = bucket_at(f"s3://{BUCKET}/x?endpoint=http://127.0.0.1:{free_port()}&timeout=1")
    told = refusals(nobody, tmp_path)
    assert all("does not answer as it should" in each and each.isprintable() for each in told), told
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{SECRET}-wrong")
    assert all("refuses the credentials" in each for each in refusals(bucket, tmp_path))


def test_the_url_of_the_store_beats_the_environment(s3: S3Server, tmp_path: Path, monkeypatch) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    others = {"AWS_ENDPOINT_URL_S3": nowhere, "AWS_ENDPOINT_URL": nowhere, "AWS_CONDITIONAL_PUT": "disabled"}
    for name, value in others.items():
        monkeypatch.setenv(name, value)

    tables = filled(BucketTables(bucket_at(s3.url()), tmp_path), 9)
    tables.compact("t")

    assert len(tables.read("t")) == 27
    assert len(tables.read("t", version=2)) == 6


def test_who_is_locked_out_while_reading_is_told_so(places: BucketTables, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = filled(places, 1)
    place = tables._one("t").place
    assert isinstance(place, BucketPlace)
    place._store.place = bucket_at(f"s3://{BUCKET}/x?endpoint=http://127.0.0.1:{free_port()}&timeout=1")

    with pytest.raises(UnavailableError, match="does not answer as it should"):
        tables.read("t")
