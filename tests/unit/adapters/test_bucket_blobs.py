"""What the blobs in a bucket do that is not the business of the port: damage, lost answers, dead writers, refusals."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kaizenml.adapters.object_blobs import BucketBlobs
from kaizenml.adapters.object_store import ObjectStore, login
from kaizenml.adapters.object_uploads import give_up_old
from kaizenml.core.digest import Digest, digest_of_bytes
from kaizenml.core.place import Bucket, place_of
from kaizenml.errors import IntegrityError, KaizenError, NotFoundError, SettingError, UnavailableError
from s3_server import BUCKET, SECRET, LostAnswers, S3Server, free_port

MEBIBYTE = 1 << 20


@pytest.fixture
def place(s3: S3Server) -> Bucket:
    found = place_of(s3.url())
    assert isinstance(found, Bucket)
    return found


@pytest.fixture
def blobs(place: Bucket) -> BucketBlobs:
    return BucketBlobs(ObjectStore(place))


def path_of(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest[2:4]}/{digest[4:]}"


def paths(store: Any) -> list[str]:
    return sorted(each["path"] for part in store.list() for each in part)


def damage(s3: S3Server, place: Bucket, digest: str) -> None:
    """Flip a byte in the middle of a blob."""
    store = s3.store(place.prefix)
    content = bytearray(store.get(path_of(digest)).bytes())
    content[len(content) // 2] ^= 1
    store.put(path_of(digest), bytes(content))


def test_a_flipped_byte_is_found_told_kept_aside_and_never_served(s3: S3Server, place: Bucket, blobs: BucketBlobs):
    digest = blobs.put(b"content")
    damage(s3, place, digest)

    with pytest.raises(IntegrityError, match=f"Blob {digest} is damaged"):
        blobs.get(digest)

    store = s3.store(place.prefix)
    aside = [path for path in paths(store) if path.startswith("quarantine/")]
    assert [bytes(store.get(path).bytes()) for path in aside] == [b"con\x75ent"]
    assert not blobs.has(digest)
    for ask in (blobs.get, blobs.open, blobs.size):
        with pytest.raises(NotFoundError):
            ask(digest)
    assert blobs.put(b"content") == digest
    assert blobs.get(digest) == b"content"


def test_putting_damaged_content_again_mends_it_before_anybody_reads_it(s3, place: Bucket, blobs: BucketBlobs):
    digest = blobs.put(b"content")
    damage(s3, place, digest)

    blobs.put(b"content")

    assert blobs.get(digest) == b"content"


def test_of_large_content_the_first_chunk_comes_only_when_all_are_whole(s3, place: Bucket, blobs: BucketBlobs):
    content = bytes(range(256)) * (4096 * 10)
    digest = blobs.put_from([content])
    assert b"".join(blobs.open(digest)) == content
    damage(s3, place, digest)

    with pytest.raises(IntegrityError, match="is damaged"):
        next(blobs.open(digest))

    assert not blobs.has(digest)
    assert blobs.put(content) == digest
    assert blobs.get(digest) == content


def test_who_mends_content_is_not_undone_by_who_found_the_damage(s3, place: Bucket, blobs: BucketBlobs):
    digest = blobs.put(b"content")
    damage(s3, place, digest)
    chunks = blobs.open(digest)
    BucketBlobs(ObjectStore(place)).put(b"content")

    with pytest.raises(UnavailableError, match="did not arrive as it is stored"):
        list(chunks)

    assert blobs.get(digest) == b"content"


def test_no_content_at_all_is_content(blobs: BucketBlobs):
    digest = blobs.put(b"")

    assert blobs.has(digest)
    assert (blobs.get(digest), list(blobs.open(digest)), blobs.size(digest)) == (b"", [b""], 0)


def test_what_is_there_is_never_written_again(s3: S3Server, place: Bucket, blobs: BucketBlobs):
    small, large = b"content", bytes(9 * MEBIBYTE)
    kept = [path_of(blobs.put(small)), path_of(blobs.put_from([large]))]
    before = [s3.store(place.prefix).head(path) for path in kept]

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(BucketBlobs(ObjectStore(place)).put, [small, large] * 3))

    assert [s3.store(place.prefix).head(path) for path in kept] == before
    assert paths(s3.store(place.prefix)) == sorted(kept)


def test_writers_of_the_same_content_at_once_all_have_kept_it(s3: S3Server, place: Bucket):
    contents = [b"the same", b"y" * 9 * MEBIBYTE]
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda n: BucketBlobs(ObjectStore(place)).put(contents[n % 2]), range(8)))

    assert found == set(map(digest_of_bytes, contents))
    assert [BucketBlobs(ObjectStore(place)).get(digest_of_bytes(each)) == each for each in contents] == [True, True]
    assert len(paths(s3.store(place.prefix))) == 2


def test_content_that_breaks_off_leaves_nothing(s3: S3Server, place: Bucket, blobs: BucketBlobs):
    def broken() -> Iterator[bytes]:
        yield bytes(9 * MEBIBYTE)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        blobs.put_from(broken())

    assert paths(s3.store(place.prefix)) == []


def test_content_is_kept_though_the_answer_got_lost(s3: S3Server):
    way = LostAnswers(s3, lambda line: line.startswith(b"PUT ") and way.lost == 0)
    try:
        place = place_of(f"s3://{BUCKET}/lost-blob?endpoint={way.address}")
        blobs = BucketBlobs(ObjectStore(place))

        digest = blobs.put(b"content")

        assert way.lost == 1
        assert blobs.get(digest) == b"content"
    finally:
        way.close()


def test_an_upload_whose_writer_was_killed_is_seen_by_nobody_and_given_up_later(s3: S3Server, place: Bucket):
    digest = digest_of_bytes(bytes(40 * MEBIBYTE))
    code = """
