import asyncio
import os
import resource
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizenml.core.prediction import Answered, Feedback, Label
from kaizenml.errors import IntegrityError, UnavailableError
from kaizenml.serving.segments import close_leftovers, closed_segments, lock, read_segment, segment_name
from kaizenml.serving.spool import Spool
from kaizenml.serving.writer import SegmentWriter

NOW = datetime(2013, 1, 1, tzinfo=UTC)
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)
ROWS = st.lists(st.dictionaries(st.text(), CELLS, max_size=3), min_size=1, max_size=3)


def answered(name="a", rows=({"fare": 1.0},)):
    rows = tuple(rows)
    ids = tuple(f"{name}{number}" for number in range(len(rows)))
    return Answered(NOW, NOW, "prices", "prices/1", "answer", ids, rows, (1.5,) * len(rows), ((),) * len(rows), 0.01)


def labels(name="a"):
    return Feedback(NOW, "prices", (Label(name, True, NOW),))


def spooled(folder, *entries, **options):
    """Write the entries through a spool that is stopped in good order."""

    async def scenario():
        spool = Spool(folder, **options)
        await spool.start()
        for entry in entries:
            if isinstance(entry, Answered):
                spool.record(entry)
            else:
                await spool.keep(entry)
        await spool.stop()

    asyncio.run(scenario())


def read_all(folder):
    return [entry for path in closed_segments(folder) for entry in read_segment(path)]


@given(rows=ROWS)
def test_what_is_written_is_what_is_read(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("spool")
    entry = answered(rows=rows)

    writer = SegmentWriter(folder, "predictions", 0, 1)
    spooled(folder, entry)

    [found] = read_all(folder)
    assert found == entry
    assert [list(map(type, row.values())) for row in found.rows] == [list(map(type, row.values())) for row in rows]
    assert writer.due(0) == []


def test_segments_come_in_the_order_in_which_they_were_written(tmp_path):
    entries = [answered(f"r{number}") for number in range(20)]

    spooled(tmp_path, *entries, close_bytes=1)

    assert len(closed_segments(tmp_path)) == 20
    assert read_all(tmp_path) == entries


def test_predictions_and_feedback_are_kept_apart(tmp_path):
    spooled(tmp_path, answered(), labels())

    assert sorted(path.name.split("-")[0] for path in closed_segments(tmp_path)) == ["feedback", "predictions"]
    assert labels() in read_all(tmp_path)


def test_a_segment_is_closed_when_it_is_old_and_none_is_made_when_nothing_comes(tmp_path):
    async def scenario():
        spool = Spool(tmp_path, close_seconds=0.05)
        await spool.start()
        spool.record(answered())
        await asyncio.sleep(0.4)
        names = sorted(path.suffix for path in tmp_path.iterdir())
        await spool.stop()
        return names

    assert asyncio.run(scenario()) == [".ndjson"]


def test_a_leftover_is_closed_at_start_without_its_torn_line(tmp_path):
    spooled(tmp_path, answered("a"), answered("b"))
    [path] = closed_segments(tmp_path)
    leftover = path.rename(tmp_path / segment_name("predictions", 5, os.getpid()))
    with leftover.open("ab") as file:
        file.write(b'{"at": "20')

    spooled(tmp_path)

    assert [entry.ids for entry in read_all(tmp_path)] == [("a0",), ("b0",)]
    assert [path.suffix for path in tmp_path.iterdir()] == [".ndjson"]


@pytest.mark.parametrize("content", [b"", b"torn", b"x" * 200_000])
def test_a_leftover_with_nothing_whole_becomes_empty(tmp_path, content):
    (tmp_path / segment_name("feedback", 5, 1)).write_bytes(content)

    [path] = close_leftovers(tmp_path)

    assert read_segment(path) == []


def test_a_segment_that_somebody_writes_to_is_left_alone(tmp_path):
    path = tmp_path / segment_name("predictions", 5, 1)
    path.write_bytes(b"{}\n")
    with path.open("rb") as writing:
        assert lock(writing.fileno())

        assert close_leftovers(tmp_path) == []

    assert close_leftovers(tmp_path) == [path.with_suffix(".ndjson")]


def test_a_line_that_was_changed_is_named(tmp_path):
    spooled(tmp_path, answered("a"), answered("b"))
    [path] = closed_segments(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"b0"', b"\xff"))

    with pytest.raises(IntegrityError, match=r"Line 2 of predictions-.*ndjson"):
        read_segment(path)


def test_other_files_in_the_folder_are_no_segments(tmp_path):
    (tmp_path / "notes.ndjson").write_text("")
    (tmp_path / "predictions-1-1.tmp").write_text("")

    assert closed_segments(tmp_path) == []


def test_labels_that_come_together_are_all_kept_before_any_is_acknowledged(tmp_path):
    async def scenario():
        spool = Spool(tmp_path, close_seconds=60)
        await spool.start()
        await asyncio.gather(*(spool.keep(labels(f"T{number}")) for number in range(100)))
        on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        await spool.stop()
        return on_disk.count(b"\n")

    assert asyncio.run(scenario()) == 100
    assert {entry.labels[0].id for entry in read_all(tmp_path)} == {f"T{number}" for number in range(100)}


def test_a_log_that_cannot_be_written_says_so_and_later_lines_are_whole(tmp_path):
    async def scenario():
        folder = tmp_path / "spool"
        spool = Spool(folder)
        await spool.start()
        folder.rename(tmp_path / "away")
        with pytest.raises(UnavailableError, match="No such file"):
            spool.record(answered("lost"))
        with pytest.raises(UnavailableError, match="No such file"):
            await spool.keep(labels())
        (tmp_path / "away").rename(folder)
        spool.record(answered("kept"))
        await spool.stop()
        return folder

    folder = asyncio.run(scenario())

    assert [entry.ids for entry in read_all(folder)] == [("kept0",)]


def test_a_write_that_falls_short_is_undone(tmp_path):
    writer = SegmentWriter(tmp_path, "predictions", 0, 10**9)
    writer.append(b"first\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="bytes fit"):
            writer.append(b"too long for the disk\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    writer.append(b"second\n")
    [segment] = writer.due(float("inf"))
    segment.close()

    assert closed_segments(tmp_path)[0].read_bytes() == b"first\nsecond\n"
