"""The environment of a model: what was installed, what of it serving needs, and whether this one will do."""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import platform
import re
import sys
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path

from kaizenml.core.run import Environment
from kaizenml.errors import WrongEnvironmentError, bounded
from kaizenml.packaging.formats import format_of
from kaizenml.packaging.imports import imported, is_standard, own_files, owners

RUNTIME = ("msgspec", "polars")
"""What serving imports whatever the model is; the wheel asks for it by ``kaizenml[serve]``."""

#: Distributions whose pickled or saved state changes with the second number of the version.
_STRICT = frozenset({"scikit-learn", "numpy", "scipy", "polars", "lightgbm", "xgboost", "torch", "skops"})
_NAME = re.compile(r"[-_.]+")
#: Name and version stand in the first lines of a distribution's facts.
_HEAD_BYTES = 400


def captured() -> Environment:
    """Return the environment of this process: interpreter, machine, and every installed distribution."""
    return Environment(
        python=platform.python_version(),
        platform=f"{platform.system()}-{platform.machine()}".lower(),
        packages=_installed(),
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=_memory_bytes(),
        processor=_processor(Path("/proc/cpuinfo")),
        gpus=_gpus(Path("/proc/driver/nvidia/gpus")),
    )


def needed(
    model: bytes, code: Mapping[str, bytes], environment: Environment, model_format: str = "skops"
) -> dict[str, str]:
    """Return the distributions that serving a model needs, each with the version that it was made with.

    Found without running anything: the modules that the model's types live in, and the imports of the packaged code,
    wherever in it they stand. A module is looked up in the files of every installed distribution.
    Labels of local builds (``+cpu``) are dropped, because no index has them. The project's own modules and the
    standard library are not asked for, nor is kaizenml itself.

    Raises
    ------
    WrongEnvironmentError
        When the code imports what no installed distribution brings; names module and file.
    """
    form = format_of(model_format, model)
    names = set(RUNTIME + form.runtime)
    for path, modules in _imports(form.module_names(model), code).items():
        for module, is_optional in modules.items():
            if not is_standard(module) and not _is_own(module, code):
                names |= {canonical_name(name) for name in _brought_by(module, path, is_optional=is_optional)}
    pinned = {name: environment.packages.get(name, "") for name in names - {"kaizenml"}}
    return {name: version.partition("+")[0] for name, version in sorted(pinned.items()) if version}


def check(needed: Mapping[str, str], environment: Environment) -> None:
    """Refuse an environment in which a model could not be loaded, or would answer otherwise.

    Notes
    -----
    The policy, from what was seen to break: libraries whose objects or arithmetic a model holds (scikit-learn, numpy,
    scipy, polars, skops, LightGBM, XGBoost, PyTorch) must agree in the first two numbers of the version, because a
    model saved under scikit-learn 1.5 to 1.7 does not load in 1.9. Others must agree in the first number (or, while
    that is 0, in the second). Patch releases are free everywhere.

    Raises
    ------
    WrongEnvironmentError
        Naming each package, the version wanted and found, and the command that mends it.
    """
    wrong = {
        name: (wanted, environment.packages.get(name, "none"))
        for name, wanted in sorted(needed.items())
        if not _agrees(name, wanted, environment.packages.get(name))
    }
    if wrong:
        listed = bounded(f"{name} {found} instead of {wanted}" for name, (wanted, found) in wrong.items())
        pins = " ".join(f"'{name}=={wanted}'" for name, (wanted, _) in wrong.items())
        raise WrongEnvironmentError(
            f"The model was made with other libraries: here is {listed}.",
            f"Run `python -m pip install {pins}`, or `uv pip install {pins}`.",
            {"packages": {name: {"wanted": wanted, "found": found} for name, (wanted, found) in wrong.items()}},
        )


def canonical_name(distribution: str) -> str:
    """Return a distribution's name as indexes spell it: small letters and single dashes (PEP 503)."""
    return _NAME.sub("-", distribution).lower()


def _imports(of_model: Collection[str], code: Mapping[str, bytes]) -> dict[str, dict[str, bool]]:
    found = {path: imported(code[path], path) for path in _used(code)}
    return {"the model": dict.fromkeys(of_model, False), **found}


def _used(code: Mapping[str, bytes]) -> list[str]:
    """Return the files that serving reaches from project.py by imports: a script that makes data is none of them."""
    if "project.py" not in code:
        return sorted(code)
    seen: set[str] = set()
    waiting = ["project.py"]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += own_files(code[path], path, code)
    guesses = any(module.startswith("importlib") for path in seen for module in imported(code[path], path))
    return sorted(code) if guesses else sorted(seen)


def _is_own(module: str, code: Mapping[str, bytes]) -> bool:
    """Say whether a module is one of the project's."""
    root = module.partition(".")[0]
    return any(path.split("/")[0] in (root, f"{root}.py") for path in code)


def _brought_by(module: str, path: str, *, is_optional: bool) -> frozenset[str]:
    found = owners(module)
    if not found and not is_optional:
        raise WrongEnvironmentError(
            f"{path} imports {module}, which no installed distribution brings.",
            f"Install what brings {module}, or put it into the project.",
            {"module": module, "file": path},
        )
    return found


def _installed() -> dict[str, str]:
    """Return what is installed by name; of what is in several of the places that Python looks at, the first counts."""
    found: dict[str, str] = {}
    for place in reversed(dict.fromkeys(sys.path)):
        found |= _found_in(place, _changed_at(place))
    return dict(sorted(found.items()))


@lru_cache(maxsize=256)
def _found_in(place: str, changed_at: int) -> dict[str, str]:  # noqa: ARG001
    """Return what is installed in one place, looked up anew when it has changed."""
    facts = [_name_and_version(each) for each in importlib.metadata.distributions(path=[place])]
    return {canonical_name(name): version for name, version in reversed(facts) if name}


def _changed_at(place: str) -> int:
    try:
        return os.stat(place or ".").st_mtime_ns
    except OSError:
        return 0


def _name_and_version(distribution: importlib.metadata.Distribution) -> tuple[str, str]:
    """Return what a distribution is called, from the head of its facts: parsing them whole takes a millisecond each."""
    path = getattr(distribution, "_path", None)
    try:
        with open(os.path.join(str(path), "METADATA"), encoding="utf-8", errors="replace") as facts:
            lines = itertools.takewhile(str.strip, facts.readlines(_HEAD_BYTES))
            head = dict(line.strip().partition(": ")[::2] for line in lines)
    except OSError:
        head = {}
    if "Name" in head and "Version" in head:
        return head["Name"], head["Version"]
    return distribution.name or "", distribution.version


def _processor(cpuinfo: Path) -> str:
    """Return the model of the first processor; nothing where the system does not tell."""
    try:
        with cpuinfo.open("r", errors="replace") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        head = ""
    found = re.search(r"^model name\s*:\s*(.+)$", head, re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.processor()


def _gpus(folder: Path) -> tuple[str, ...]:
    """Return the model of each graphics card that the driver of NVIDIA's knows."""
    try:
        told = [(each / "information").read_text("utf-8", "replace") for each in sorted(folder.iterdir())]
    except OSError:
        return ()
    found = [re.search(r"^Model:\s*(.+)$", text, re.MULTILINE) for text in told]
    return tuple(each[1].strip() for each in found if each)


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def _agrees(name: str, wanted: str, found: str | None) -> bool:
    if found is None:
        return False
    a, b = _release(wanted), _release(found)
    return a[:2] == b[:2] if name in _STRICT or a[:1] == ("0",) else a[:1] == b[:1]


def _release(version: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\d+", version.partition("+")[0])[:3])
