"""A table's folder as others write to it."""

from __future__ import annotations

import threading
from pathlib import Path

from kaizenml.adapters.delta_place import Folder
from kaizenml.adapters.durable import created

LISTINGS = 100


def test_files_that_come_and_go_while_a_folder_is_listed_are_no_damage(tmp_path: Path) -> None:
    place = Folder(tmp_path / "t")
    place.begin()
    stays = [f"part-{number:03d}.parquet" for number in range(20)]
    for name in stays:
        assert created(tmp_path / "t" / name, b"rows")
    is_over = threading.Event()

    def written() -> None:
        while not is_over.is_set():
            for number in range(50):
                (tmp_path / "t" / f".{number}.tmp").write_bytes(b"")
            place.delete([f".{number}.tmp" for number in range(50)])

    writer = threading.Thread(target=written)
    writer.start()
    try:
        seen = [place.listed() for _ in range(LISTINGS)]
    finally:
        is_over.set()
        writer.join()

    for found in seen:
        names = [file.name for file in found]
        assert [name for name in names if not name.startswith(".")] == stays
        assert names == sorted(names)
    assert len({len(found) for found in seen}) > 1, "no file came or went meanwhile"


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert Folder(tmp_path / "none").listed("_delta_log") == []