import io, os, sys
from kaizenml.adapters.object_store import ObjectStore
from kaizenml.core.place import place_of

class Dying(io.BytesIO):
    def read(self, size=-1):
        if self.tell() > 30 << 20:
            os.kill(os.getpid(), 9)
        return super().read(size)

ObjectStore(place_of(sys.argv[1])).upload(sys.argv[2], Dying(bytes(40 << 20)), 40 << 20)
"""
    done = subprocess.run([sys.executable, "-c", code, place.url, path_of(digest)], timeout=60)
    at = ObjectStore(place).place

    assert done.returncode == -9
    assert not BucketBlobs(ObjectStore(place)).has(digest)
    assert digest.encode()[4:] in s3.ask("GET", f"/{BUCKET}", prefix=place.prefix, uploads="")
    assert give_up_old(at, login(), datetime.now(UTC)) == 0, "it may still go on"
    assert give_up_old(at, login(), datetime.now(UTC), older_than=timedelta(seconds=-5)) == 1
    assert digest.encode()[4:] not in s3.ask("GET", f"/{BUCKET}", prefix=place.prefix, uploads="")


def test_large_content_goes_through_little_memory(place: Bucket):
    code = """
import sys
from kaizenml.adapters.object_blobs import BucketBlobs
from kaizenml.adapters.object_store import ObjectStore
from kaizenml.core.place import place_of

blobs = BucketBlobs(ObjectStore(place_of(sys.argv[1])))
blobs.put(b"warm")
size = 96
digest = blobs.put_from(bytes([n]) * (1 << 20) for n in range(size))
assert sum(map(len, blobs.open(digest))) == size << 20
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, place.url], timeout=120, capture_output=True, text=True, check=True
    )

    assert int(done.stdout) < 125_000


def refusal(place: Bucket) -> str:
    """Return what is told of a place that refuses, which must be the same whatever is asked."""
    told = set()
    for ask in (lambda b: b.put(b"x"), lambda b: b.get(digest_of_bytes(b"x")), lambda b: b.has(digest_of_bytes(b"x"))):
        with pytest.raises(KaizenError) as refused:
            ask(BucketBlobs(ObjectStore(place)))
        assert refused.value.hint
        assert refused.value.__cause__ is None
        assert SECRET not in str(refused.value)
        told.add(str(refused.value).partition(": ")[2] or str(refused.value))
    assert len(told) == 1, told
    return told.pop()


def test_wrong_credentials_are_refused_clearly_and_told_nowhere(place: Bucket, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{SECRET}-wrong")
    assert "refuses the credentials.\nCheck AWS_ACCESS_KEY_ID" in refusal(place)

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    assert "refuses the credentials" in refusal(place)


def test_without_credentials_it_is_said_which_to_set(place: Bucket, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(SettingError, match="Set AWS_ACCESS_KEY_ID"):
        ObjectStore(place)


def test_a_bucket_that_is_not_there_is_named(s3: S3Server):
    assert "There is no bucket 'nowhere'" in refusal(place_of(s3.url("nowhere")))


def test_a_server_that_is_not_there_or_says_nothing_is_told_of(s3: S3Server):
    assert "does not answer as it should" in refusal(
        place_of(f"s3://shop?endpoint=http://127.0.0.1:{free_port()}&timeout=1")
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = place_of(f"s3://shop?endpoint=http://127.0.0.1:{silent.getsockname()[1]}&timeout=1")
        with pytest.raises(UnavailableError, match="does not answer as it should"):
            BucketBlobs(ObjectStore(place)).get(Digest("a" * 64))
