"""What a backup, or a copy of a store, says of itself: every file with its size and digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kaizenml.core.digest import Digest, digest_of


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a backup: its size in bytes and the sha256 of its content."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of a backup by their path in the home, and what they hold.

    Attributes
    ----------
    made_at
        When the backup was begun, in ISO 8601, UTC.
    rows
        How many rows each table of the books has.
    """

    made_at: str
    version: str
    rows: Mapping[str, int]
    files: Mapping[str, Kept]

    @property
    def size_bytes(self) -> int:
        """How large all files are together."""
        return sum(each.size for each in self.files.values())

    def count(self, folder: str) -> int:
        """Return how many files are in a folder of the home."""
        return sum(path.startswith(f"{folder}/") for path in self.files)


@dataclass(frozen=True, slots=True)
class Arrived:
    """What of a store is where it was copied to, as it was read there.

    Attributes
    ----------
    files
        Every file by its name.
    new
        How many of them were sent by this copy; the others were there.
    """

    files: Mapping[str, Kept]
    new: int

    @property
    def size_bytes(self) -> int:
        """How large all files are together."""
        return sum(each.size for each in self.files.values())

    @property
    def digest(self) -> Digest:
        """The digest of all names and digests: the same for the same files, wherever they are."""
        return digest_of({name: each.sha256 for name, each in self.files.items()})
