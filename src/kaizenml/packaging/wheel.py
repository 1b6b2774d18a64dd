"""A model as an installable wheel: written here, in one go, the same bytes every time.

The wheel holds the bundle and three lines of Python around it; all behaviour is kaizenml's own, which it requires in
exactly the version that made it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from string import Template

from kaizenml._version import __version__
from kaizenml.core.names import checked_name
from kaizenml.errors import UsageError
from kaizenml.packaging.archive import shown, write_archive
from kaizenml.packaging.bundle import unpack

_VERSION = re.compile(r"\d{1,9}(\.\d{1,9}){0,3}((a|b|rc)\d{1,9})?(\.post\d{1,9})?(\.dev\d{1,9})?", re.ASCII)
_PIN = re.compile(r"[0-9][0-9A-Za-z.]{0,40}", re.ASCII)
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,80}[A-Za-z0-9])?", re.ASCII)
_PYTHON = re.compile(r"(3\.\d{1,2})\.\d+\S*", re.ASCII)

_INIT = Template('''"""The model $name, version $version. Read MODEL_CARD.md beside this file."""

from functools import cache
from importlib.resources import files

__version__ = "$version"


def bundle() -> bytes:
    """Return the model with all that serving it needs, as kaizenml packed it."""
    return files(__name__).joinpath("data", "bundle.zip").read_bytes()


@cache
def load():
    """Return the model, loaded and checked against its golden rows."""
    from kaizenml.loop.scoring import load_bundle

    return load_bundle(bundle())


def predict(rows):
    """Return one {"value": ..., "probabilities": {...}} for each row, a mapping of raw columns."""
    from kaizenml.packaging.command import predicted

    return predicted(load(), rows)
''')
_MAIN = Template('''"""`$name-predict in.csv --out out.csv`, `$name-predict --selftest`."""

import sys

import $package


def main() -> None:
    from kaizenml.packaging.command import run

    sys.exit(run("$name", $package.__version__, $package.bundle, $package.load, sys.argv[1:]))


if __name__ == "__main__":
    main()
''')
_METADATA = Template("""Metadata-Version: 2.4
Name: $distribution
Version: $version
Summary: The model $name, made with kaizenml $kaizenml.
Requires-Python: >=$python
${requires}Description-Content-Type: text/markdown

""")
WHEEL = "Wheel-Version: 1.0\nGenerator: kaizenml\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(
    name: str, version: str, bundle: bytes, card: str, requirements: Mapping[str, str] | None = None
) -> tuple[str, bytes]:
    """Return the file name and the bytes of a wheel around a bundle.

    It brings the package ``<name>_model`` with ``load()`` and ``predict(rows)``, and the command ``<name>-predict``.

    Parameters
    ----------
    name
        The project's name; dashes become underscores in the package.
    version
        As indexes want it, such as ``3.0.0``.
    bundle
        What `kaizenml.packaging.bundle.pack` returned; it is unpacked once, so that no broken wheel is written.
    card
        The model card, in Markdown.
    requirements
        Distribution → version, each pinned exactly. None: what the bundle's manifest needs.

    Raises
    ------
    UsageError
        When a name or version is none.
    UnsafeArtefactError
        When the bundle is none.
    """
    manifest = unpack(bundle).manifest
    facts = {
        "name": checked_name("project", name),
        "package": package_name(name),
        "distribution": package_name(name).replace("_", "-"),
        "version": _checked("version", version, _VERSION),
        "kaizenml": _checked("version", __version__, _VERSION),
        "python": _python(manifest.python),
        "requires": _requires(manifest.needs if requirements is None else requirements),
    }
    text = card.encode("utf-8", "replace")
    package, info = facts["package"], f"{facts['package']}-{version}.dist-info"
    return f"{package}-{version}-py3-none-any.whl", wheel_of(
        {
            f"{package}/__init__.py": _INIT.substitute(facts).encode(),
            f"{package}/__main__.py": _MAIN.substitute(facts).encode(),
            f"{package}/MODEL_CARD.md": text,
            f"{package}/data/bundle.zip": bundle,
            f"{info}/METADATA": _METADATA.substitute(facts).encode() + text,
            f"{info}/WHEEL": WHEEL.encode(),
            f"{info}/entry_points.txt": f"[console_scripts]\n{name}-predict = {package}.__main__:main\n".encode(),
        },
        info,
    )


def package_name(name: str) -> str:
    """Return the name of the package that a project's wheel brings."""
    return f"{checked_name('project', name).replace('-', '_')}_model"


def wheel_of(members: Mapping[str, bytes], info: str) -> bytes:
    """Return a wheel of the members, with the RECORD of their digests in the folder ``info``."""
    record = "".join(f"{path},{_digest(members[path])},{len(members[path])}\n" for path in sorted(members))
    return write_archive({**members, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()})


def _digest(content: bytes) -> str:
    return f"sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()}"


def _requires(pins: Mapping[str, str]) -> str:
    names = [_checked("distribution", name, _DISTRIBUTION) for name in sorted(pins)]
    pinned = (f"{name}=={_checked('version', pins[name], _PIN)}" for name in names)
    own = f"kaizenml[serve]=={_checked('version', __version__, _VERSION)}"
    return "".join(f"Requires-Dist: {line}\n" for line in (own, *pinned))


def _python(version: str) -> str:
    """Return the first two numbers of the Python that made a model: its code may use that one's syntax."""
    return ".".join(_checked("Python version", version, _PYTHON).split(".")[:2])


def _checked(what: str, text: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise UsageError(f"{shown(text)} is not a {what}.", "Use letters, digits and dots, as package indexes do.")
    return text
