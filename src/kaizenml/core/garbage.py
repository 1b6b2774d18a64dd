"""What nothing leads to: the law by which content may be deleted.

Whatever names a digest keeps its blob, wherever the name stands, be it in a record, in a file on its way to the
records, or in another blob that is kept. So the law needs to know nothing of what refers to what; it errs by keeping.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from kaizenml.core.digest import Digest

_DIGEST_HEX = 64
_OVERLAP = _DIGEST_HEX + 1
_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
#: How a document begins that may name blobs: only JSON does, be it in chunks or whole.
_NAMING = (b"{", b"[")


def digests_in(content: bytes) -> set[Digest]:
    """Return every digest that stands in a text: 64 hexadecimal digits in a row, and no more."""
    return {Digest(each.decode()) for each in _DIGEST.findall(content)}


def digests_in_chunks(chunks: Iterable[bytes]) -> set[Digest]:
    """Return every digest that stands in a text, of which only a chunk at a time is held."""
    found: set[Digest] = set()
    text, is_first = b"", True
    for chunk in chunks:
        text += chunk
        # One at the end may go on in the next chunk. What follows an overlap was looked at before.
        inner = (each for each in _DIGEST.finditer(text) if each.end() < len(text) and (is_first or each.start()))
        found |= {Digest(each.group().decode()) for each in inner}
        is_first = is_first and len(text) <= _OVERLAP
        text = text[-_OVERLAP:]
    last = _DIGEST.search(text, max(0, len(text) - _DIGEST_HEX))
    return found | ({Digest(last.group().decode())} if last and last.end() == len(text) else set())


def names_blobs(beginning: bytes) -> bool:
    """Say whether content that begins so may name other blobs: JSON may, while models, tables and pictures do not."""
    return beginning.lstrip()[:1] in _NAMING


def reached(
    named: Iterable[Digest], there: Collection[Digest], leads_to: Callable[[Digest], Iterable[Digest]]
) -> set[Digest]:
    """Return the blobs that something leads to, over however many others.

    Parameters
    ----------
    named
        The digests that stand anywhere outside of the blobs.
    there
        The blobs that there are; other digests name no blob.
    leads_to
        The digests that stand in a blob.
    """
    waiting = {each for each in named if each in there}
    found = set(waiting)
    while waiting:
        new = {each for each in leads_to(waiting.pop()) if each in there and each not in found}
        found |= new
        waiting |= new
    return found
