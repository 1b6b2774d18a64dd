"""Zip archives that are the same bytes every time, and that are looked at before they are opened.

Nothing here is asked of the archive's own word: sizes are counted while reading, names are checked, and only stored
and deflated members are known.
"""

from __future__ import annotations

import io
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kaizenml.errors import UnsafeArtefactError

_MEGABYTE = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_END = b"PK\x05\x06"
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_HINT = "Do not open it; ask whoever made it for a new one."


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may be at most.

    ``ratio`` bounds uncompressed ÷ compressed size of each member over one megabyte, and of the whole archive.
    """

    members: int = 4_096
    member_bytes: int = 1 << 30
    total_bytes: int = 2 << 30
    ratio: int = 100


def write_archive(members: Mapping[str, bytes], *, ratio: int = 100) -> bytes:
    """Return a zip archive of the members: sorted by name, of one time, saying nothing of the machine.

    Members that would shrink more than `read_archive` believes are stored as they are.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(members):
            archive.writestr(_member(name, members[name], ratio), members[name], compresslevel=6)
    return buffer.getvalue()


def _member(name: str, content: bytes, ratio: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.create_system = 3
    member.external_attr = (stat.S_IFREG | 0o644) << 16
    is_archive = content[:4] == b"PK\x03\x04"
    shrinks_too_far = len(content) > _MEGABYTE and len(zlib.compress(content, 1)) * ratio * 0.5 < len(content)
    member.compress_type = zipfile.ZIP_STORED if is_archive or shrinks_too_far else zipfile.ZIP_DEFLATED
    return member


def read_archive(content: bytes, limits: Limits = Limits(), what: str = "archive") -> dict[str, bytes]:
    """Return the members of a zip archive by name, after every check.

    Raises
    ------
    UnsafeArtefactError
        For anything but a plain zip of regular files with safe names and believable sizes; names the member.
    """
    _check_end(content, limits, what)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            _check_members(members, len(content), limits, what)
            return {member.filename: _read(archive, member, what) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError, RuntimeError) as error:
        raise UnsafeArtefactError(f"The {what} is damaged: {error}.", _HINT) from error


def _check_end(content: bytes, limits: Limits, what: str) -> None:
    """Refuse what is no plain zip, and a table of contents too long to read, before reading it."""
    end = content[-22:]
    if not content.startswith((b"PK\x03\x04", _END)) or not end.startswith(_END) or len(end) < 22:
        raise UnsafeArtefactError(f"The {what} is not a zip archive, or is cut off.", _HINT)
    if content[-42:-38] == b"PK\x06\x07":
        raise UnsafeArtefactError(f"The {what} uses ZIP64, which no {what} of this package does.", _HINT)
    table_bytes = int.from_bytes(end[12:16], "little")
    if int.from_bytes(end[10:12], "little") > limits.members or table_bytes > 512 * limits.members:
        raise UnsafeArtefactError(f"The {what} has more than {limits.members:,} members.", _HINT)


def _check_members(members: list[zipfile.ZipInfo], size_bytes: int, limits: Limits, what: str) -> None:
    if len(members) > limits.members:
        raise UnsafeArtefactError(f"The {what} has {len(members):,} members; at most {limits.members:,}.", _HINT)
    check_names((member.orig_filename for member in members), what)
    for member in members:
        _check_member(member, limits, what)
    total = sum(member.file_size for member in members)
    if total > limits.total_bytes or total > max(64 * _MEGABYTE, limits.ratio * size_bytes):
        raise UnsafeArtefactError(f"The {what} of {size_bytes:,} bytes would expand to {total:,}.", _HINT)


def _check_member(member: zipfile.ZipInfo, limits: Limits, what: str) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    problem = ""
    if kind not in (0, stat.S_IFREG) or member.is_dir():
        problem = "is not a regular file"
    elif member.flag_bits & 0x1:
        problem = "is encrypted"
    elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        problem = f"uses compression method {member.compress_type}"
    elif member.file_size > limits.member_bytes:
        problem = f"has {member.file_size:,} bytes; at most {limits.member_bytes:,}"
    elif member.file_size > max(_MEGABYTE, limits.ratio * member.compress_size):
        problem = f"expands {member.file_size // max(1, member.compress_size):,} times; at most {limits.ratio}"
    if problem:
        raise UnsafeArtefactError(f"The member {shown(member.filename)} of the {what} {problem}.", _HINT)


def check_names(names: Iterable[str], what: str = "archive") -> None:
    """Refuse names that leave the folder, hide, repeat, or differ in nothing but case.

    Raises
    ------
    UnsafeArtefactError
        Naming the member.
    """
    seen: set[str] = set()
    for name in names:
        folded = unicodedata.normalize("NFKC", name).casefold()
        if not is_safe_name(name):
            raise UnsafeArtefactError(f"The {what} has a member with the unsafe name {shown(name)}.", _HINT)
        if folded in seen:
            raise UnsafeArtefactError(f"The {what} has two members called {shown(name)}.", _HINT)
        seen.add(folded)


def is_safe_name(name: str) -> bool:
    """Say whether a name is a relative path of plain segments that means the same file on every system."""
    if not name or len(name) > 240 or any(ch in '\\:*?"<>|' or not ch.isprintable() for ch in name):
        return False
    return all(part.strip(" .") and part == part.strip(" ") and not part.endswith(".") for part in name.split("/"))


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, what: str) -> bytes:
    """Read in pieces, so that a member which lies about its size is found before it fills the memory."""
    pieces: list[bytes] = []
    with archive.open(member) as stream:
        while piece := stream.read(_MEGABYTE):
            pieces.append(piece)
    content = b"".join(pieces)
    if len(content) != member.file_size:
        raise UnsafeArtefactError(f"The member {shown(member.filename)} of the {what} is cut off.", _HINT)
    return content


def check_depth(content: bytes, most: int, name: str) -> None:
    """Refuse JSON that nests deeper than ``most``, before it is parsed.

    Raises
    ------
    UnsafeArtefactError
        Naming the member.
    """
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", content)):
        depth += 1 if bracket in b"[{" else -1
        if depth > most:
            raise UnsafeArtefactError(f"The JSON of {shown(name)} is nested deeper than {most} levels.", _HINT)


def shown(name: str) -> str:
    """Return a name from a file as it may be printed: quoted, escaped, short."""
    text = ascii(name)
    return text if len(text) <= 80 else f"{text[:77]}...'"
