"""A release as wheels on disk: its own, and kaizenml's beside it, which it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from kaizenml.errors import StateError
from kaizenml.loop.wiring import House
from kaizenml.packaging.installed import package_wheel_of
from kaizenml.packaging.prove import prove
from kaizenml.packaging.wheel import build_wheel


def write_wheels(house: House, name: str, out: Path, *, is_proved: bool) -> dict[str, Any]:
    """Write the wheel of a packaged release, and kaizenml's, into a folder; prove them in a fresh environment if asked.

    Raises
    ------
    StateError
        When the release has no wheel yet.
    """
    with house.records.reading() as books:
        release = books.releases.get(name)
        version = books.models.get(release.model_version)
    if release.wheel is None:
        raise StateError(
            f"{name} is {release.state} and has no wheel yet.", f"Approve it first: `kaizen approve {name}`."
        )
    content = house.blobs.get(release.wheel)
    file, _ = build_wheel(release.project, f"{release.number}.0.0", house.blobs.get(version.bundle), "")
    out.mkdir(parents=True, exist_ok=True)
    runtime, runtime_content = package_wheel_of("kaizenml")
    (out / file).write_bytes(content)
    (out / runtime).write_bytes(runtime_content)
    files = [out / file, out / runtime]
    found: dict[str, Any] = {"files": [str(path) for path in files]}
    if is_proved:
        found["proof"] = msgspec.to_builtins(prove(files, release.project))
    return found
