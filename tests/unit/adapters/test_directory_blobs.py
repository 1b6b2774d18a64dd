"""What the folder of blobs does that is not the business of the port."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaizenml.adapters.blobs import DirectoryBlobs
from kaizenml.core.stores import CHUNK_BYTES
from kaizenml.errors import IntegrityError, KaizenError, NotFoundError


def file_of(root: Path, digest: str) -> Path:
    return root / "sha256" / digest[:2] / digest[2:4] / digest[4:]


def test_a_damaged_blob_is_never_served_and_kept_aside(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path)
    digest = blobs.put(b"content")
    file_of(tmp_path, digest).write_bytes(b"c0ntent")

    with pytest.raises(IntegrityError, match="is damaged"):
        blobs.get(digest)

    assert [path.read_bytes() for path in (tmp_path / "quarantine").iterdir()] == [b"c0ntent"]
    with pytest.raises(NotFoundError):
        blobs.get(digest)


def test_putting_a_damaged_blob_again_mends_it(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path)
    digest = blobs.put(b"content")
    file_of(tmp_path, digest).write_bytes(b"")

    blobs.put(b"content")

    assert blobs.get(digest) == b"content"


def test_writers_of_the_same_blob_do_not_disturb_each_other(tmp_path: Path) -> None:
    content = b"x" * 1_000_000
    threads = [threading.Thread(target=DirectoryBlobs(tmp_path).put, args=(content,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"]
    assert [path.read_bytes() for path in kept] == [content]


def test_a_full_or_broken_disk_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "sha256").write_bytes(b"a file where the folder should be")

    with pytest.raises(KaizenError, match="Keeping blob"):
        DirectoryBlobs(tmp_path).put(b"content")


@pytest.mark.parametrize("at", [0, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES - 1])
def test_a_flipped_byte_of_large_content_is_found_before_any_of_it_goes_out(tmp_path: Path, at: int) -> None:
    blobs = DirectoryBlobs(tmp_path)
    digest = blobs.put_from([bytes(3 * CHUNK_BYTES)])
    with file_of(tmp_path, digest).open("r+b") as handle:
        handle.seek(at)
        handle.write(b"\1")

    with pytest.raises(IntegrityError, match="is damaged"):
        next(blobs.open(digest))

    assert not blobs.has(digest)
    assert [path.name.partition(".")[0] for path in (tmp_path / "quarantine").iterdir()] == [digest]


def test_large_content_that_is_damaged_while_it_is_read_breaks_off(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path)
    digest = blobs.put_from([bytes(3 * CHUNK_BYTES)])

    chunks = blobs.open(digest)
    seen = [len(next(chunks))]
    with file_of(tmp_path, digest).open("r+b") as handle:
        handle.seek(3 * CHUNK_BYTES - 1)
        handle.write(b"\1")
    with pytest.raises(IntegrityError, match="is damaged"):
        seen += map(len, chunks)

    assert seen[0] == CHUNK_BYTES
    assert not blobs.has(digest)


def test_content_in_chunks_that_does_not_come_to_its_end_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 1000
        raise ConnectionError

    with pytest.raises(ConnectionError):
        DirectoryBlobs(tmp_path).put_from(broken())

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_large_content_goes_through_little_memory(tmp_path: Path) -> None:
    code = """
import sys
from kaizenml.adapters.blobs import DirectoryBlobs

blobs = DirectoryBlobs(sys.argv[1])
size = 300
digest = blobs.put_from(bytes([n % 256]) * (1 << 20) for n in range(size))
assert sum(map(len, blobs.open(digest))) == size << 20
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], timeout=120, capture_output=True, text=True, check=True
    )

    assert int(done.stdout) < 100_000  # kB, of which the interpreter takes most
