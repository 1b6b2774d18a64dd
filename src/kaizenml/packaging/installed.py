"""A wheel of a pure-Python distribution that is installed here, rebuilt from its files.

A model's wheel requires kaizenml; until an index has that, its wheel travels beside.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from pathlib import Path

from kaizenml.errors import NotFoundError, UsageError
from kaizenml.packaging.wheel import WHEEL, wheel_of

_COMPILED = (".so", ".pyd", ".dylib", ".dll")
_METADATA = ("METADATA", "entry_points.txt", "top_level.txt")


def package_wheel_of(distribution: str) -> tuple[str, bytes]:
    """Return the file name and the bytes of a wheel of an installed distribution, editable or not, data files included.

    Raises
    ------
    NotFoundError
        When it is not installed.
    UsageError
        When it holds compiled code, or cannot be found on disk.
    """
    found = _distribution(distribution)
    name = found.name.replace("-", "_").replace(".", "_").lower()
    info = f"{name}-{found.version}.dist-info"
    files = _editable_files(found) if _is_editable(found) else _installed_files(found)
    compiled = sorted(path for path in files if path.endswith(_COMPILED))
    if compiled or not files:
        reason = f"it holds compiled code: {compiled[0]}" if compiled else "none of its files are on disk"
        raise UsageError(f"No wheel of {distribution} can be made here: {reason}.", "Take its wheel from an index.")
    members = {path: file.read_bytes() for path, file in files.items()}
    members |= {f"{info}/{path}": content for path, content in _metadata(found).items()}
    return f"{name}-{found.version}-py3-none-any.whl", wheel_of(members, info)


def _distribution(name: str) -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution(name)
    except (importlib.metadata.PackageNotFoundError, ValueError) as error:
        known = (each.name for each in importlib.metadata.distributions())
        raise NotFoundError("installed distribution", name, known) from error


def _is_editable(found: importlib.metadata.Distribution) -> bool:
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    return bool(origin.get("dir_info", {}).get("editable"))


def _editable_files(found: importlib.metadata.Distribution) -> dict[str, Path]:
    """Return the files of the package that carries the distribution's name, from where it is worked on."""
    package = found.name.replace("-", "_")
    spec = importlib.util.find_spec(package)
    roots = [Path(root) for root in (spec.submodule_search_locations or [])] if spec else []
    paths = (path for root in roots for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"{package}/{path.relative_to(_root(path, roots)).as_posix()}": path for path in paths}


def _root(path: Path, roots: list[Path]) -> Path:
    return next(root for root in roots if path.is_relative_to(root))


def _installed_files(found: importlib.metadata.Distribution) -> dict[str, Path]:
    files = {str(file): Path(str(file.locate())) for file in found.files or ()}
    return {
        name: path
        for name, path in files.items()
        if not name.startswith("..")
        and ".dist-info/" not in name
        and "__pycache__" not in name
        and not name.endswith(".pth")
        and path.is_file()
    }


def _metadata(found: importlib.metadata.Distribution) -> dict[str, bytes]:
    texts = {name: found.read_text(name) for name in _METADATA}
    kept = {name: text.encode() for name, text in texts.items() if text}
    licences = {
        str(file).partition(".dist-info/")[2]: Path(str(file.locate())).read_bytes()
        for file in found.files or ()
        if ".dist-info/licenses/" in str(file)
    }
    return {**kept, **licences, "WHEEL": WHEEL.encode()}
