"""The text of a file: decompressed, and proven to be UTF-8."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import polars as pl

from kaizenml.errors import SourceError

#: Endings of compressed text files.
COMPRESSIONS = frozenset({".gz", ".zst"})
#: Text is read in blocks of so many bytes.
BLOCK = 32 * 1024 * 1024
#: A line of more bytes than this is refused when no end of it is in sight, without reading on.
LONGEST_LINE = 32 * 1024 * 1024

_MARK = b"\xef\xbb\xbf"
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_LINES_AT_ONCE = 100_000


def blocks_of(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Return the bytes of a text file in blocks, decompressed as its ending says, without a byte order mark.

    Raises
    ------
    SourceError
        When it cannot be decompressed.
    """
    suffix = path.suffix.lower()
    is_first = True
    with _decompressing(path):
        for block in _zstd(path, file) if suffix == ".zst" else _read(gzip.open(file) if suffix == ".gz" else file):  # noqa: SIM115
            yield block.removeprefix(_MARK) if is_first else block
            is_first = False


def lines_of(path: Path) -> Iterator[bytes]:
    """Return the lines of a text file in UTF-8, one after the other.

    Raises
    ------
    SourceError
        Naming the line that is too long, or not UTF-8.
    """
    pending, line, at = b"", 1, 0
    with path.open("rb") as file:
        for block in blocks_of(path, file):
            *whole, pending = (pending + block).split(b"\n")
            if len(pending) > LONGEST_LINE:
                raise endless(path.name, line + len(whole), None)
            utf8(path.name, b"\n".join(whole), line, at, lambda _: None)
            line, at = line + len(whole), at + sum(map(len, whole)) + len(whole)
            yield from whole
    utf8(path.name, pending, line, at, lambda _: None)
    yield pending


def text_of(path: Path) -> bytes:
    """Return the whole text of a file as UTF-8, without a byte order mark.

    Raises
    ------
    SourceError
        When it cannot be decompressed, is empty inside, or is not UTF-8: then byte, line and likely encoding are named.
    """
    with path.open("rb") as file:
        content = b"".join(blocks_of(path, file))
    if not content.strip():
        raise blank(path.name)
    utf8(path.name, content, 1, 0, lambda _: None)
    return content


def utf8(name: str, content: bytes, line: int, at: int, column: Callable[[bytes], str | None]) -> str:
    """Return part of a text, every line ended by a newline alone.

    Parameters
    ----------
    line, at
        Where the part begins in its file: the line from 1, the byte from 0.
    column
        Tells from the begin of a row in which column it breaks off.
    """
    try:
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        begun = content[content.rfind(b"\n", 0, error.start) + 1 : error.start]
        raise _not_utf8(name, content, error.start, line, at, column(begun)) from error


def blank(name: str) -> SourceError:
    """Return that a file holds nothing."""
    return SourceError(f"{name} is empty: it holds only blanks.", "Export it again.", {"file": name})


def endless(name: str, line: int, column: str | None) -> SourceError:
    """Return that a line has no end within what may be."""
    where = f"{name}, line {line:,}" + (f", column {column}" if column is not None else "")
    return SourceError(
        f"{where}: the line does not end within {LONGEST_LINE // 1024**2} MB.",
        "A quote may not be closed, or the file is no text of lines; export it again.",
        {"file": name, "line": line, **({"column": column} if column is not None else {})},
    )


def _read(file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def _zstd(path: Path, file: BinaryIO) -> Iterator[bytes]:
    if file.read(4) != b"\x28\xb5\x2f\xfd":
        raise OSError("not a zstd file")
    for lines in pl.scan_lines(path, glob=False).collect_batches(chunk_size=_LINES_AT_ONCE, maintain_order=True):
        yield b"".join(line.encode() + b"\n" for line in lines["line"].to_list())


@contextmanager
def _decompressing(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError) as error:
        raise SourceError(
            f"{path.name} cannot be decompressed: {str(error).splitlines()[0]}.",
            "It may be cut off, or not be compressed at all.",
            {"file": path.name},
        ) from error


def _not_utf8(name: str, content: bytes, start: int, line: int, at: int, column: str | None) -> SourceError:
    line += content.count(b"\n", 0, start)
    encoding = _likely(content, start)
    where = f"line {line:,}" + (f", column {column}" if column is not None else "")
    details = {"file": name, "line": line, "byte": at + start, "encoding": encoding}
    return SourceError(
        f"{name} is not UTF-8: byte {at + start:,} ({where}) is 0x{content[start]:02x}.",
        f"It looks like {encoding} from there on; convert it: iconv -f {encoding} -t UTF-8 {name} > utf8_{name}",
        details if column is None else {**details, "column": column},
    )


def _likely(content: bytes, at: int) -> str:
    if content[:2] in _MARKS:
        return _MARKS[content[:2]]
    return "UTF-16" if b"\x00" in content[max(0, at - 50) : at + 50] else "WINDOWS-1252"
