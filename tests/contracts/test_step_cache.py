"""One suite over both caches of results; and what only the one on disk promises: nobody's forgery is opened."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from datetime import UTC, datetime
from multiprocessing import get_context

import pytest

from kaizenml.adapters.memory import MemoryStepCache
from kaizenml.adapters.step_cache import MOST_RESULTS, DirectoryStepCache
from kaizenml.core.step import Ingredients, Kept, Symbol

KEY = "ab" * 32
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["memory", "directory"])
def cache(request, tmp_path):
    return MemoryStepCache() if request.param == "memory" else DirectoryStepCache(tmp_path / "cache")


def kept(blob, **observed):
    return Kept("d" * 64, blob, "run-1", AT, 0.5, 7, observed)


def test_bytes_come_back_under_the_name_they_were_given(cache):
    name = cache.put(b"result")

    assert cache.get(name) == b"result"
    assert cache.put(b"result") == name
    assert cache.get("0" * 64) is None


def test_the_newest_result_of_a_key_comes_first_and_the_same_one_only_once(cache):
    assert cache.find(KEY) == []
    cache.keep(KEY, kept("a", file="1"))
    cache.keep(KEY, kept("b", file="2"))
    cache.keep(KEY, kept("a", file="1"))

    assert [each.blob for each in cache.find(KEY)] == ["a", "b"]


def test_what_a_step_was_made_of_is_remembered(cache):
    made = Ingredients("train", "c", {"helpers.k": Symbol("1", "k = 1")}, {"rows": "x"}, seed=3)
    assert cache.last("shop/train") is None

    cache.remember("shop/train", made)

    assert cache.last("shop/train") == made


@pytest.mark.parametrize("size", [10, 200_000])
def test_a_changed_byte_is_no_result(tmp_path, size):
    cache = DirectoryStepCache(tmp_path)
    name = cache.put(b"r" * size)
    path = tmp_path / "blobs" / name[:2] / name[2:]
    if path.exists():
        path.write_bytes(b"r" * (size - 1) + b"R")
    else:
        cache._rows.execute("UPDATE blobs SET content = ?", (b"r" * (size - 1) + b"R",))

    assert cache.get(name) is None
    assert cache.put(b"r" * size) == name
    assert cache.get(name) == b"r" * size


def test_what_was_written_without_the_secret_is_not_read(tmp_path):
    ours, theirs = DirectoryStepCache(tmp_path / "ours"), DirectoryStepCache(tmp_path / "theirs")
    names = [theirs.put(b"forged"), theirs.put(b"forged" * 100_000)]
    theirs.keep(KEY, kept(names[0]))
    for table in ("blobs", "keys"):
        rows = theirs._rows.execute(f"SELECT * FROM {table}").fetchall()
        ours._rows.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)
    shutil.copytree(tmp_path / "theirs" / "blobs", tmp_path / "ours" / "blobs")

    assert ours.find(KEY) == []
    assert [ours.get(name) for name in names] == [None, None]


def test_a_result_is_not_read_under_another_key(tmp_path):
    cache = DirectoryStepCache(tmp_path)
    cache.keep(KEY, kept("a"))
    cache._rows.execute("UPDATE keys SET name = ?", ("cd" * 32,))

    assert cache.find("cd" * 32) == []


def test_a_file_that_is_no_database_any_more_is_begun_anew(tmp_path):
    cache = DirectoryStepCache(tmp_path)
    cache.put(b"lost")
    cache._rows.close()
    for path in tmp_path.glob("results.db*"):
        path.write_bytes(b"rubbish" * 1000)

    cache = DirectoryStepCache(tmp_path)
    assert cache.get(cache.put(b"kept")) == b"kept"


def test_the_secret_is_its_owners_alone(tmp_path):
    DirectoryStepCache(tmp_path)

    assert stat.S_IMODE(os.stat(tmp_path / "secret").st_mode) == 0o600


def test_results_of_one_key_do_not_pile_up(tmp_path):
    cache = DirectoryStepCache(tmp_path)
    for number in range(MOST_RESULTS + 3):
        cache.keep(KEY, kept(str(number), file=number))

    assert len(cache.find(KEY)) == MOST_RESULTS
    assert cache.find(KEY)[0].blob == str(MOST_RESULTS + 2)


def test_the_oldest_results_go_when_there_are_too_many_bytes(tmp_path):
    cache = DirectoryStepCache(tmp_path)
    names = [cache.put(bytes([number]) * 100_000) for number in range(4)]
    for age, name in enumerate(names):
        os.utime(tmp_path / "blobs" / name[:2] / name[2:], (1000 + age, 1000 + age))

    assert cache.prune(most_bytes=250_000) == 200_000
    assert [cache.get(name) is not None for name in names] == [False, False, True, True]


def _put_many(folder, count):
    cache = DirectoryStepCache(folder)
    for number in range(count):
        cache.keep(KEY, kept(cache.put(str(number).encode()), file=number))


def test_processes_at_once_leave_whole_files(tmp_path):
    context = get_context("spawn")
    workers = [context.Process(target=_put_many, args=(tmp_path, 30)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    cache = DirectoryStepCache(tmp_path)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert all(cache.get(each.blob) is not None for each in cache.find(KEY))
    assert len(cache.find(KEY)) >= 1


def test_results_of_several_keys_come_in_the_order_of_the_keys(cache):
    cache.keep(KEY, kept("a", file="1"))
    cache.keep(KEY, kept("b", file="2"))
    cache.keep("cd" * 32, kept("c"))

    assert [each.blob for each in cache.find("cd" * 32, "ef" * 32, KEY)] == ["c", "b", "a"]


def test_what_is_written_together_is_there_afterwards(cache):
    with cache.together():
        name = cache.put(b"result")
        cache.keep(KEY, kept(name))
        assert [each.blob for each in cache.find(KEY)] == [name]

    assert cache.get(name) == b"result"
    assert [each.blob for each in cache.find(KEY)] == [name]


@pytest.mark.parametrize("size", [10, 200_000])
def test_of_what_is_written_together_all_is_there_or_nothing_is_found(tmp_path, size):
    cache, another = DirectoryStepCache(tmp_path), DirectoryStepCache(tmp_path)

    def interrupted():
        with cache.together():
            cache.keep(KEY, kept(cache.put(b"r" * size)))
            assert another.find(KEY) == []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert cache.find(KEY) == another.find(KEY) == []
    cache.keep(KEY, kept(cache.put(b"r" * size)))
    assert len(another.find(KEY)) == 1


def _keep_and_die(folder):
    cache = DirectoryStepCache(folder)
    with cache.together():
        cache.keep(KEY, kept(cache.put(b"result")))
        cache.remember("shop/train", Ingredients("train", "c"))
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_was_written_together_survives_its_process(tmp_path):
    writer = get_context("fork").Process(target=_keep_and_die, args=(tmp_path,))
    writer.start()
    writer.join(60)

    cache = DirectoryStepCache(tmp_path)
    assert writer.exitcode == -signal.SIGKILL
    assert cache.get(cache.find(KEY)[0].blob) == b"result"
    assert cache.last("shop/train") is not None


def test_a_file_that_is_no_database_any_more_is_begun_anew_in_the_middle_too(tmp_path):
    cache = DirectoryStepCache(tmp_path)
    for path in tmp_path.glob("results.db*"):
        path.write_bytes(b"rubbish" * 1000)
    with cache.together():
        cache.keep(KEY, kept(cache.put(b"result")))

    assert cache.get(cache.find(KEY)[0].blob) == b"result"
