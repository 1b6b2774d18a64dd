"""The text of a file: decompressed, and proven to be UTF-8."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import polars as pl

from kaizenml.errors import SourceError

#: Endings of compressed text files.
COMPRESSIONS = frozenset({".gz", ".zst"})

_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def text_of(path: Path) -> bytes:
    """Return the text of a file as UTF-8, without a byte order mark.

    Raises
    ------
    SourceError
        When it cannot be decompressed, is empty inside, or is not UTF-8: then byte, line and likely encoding are named.
    """
    content = _decompressed(path).removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise SourceError(f"{path.name} is empty: it holds only blanks.", "Export it again.", {"file": path.name})
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, content, error.start) from error
    return content


def _decompressed(path: Path) -> bytes:
    suffix = path.suffix.lower()
    try:
        if suffix == ".gz":
            return gzip.decompress(path.read_bytes())
        return _zstd(path) if suffix == ".zst" else path.read_bytes()
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError) as error:
        raise SourceError(
            f"{path.name} cannot be decompressed: {str(error).splitlines()[0]}.",
            "It may be cut off, or not be compressed at all.",
            {"file": path.name},
        ) from error


def _zstd(path: Path) -> bytes:
    with path.open("rb") as file:
        if file.read(4) != b"\x28\xb5\x2f\xfd":
            raise OSError("not a zstd file")
    lines = pl.read_lines(path, glob=False)
    return "\n".join(lines["line"].to_list()).encode()


def _not_utf8(path: Path, content: bytes, at: int) -> SourceError:
    line = content.count(b"\n", 0, at) + 1
    encoding = _likely(content, at)
    return SourceError(
        f"{path.name} is not UTF-8: byte {at:,} (line {line:,}) is 0x{content[at]:02x}.",
        f"It looks like {encoding}; convert it: iconv -f {encoding} -t UTF-8 {path.name} > utf8_{path.name}",
        {"file": path.name, "line": line, "byte": at, "encoding": encoding},
    )


def _likely(content: bytes, at: int) -> str:
    if content[:2] in _MARKS:
        return _MARKS[content[:2]]
    return "UTF-16" if b"\x00" in content[max(0, at - 50) : at + 50] else "WINDOWS-1252"
