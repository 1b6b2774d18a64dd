"""A damaged blob that somebody reads is told of to more than the reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from kaizenml.core.event import Kind
from kaizenml.core.mlflow.rows import File
from kaizenml.core.subscription import DEFAULT_KINDS
from kaizenml.errors import IntegrityError
from kaizenml.loop.controller import reconcile
from kaizenml.loop.reporting import sentence
from kaizenml.loop.wiring import House, open_house, read_settings


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(read_settings(tmp_path))


def damaged(house: House, content: bytes, *, is_needed: bool) -> str:
    digest = house.blobs.put(content)
    if is_needed:
        with house.records.writing() as books:
            for name in ("a", "b"):
                books.clients.keep_file(File(f"0/r/artifacts/{name}", digest, len(content)))
    path = house.settings.folder / ".kaizen/blobs/sha256" / digest[:2] / digest[2:4] / digest[4:]
    path.write_bytes(b"x" + content[1:])
    with pytest.raises(IntegrityError):
        house.blobs.get(digest)
    return digest


def told(house: House) -> list[tuple[str, str]]:
    with house.records.reading() as books:
        return [(each.subject, sentence(each)) for each in books.events.find(Kind.BLOB_DAMAGED)]


def test_a_damaged_blob_is_told_of_once_with_what_needs_it(house: House) -> None:
    reconcile(house)
    assert told(house) == []
    first, second = damaged(house, b"needed", is_needed=True), damaged(house, b"nobody's", is_needed=False)

    for _ in range(3):
        reconcile(house)

    said = "damaged, and in quarantine: it is the 'content' of file:0/r/artifacts/a, and 1 more need it"
    assert dict(told(house)) == {
        f"blob:{first}": said,
        f"blob:{second}": "damaged, and in quarantine: nothing needs it",
    }
    assert len(told(house)) == 2
    reconcile(open_house(read_settings(house.settings.folder)))
    assert len(told(house)) == 2


def test_who_says_not_what_they_want_to_know_is_told_of_it() -> None:
    assert Kind.BLOB_DAMAGED in DEFAULT_KINDS
