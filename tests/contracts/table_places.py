"""Every place that Delta tables live in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kaizenml.adapters.delta_bucket import BucketTables
from kaizenml.adapters.delta_place import Folder, Place
from kaizenml.core.place import Bucket, place_of

PLACES = ("folder", "s3")


def places_of(request: pytest.FixtureRequest, folder: Path) -> Callable[[str], Place]:
    """Return what gives each table its place, of the kind that the fixture was asked for."""
    if request.param != "s3":
        return lambda name: Folder(folder / "tables" / name)
    bucket = place_of(request.getfixturevalue("s3").url())
    assert isinstance(bucket, Bucket)
    return BucketTables(bucket, folder / "locks")


def parquet(place: Place) -> set[str]:
    """Return the names of the files of rows."""
    return {file.name for file in place.listed() if file.name.endswith(".parquet")}
