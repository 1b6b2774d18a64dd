"""What every adapter of the `Blobs` port does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaizenml.adapters.blobs import DirectoryBlobs
from kaizenml.adapters.memory import MemoryBlobs
from kaizenml.adapters.object_blobs import BucketBlobs
from kaizenml.adapters.object_store import ObjectStore
from kaizenml.core.digest import Digest, digest_of_bytes
from kaizenml.core.place import place_of
from kaizenml.core.ports import Blobs
from kaizenml.core.stores import CHUNK_BYTES
from kaizenml.errors import NotFoundError, UsageError


@pytest.fixture(params=["directory", "memory", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "s3":
        return BucketBlobs(ObjectStore(place_of(request.getfixturevalue("s3").url())))
    return MemoryBlobs() if request.param == "memory" else DirectoryBlobs(tmp_path / "blobs")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=2000))
def test_what_was_put_is_got_under_its_digest(blobs: Blobs, content: bytes) -> None:
    digest = blobs.put(content)

    assert digest == digest_of_bytes(content)
    assert blobs.has(digest)
    assert blobs.get(digest) == content


def test_putting_twice_changes_nothing(blobs: Blobs) -> None:
    first = blobs.put(b"content")

    assert blobs.put(b"content") == first
    assert blobs.get(first) == b"content"


def test_what_was_never_put_is_not_found(blobs: Blobs) -> None:
    digest = digest_of_bytes(b"elsewhere")

    assert not blobs.has(digest)
    with pytest.raises(NotFoundError, match=digest):
        blobs.get(digest)


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 63 + "/", "٠" * 64, "a" * 64 + "\n"]
)
def test_a_name_that_is_no_digest_is_refused(blobs: Blobs, name: str) -> None:
    with pytest.raises(UsageError, match="is not a digest"):
        blobs.get(Digest(name))
    with pytest.raises(UsageError, match="is not a digest"):
        blobs.has(Digest(name))
    with pytest.raises(UsageError, match="is not a digest"):
        blobs.open(Digest(name))
    with pytest.raises(UsageError, match="is not a digest"):
        blobs.size(Digest(name))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(chunks=st.lists(st.binary(max_size=200), max_size=8))
def test_content_that_comes_in_chunks_is_the_same_content(blobs: Blobs, chunks: list[bytes]) -> None:
    digest = blobs.put_from(iter(chunks))

    assert digest == digest_of_bytes(b"".join(chunks)) == blobs.put(b"".join(chunks))
    assert blobs.get(digest) == b"".join(blobs.open(digest)) == b"".join(chunks)
    assert blobs.size(digest) == len(b"".join(chunks))


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_large_content_is_read_in_chunks(blobs: Blobs, more: int) -> None:
    content = bytes(range(256)) * (3 * CHUNK_BYTES // 256) + b"x" * 2
    content = content[: 3 * CHUNK_BYTES + more]
    digest = blobs.put_from([content])

    chunks = list(blobs.open(digest))

    assert b"".join(chunks) == content
    assert max(map(len, chunks)) == CHUNK_BYTES


def test_a_sender_that_breaks_off_leaves_nothing(blobs: Blobs) -> None:
    def broken() -> Iterator[bytes]:
        yield b"first part"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        blobs.put_from(broken())

    assert not blobs.has(digest_of_bytes(b"first part"))


def test_what_was_never_put_has_no_chunks_and_no_size(blobs: Blobs) -> None:
    digest = digest_of_bytes(b"elsewhere")

    with pytest.raises(NotFoundError, match=digest):
        blobs.open(digest)
    with pytest.raises(NotFoundError, match=digest):
        blobs.size(digest)


def test_every_blob_is_listed_with_its_size_and_when_it_was_put(blobs: Blobs) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    put = {blobs.put(b"a" * size): size for size in (1, 20, 300)}

    assert {each.digest: each.size_bytes for each in blobs.listed()} == put
    assert all(began <= each.put_at <= datetime.now(UTC) for each in blobs.listed())


def test_a_blob_is_removed_unless_somebody_has_put_it_since(blobs: Blobs) -> None:
    digest = blobs.put(b"content")
    before, after = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)

    assert not blobs.remove(digest, unless_put_since=before)
    assert blobs.get(digest) == b"content"
    assert blobs.remove(digest, unless_put_since=after)
    assert not blobs.remove(digest, unless_put_since=after)
    blobs.settle(set(), since=after)
    assert not blobs.has(digest)
    assert list(blobs.listed()) == []
    with pytest.raises(NotFoundError):
        blobs.get(digest)


@pytest.mark.parametrize("how", ["put", "put_from", "hold"])
@pytest.mark.parametrize("is_asked_for", [False, True])
def test_a_blob_that_is_put_again_or_held_is_there_for_whoever_names_it(
    blobs: Blobs, how: str, is_asked_for: bool
) -> None:
    digest = blobs.put(b"content")
    time.sleep(0.02)
    since = datetime.now(UTC)
    time.sleep(0.02)

    again = {"put": lambda: blobs.put(b"content"), "put_from": lambda: blobs.put_from([b"con", b"tent"]),
             "hold": lambda: blobs.hold(digest)}[how]()  # fmt: skip
    blobs.remove(digest, unless_put_since=since)
    if is_asked_for:
        assert blobs.get(digest) == b"content"
    blobs.settle({digest}, since=since)

    assert again in (digest, True)
    assert blobs.get(digest) == b"content"
    assert [each.digest for each in blobs.listed()] == [digest]


def test_what_is_not_here_cannot_be_held(blobs: Blobs) -> None:
    assert not blobs.hold(digest_of_bytes(b"never put"))
