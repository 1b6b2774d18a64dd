"""The bundle: one archive with everything that serving a model needs.

::

    manifest.json    format number, versions it was made with, libraries it needs, which run and snapshot made it
    model            the estimator, in the format that the manifest names
    signature.json   what it takes and gives
    golden.json      raw rows and what it answered when it was made
    parts/NAME.json  plan, contract, reference, watch …
    code/PATH.py     the project's own modules
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from kaizenml.core.digest import canonical
from kaizenml.core.signature import GoldenRows, Signature
from kaizenml.errors import UnsafeArtefactError, UsageError
from kaizenml.packaging.archive import Limits, check_depth, check_names, read_archive, shown, write_archive

FORMAT = 1
"""The number of the layout above; a bundle of a higher number is refused by name, not by accident."""

LIMITS = Limits()
_DEPTH = 64
_PART = re.compile(r"[a-z][a-z0-9_-]{0,62}\.json")
_CODE = re.compile(r"(?:[^/]+/)*[^/]+\.py")
_HINT = "Make the model again with this version of kaizenml, or ask whoever made the file for a new one."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Manifest:
    """With what a bundle was made, and what loading it needs.

    ``needs`` pins the distributions that serving needs (`kaizenml.packaging.environment.needed`); ``run`` and
    ``snapshot`` name what it was made from.
    """

    kaizenml: str
    python: str
    model_format: str
    needs: Mapping[str, str] = field(default_factory=dict)
    run: str = ""
    snapshot: str = ""
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model with all that serving it needs; ``parts`` are JSON documents, ``code`` project-relative modules."""

    manifest: Manifest
    model: bytes
    signature: Signature
    golden: GoldenRows
    parts: Mapping[str, bytes] = field(default_factory=dict)
    code: Mapping[str, bytes] = field(default_factory=dict)


def pack(bundle: Bundle) -> bytes:
    """Return the bundle as one archive: the same bundle gives the same bytes, anywhere and always.

    Raises
    ------
    UsageError
        When a part or module has a name that no bundle may hold, or a value that JSON cannot say.
    """
    members = {
        "manifest.json": _document("manifest", bundle.manifest),
        "signature.json": _document("signature", bundle.signature),
        "golden.json": _document("golden rows", bundle.golden),
        "model": bundle.model,
        **{f"parts/{name}": content for name, content in bundle.parts.items()},
        **{f"code/{path}": content for path, content in bundle.code.items()},
    }
    _check_packable(bundle, members)
    return write_archive(members, ratio=LIMITS.ratio)


def unpack(content: bytes) -> Bundle:
    """Return the bundle in an archive, after every check; nothing of it is run.

    Raises
    ------
    UnsafeArtefactError
        When the archive is not one that `pack` could have written; names the member.
    """
    members = read_archive(content, LIMITS, "bundle")
    manifest = _manifest(_member(members, "manifest.json"))
    return Bundle(
        manifest=manifest,
        model=_member(members, "model"),
        signature=_parsed("signature.json", _member(members, "signature.json"), Signature),
        golden=_parsed("golden.json", _member(members, "golden.json"), GoldenRows),
        parts=_folder(members, "parts/", _PART),
        code=_folder(members, "code/", _CODE),
    )


def _document(what: str, value: object) -> bytes:
    try:
        return canonical(msgspec.to_builtins(value))
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"The {what} of a bundle hold a value that JSON cannot say: {error}.", "Use None for what is missing."
        ) from error


def _check_packable(bundle: Bundle, members: Mapping[str, bytes]) -> None:
    wrong = [name for name in bundle.parts if not _PART.fullmatch(name)]
    wrong += [path for path in bundle.code if not _CODE.fullmatch(path)]
    if wrong:
        raise UsageError(
            f"A bundle cannot hold {shown(wrong[0])}.",
            "Parts are called like 'plan.json', modules like 'folder/name.py'.",
        )
    try:
        check_names(members, "bundle")
        for name, content in bundle.parts.items():
            _check_json(name, content)
    except UnsafeArtefactError as error:
        raise UsageError(error.message, "Rename or mend it in the project.") from error


def _member(members: dict[str, bytes], name: str) -> bytes:
    if name not in members:
        raise UnsafeArtefactError(f"The bundle has no {name}.", _HINT)
    return members.pop(name)


def _manifest(content: bytes) -> Manifest:
    number = _parsed("manifest.json", content, _Numbered).format
    if number != FORMAT:
        raise UnsafeArtefactError(f"The bundle has format {number}; this kaizenml reads format {FORMAT}.", _HINT)
    return _parsed("manifest.json", content, Manifest)


@dataclass(frozen=True, slots=True)
class _Numbered:
    format: int


#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (
    msgspec.json.Decoder(GoldenRows),
    msgspec.json.Decoder(Manifest),
    msgspec.json.Decoder(Signature),
    msgspec.json.Decoder(_Numbered),
)


def _folder(members: dict[str, bytes], folder: str, pattern: re.Pattern[str]) -> dict[str, bytes]:
    """Take the members of one folder; ``code/`` comes last, so what is left over then belongs nowhere."""
    taken = {name.removeprefix(folder): content for name, content in members.items() if name.startswith(folder)}
    for name in taken:
        members.pop(folder + name)
        if not pattern.fullmatch(name):
            raise UnsafeArtefactError(f"The bundle has a member that belongs nowhere: {shown(folder + name)}.", _HINT)
        if folder == "parts/":
            _check_json(name, taken[name])
    if folder == "code/" and members:
        raise UnsafeArtefactError(f"The bundle has a member that belongs nowhere: {shown(min(members))}.", _HINT)
    return taken


def _check_json(name: str, content: bytes) -> None:
    check_depth(content, _DEPTH, name)
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnsafeArtefactError(f"The member {shown(name)} of the bundle is not JSON: {error}.", _HINT) from error


def _parsed(name: str, content: bytes, kind: type[T]) -> T:
    check_depth(content, _DEPTH, name)
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UnsafeArtefactError(
            f"The member {name} of the bundle is not what it should be: {error}.", _HINT
        ) from error
