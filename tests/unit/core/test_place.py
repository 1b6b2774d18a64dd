"""Where a store is, as its URL says."""

from __future__ import annotations

from pathlib import Path

import pytest

from kaizenml.core.place import Bucket, place_of
from kaizenml.errors import SettingError


def test_a_folder_and_places_in_buckets_are_told_by_their_urls() -> None:
    assert place_of("file:///var/kaizen") == Path("/var/kaizen")
    assert place_of("s3://shop") == Bucket("shop")
    assert place_of("s3://shop/a/b/?endpoint=http://127.0.0.1:9000/&region=eu-1&timeout=5") == Bucket(
        "shop", "a/b", "http://127.0.0.1:9000", "eu-1", 5
    )


@pytest.mark.parametrize(
    "url", ["s3://shop", "s3://shop/a/b", "s3://shop/a?endpoint=https://x.org:9&region=r&timeout=9"]
)
def test_the_url_of_a_place_is_what_it_was_read_from(url: str) -> None:
    place = place_of(url)

    assert isinstance(place, Bucket)
    assert place.url == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3:///prefix", "no name of a bucket"),
        ("s3://Shop_1/x", "no name of a bucket"),
        ("s3://shop/../other", "prefix"),
        ("s3://shop/a//b", "prefix"),
        ("s3://shop/a b", "prefix"),
        ("s3://shop?endpint=http://x", "Did you mean 'endpoint'"),
        ("s3://shop?endpoint=ftp://x", "endpoint='ftp://x'"),
        ("s3://shop?timeout=0", "timeout='0'"),
        ("s3://shop?region=a%0Ab", "region="),
        ("file://data", "from the root"),
        ("gs://shop/x", "cannot be"),
        ("", "cannot be"),
    ],
)
def test_what_is_no_place_is_refused_with_the_way_out(url: str, said: str) -> None:
    with pytest.raises(SettingError, match=said) as refused:
        place_of(url)

    assert refused.value.hint


@pytest.mark.parametrize(
    "url", ["s3://ada:hunter2@shop/x", "s3://shop?secret_access_key=hunter2", "s3://shop?x=1&aws_token=hunter2"]
)
def test_a_secret_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingError, match="carries a secret") as refused:
        place_of(url)

    assert "hunter2" not in str(refused.value)
