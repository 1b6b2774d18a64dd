"""scikit-learn objects in skops' format: written the same every time, and audited before they are built."""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Collection, Mapping

from kaizenml.errors import UnsafeArtefactError, UsageError, WrongEnvironmentError
from kaizenml.packaging.archive import Limits, check_depth, read_archive, shown, write_archive
from kaizenml.packaging.arrays import check_array, check_sparse, without_padding
from kaizenml.packaging.inspection import check_object
from kaizenml.packaging.trust import audited, check_library, nodes

LIMITS = Limits(members=65_000)
PROTOCOL = 2
"""The only protocol that is read: older ones load through older, laxer code of skops."""

_DEPTH = 300
_SCHEMA = "schema.json"
_MEMBER = re.compile(r"[A-Za-z0-9_-]{1,64}\.(npy|npz|bin)")
_HINT = "Train and save the model again with this version of kaizenml."


def is_sklearn_like(estimator: object) -> bool:
    """Say whether an object is an estimator built on scikit-learn's."""
    kinds = type(estimator).__mro__
    return any(kind.__module__.startswith("sklearn.") for kind in kinds) and hasattr(estimator, "get_params")


def save(estimator: object, extra_trusted: Collection[str] = ()) -> bytes:
    """Return the estimator as bytes that `load` will take.

    Raises
    ------
    UsageError
        When it holds something that cannot be saved.
    UnsafeArtefactError
        When it holds something that would be refused at loading; names it.
    """
    import skops.io

    try:
        raw = skops.io.dumps(estimator)
    except (TypeError, ValueError, AttributeError, RecursionError, NotImplementedError) as error:
        raise UsageError(
            f"The model cannot be saved: {_short(error)}.",
            "Keep only fitted scikit-learn objects and plain values in it.",
        ) from error
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop(_SCHEMA))
    audited(schema, extra_trusted)
    check_object(estimator)
    _settle(schema)
    names = _renumber(schema)
    stored = {names.get(name, name): _settled(name, content) for name, content in members.items()}
    return write_archive({_SCHEMA: json.dumps(schema, separators=(",", ":")).encode(), **stored})


def load(content: bytes, extra_trusted: Collection[str] = ()) -> object:
    """Return the estimator in the bytes, once every member, type and value in them has been looked at.

    Raises
    ------
    UnsafeArtefactError
        For anything that is not a model of trusted types.
    WrongEnvironmentError
        When it was made with other libraries.
    """
    members = read_archive(content, LIMITS, "model")
    schema = _schema(members)
    trusted = audited(schema, extra_trusted)
    _check_members(members)
    check_library(schema)
    estimator = _built(members, trusted)
    check_object(estimator)
    return estimator


def module_names(content: bytes) -> frozenset[str]:
    """Return the modules that the types of a saved model live in, such as ``{"numpy", "sklearn.pipeline"}``."""
    schema = _schema(read_archive(content, LIMITS, "model"))
    return frozenset(str(node["__module__"]) for node in nodes(schema))


def _schema(members: Mapping[str, bytes]) -> dict[str, object]:
    if _SCHEMA not in members:
        raise UnsafeArtefactError(f"The model has no {_SCHEMA}: it is no skops file.", _HINT)
    check_depth(members[_SCHEMA], _DEPTH, _SCHEMA)
    try:
        schema = json.loads(members[_SCHEMA])
    except (ValueError, RecursionError) as error:
        raise UnsafeArtefactError(f"The {_SCHEMA} of the model is not JSON: {error}.", _HINT) from error
    if not isinstance(schema, dict) or schema.get("protocol") is not PROTOCOL:
        raise UnsafeArtefactError(f"The model is not of skops protocol {PROTOCOL}.", _HINT)
    return schema


def _check_members(members: Mapping[str, bytes]) -> None:
    for name, content in members.items():
        if name != _SCHEMA and not _MEMBER.fullmatch(name):
            raise UnsafeArtefactError(f"The model has a member that belongs nowhere: {shown(name)}.", _HINT)
        if name.endswith(".npy"):
            check_array(name, content)
        elif name.endswith(".npz"):
            check_sparse(name, content)


def _built(members: Mapping[str, bytes], trusted: Collection[str]) -> object:
    """Build from a new archive of the bytes that were looked at, never from the one that came."""
    import skops.io

    checked = io.BytesIO()
    with zipfile.ZipFile(checked, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    checked.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return skops.io.load(checked, trusted=sorted(trusted))
    except (ImportError, AttributeError) as error:
        raise WrongEnvironmentError(f"The model needs what is not installed here: {_short(error)}.", _HINT) from error
    except Exception as error:  # a forged file makes any library raise anything
        raise UnsafeArtefactError(f"The model cannot be built: {_short(error)}.", _HINT) from error


def _settled(name: str, content: bytes) -> bytes:
    return without_padding(content) if name.endswith(".npy") else content


def _settle(schema: object) -> None:
    """Sort sets, whose order changes with the process, and forget memory addresses that scikit-learn keeps."""
    for node in _in_order(schema):
        content = node.get("content")
        if node["__loader__"] == "SetNode" and isinstance(content, list):
            content.sort(key=lambda item: str(item.get("content")))
        if isinstance(content, dict) and "_stop_words_id" in content:
            content["_stop_words_id"]["content"] = "0"


def _renumber(schema: object) -> dict[str, str]:
    """Replace memory addresses and random names in a schema by numbers in order; return the new names of members."""
    listed = list(_in_order(schema))
    uses = Counter(node.get("__id__") for node in listed)
    ids: dict[object, int] = {}
    names: dict[str, str] = {}
    for node in listed:
        identity = node.pop("__id__", None)
        if uses[identity] > 1 and node["__loader__"] != "JsonNode":
            node["__id__"] = ids.setdefault(identity, len(ids) + 1)
        file = node.get("file")
        if isinstance(file, str):
            node["file"] = names.setdefault(file, f"{len(names)}.{file.rpartition('.')[2]}")
    return names


def _in_order(schema: object) -> list[dict[str, object]]:
    return [node for node in nodes(schema) if isinstance(node, dict)]


def _short(error: BaseException) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 300 else f"{text[:297]}..."
